//! Numbers as people read them. Decimal units, because file sizes and bandwidths are sold and compared in them.

/// `807.7 MB`, `2.47 GB`: four significant digits at most, three below 100.
pub(crate) fn bytes(n: u64) -> String {
    scaled(n as f64, &[" B", " kB", " MB", " GB", " TB", " PB"])
}

/// `807.7M`, `2.47G`, for narrow columns.
pub(crate) fn bytes_short(n: u64) -> String {
    scaled(n as f64, &["B", "k", "M", "G", "T", "P"])
}

/// `1.24 B`, `812 k`: parameters.
pub(crate) fn params(n: u64) -> String {
    scaled(n as f64, &["", " k", " M", " B", " T"])
}

/// `1.24B`, for narrow columns.
pub(crate) fn params_short(n: u64) -> String {
    scaled(n as f64, &["", "k", "M", "B", "T"])
}

/// `311 MB/s`; nothing below a byte.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second < 1.0 { String::from("–") } else { format!("{}/s", bytes(per_second as u64)) }
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // 999.95 would print as 1000.0: move on a little early.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ if units[unit].trim_end().ends_with(['k', 'B']) && unit == 1 => 0,
        _ => 1,
    };
    format!("{value:.digits$}{}", units[unit])
}

/// `0:07`, `12:04`, `1:02:03`.
pub(crate) fn duration(seconds: f64) -> String {
    let s = if seconds.is_finite() { seconds.clamp(0.0, 3.6e8) as u64 } else { return String::from("–") };
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// How long something took: `0.42 s`, `28.2 s`, then as [`duration`].
pub(crate) fn took(seconds: f64) -> String {
    match seconds {
        s if !(0.0..60.0).contains(&s) => duration(s),
        s if s < 10.0 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// How long ago something was, by its seconds: `now`, `3 min`, `2 h`, `5 d`.
pub(crate) fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "now".to_owned(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `40 960` with thin groups.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// `62 %`, never 100 before it is done.
pub(crate) fn percent(fraction: f64) -> String {
    let f = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
    let p = (f * 100.0).round();
    let p = if p >= 100.0 && f < 1.0 { 99.0 } else { p };
    format!("{p:.0} %")
}

/// `3 tensors`, `1 tensor`.
pub(crate) fn plural(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", count(n as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_like_sizes() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (807_693_120, "807.7 MB"),
            (999_960_000, "1.00 GB"),
            (2_471_645_608, "2.47 GB"),
            (33_554_432, "33.6 MB"),
            (412_000_000_000, "412.0 GB"),
            (u64::MAX, "18446.7 PB"),
        ];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(params(1_235_814_400), "1.24 B");
        assert_eq!(params(33_360_000), "33.4 M");
        assert_eq!(params(812_345), "812 k");
        assert_eq!(bytes_short(148_000_000), "148.0M");
    }

    #[test]
    fn times_and_counts() {
        assert_eq!(duration(7.9), "0:07");
        assert_eq!(duration(3723.0), "1:02:03");
        assert_eq!(duration(f64::NAN), "–");
        assert_eq!((took(0.419).as_str(), took(28.18).as_str(), took(61.0).as_str()), ("0.42 s", "28.2 s", "1:01"));
        let ages = [-5, 59, 60, 3_599, 3_600, 172_799, 172_800].map(age);
        assert_eq!(ages, ["now", "now", "1 min", "59 min", "1 h", "47 h", "2 d"]);
        assert_eq!(count(40_960), "40 960");
        assert_eq!(count(9999), "9999");
        assert_eq!(percent(0.999), "99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(plural(1, "tensor", "tensors"), "1 tensor");
    }
}
