//! Formats figures for people: three digits, decimal units. Knows nothing about what is counted. The workbench has shorter forms of its own
//! for narrow columns (`tui::core::units`). `escape` makes text from outside safe to show.

mod escape;
pub(crate) mod print;
mod shell;

pub(crate) use escape::{escape, escape_json, escape_lines, is_hidden, placeholders, without_sequences};
pub(crate) use shell::{own_arguments, own_command, own_words, quoted};

use std::path::Path;

/// Serializes a path for people: bytes that are not UTF-8 become U+FFFD, where serde has an error for them.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn lossy<S: serde::Serializer>(path: &impl AsRef<Path>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.as_ref().to_string_lossy())
}

/// Bytes in decimal units: `807.7 MB`, `2.47 GB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.95 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{n} B"),
        _ if value >= 100.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.2} {}", UNITS[unit]),
    }
}

/// Bytes in decimal units, rounded up, so that requesting the displayed amount is enough: `1.84 MB` for 1,832,896.
pub(crate) fn bytes_at_least(n: u64) -> String {
    // The next value with at most three digits, or four where `bytes` shows four.
    let unit = 1000_u64.checked_pow(n.checked_ilog(1000).unwrap_or(0)).unwrap_or(1);
    let step = match n / unit {
        _ if unit == 1 => 1,
        100.. => unit / 10,
        _ => unit / 100,
    };
    bytes(n.div_ceil(step).saturating_mul(step))
}

/// `1 tensor`, `2 tensors`: a number with its noun, which gets an `s` where there is not exactly one.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// `is` or `are`, for so many things.
pub(crate) fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// An error of the operating system in words, without the number that the standard library appends (`(os error 2)`).
pub(crate) fn system_error(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound && error.raw_os_error().is_some() {
        return "no such file or folder".to_owned();
    }
    let text = error.to_string();
    match (error.raw_os_error(), text.rsplit_once(" (os error ")) {
        (Some(_), Some((words, _))) => {
            let mut chars = words.chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        }
        _ => text,
    }
}

/// A figure with four digits, of any size: `1.86`, `0.01234`, `3.2e-7`, and `0` for none.
pub(crate) fn figure(x: f64) -> String {
    let size = x.abs();
    let text = match size {
        _ if size == 0.0 => return "0".to_owned(),
        _ if (1e-3..1e4).contains(&size) => {
            let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{x:.digits$}")
        }
        _ => return format!("{x:.3e}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Decibels with one decimal; what rounds to nothing has no sign.
pub(crate) fn decibel(db: f64) -> String {
    let text = format!("{db:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// A small error: `1.23e-4`, and `0` if there is none.
pub(crate) fn small(error: f64) -> String {
    if error == 0.0 { "0".to_owned() } else { format!("{error:.2e}") }
}

/// Parameter counts: `1.24 B`, `4.20 M`.
pub(crate) fn count(n: u64) -> String {
    let v = n as f64;
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => format!("{:.1} k", v / 1e3),
        1_000_000..=999_999_999 => format!("{:.2} M", v / 1e6),
        _ => format!("{:.2} B", v / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_have_words_and_no_numbers() {
        let error = std::io::Error::from_raw_os_error;
        assert_eq!(system_error(&error(2)), "no such file or folder");
        assert_eq!(system_error(&error(13)), "permission denied");
        assert_eq!(system_error(&std::io::Error::other("Own words (os error 2)")), "Own words (os error 2)");
        assert_eq!((plural(1, "tensor"), plural(0, "file")), ("1 tensor".to_owned(), "0 files".to_owned()));
    }

    #[test]
    fn figures_keep_three_digits() {
        let cases =
            [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (807_690_112, "807.7 MB"), (2_471_645_608, "2.47 GB")];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
        let least = [(0, "0 B"), (999, "999 B"), (1_832_896, "1.84 MB"), (1_830_000, "1.83 MB"), (999_960, "1.00 MB")];
        for (n, text) in least {
            assert_eq!(bytes_at_least(n), text);
        }
        assert_eq!(bytes_at_least(807_690_112), "807.7 MB");
        assert_eq!(bytes_at_least(807_710_112), "807.8 MB");
        assert!(!bytes_at_least(u64::MAX).is_empty());
        let figures = [
            (0.0, "0"),
            (1.86, "1.86"),
            (0.012_345, "0.01235"),
            (3.2e-7, "3.200e-7"),
            (-2.5, "-2.5"),
            (1234.56, "1235"),
        ];
        for (x, text) in figures {
            assert_eq!(figure(x), text);
        }
        assert_eq!((decibel(-0.04), decibel(-0.06), decibel(12.34)), ("0.0".into(), "-0.1".into(), "12.3".into()));
        assert_eq!((small(0.0), small(0.000_123)), ("0".into(), "1.23e-4".into()));
        assert_eq!((count(9999), count(1_235_814_400)), ("9999".into(), "1.24 B".into()));
    }
}
