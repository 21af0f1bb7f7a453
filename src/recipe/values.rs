//! Small languages inside values: sizes (`4.5GiB`) and conditions (`> 0.05`).

use std::fmt;

/// Bytes of a size: a number with an optional unit. `KB MB GB TB` are powers of 1000, `KiB MiB GiB TiB` of 1024, `K M G T` of 1000 as
/// Hugging Face counts; case and spaces do not matter. `None` if it is none of these or more than `u64` holds. Fractions are cut off.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_')).count();
    let (number, unit) = text.split_at(digits);
    let number = number.replace('_', "");
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    // Half a byte is a unit that was forgotten.
    if scale == 1 && !part.is_empty() {
        return None;
    }
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !(all_digits(whole) && all_digits(part)) || (whole.is_empty() && part.is_empty()) || part.len() > 18 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = if part.is_empty() {
        0
    } else {
        u64::try_from(part.parse::<u128>().ok()? * u128::from(scale) / 10u128.pow(part.len() as u32)).ok()?
    };
    whole.checked_mul(scale)?.checked_add(fraction)
}

/// How a measured value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// A condition of `fail_if`: `> 0.05`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Condition {
    /// The comparison.
    pub comparison: Comparison,
    /// The bound, finite.
    pub bound: f64,
}

impl Condition {
    /// Reads `> 0.05`, `<=3`; `None` if it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let table = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ];
        let (rest, comparison) = table.iter().find_map(|(sign, c)| Some((text.strip_prefix(sign)?, *c)))?;
        let bound: f64 = rest.trim().parse().ok()?;
        bound.is_finite().then_some(Self { comparison, bound })
    }

    /// True if the value meets the condition (so that the run fails). NaN meets every condition: a broken measurement never passes.
    #[cfg(test)]
    pub(crate) fn holds(self, value: f64) -> bool {
        value.is_nan()
            || match self.comparison {
                Comparison::Above => value > self.bound,
                Comparison::AtLeast => value >= self.bound,
                Comparison::Below => value < self.bound,
                Comparison::AtMost => value <= self.bound,
            }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.comparison {
            Comparison::Above => ">",
            Comparison::AtLeast => ">=",
            Comparison::Below => "<",
            Comparison::AtMost => "<=",
        };
        write!(f, "{sign} {}", self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("0", Some(0)),
            ("5GB", Some(5_000_000_000)),
            ("5 gb", Some(5_000_000_000)),
            ("4.5GiB", Some(4_831_838_208)),
            ("4_000", Some(4000)),
            (".5k", Some(500)),
            ("1.KiB", Some(1024)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("18446744073709551615.5k", None),
            ("99999999TiB", None),
            ("", None),
            (".", None),
            ("GB", None),
            ("-5GB", None),
            ("5GBs", None),
            ("1.2.3", None),
            ("1e9", None),
            ("５GB", None),
        ] {
            assert_eq!(parse_size(text), want, "{text:?}");
        }
    }

    #[test]
    fn conditions() {
        let c = Condition::parse("> 0.05").unwrap();
        assert!(c.holds(0.06) && !c.holds(0.05) && c.holds(f64::NAN));
        assert!(Condition::parse("<=3").unwrap().holds(3.0));
        assert_eq!(Condition::parse(&c.to_string()), Some(c));
        for bad in ["0.05", ">", "> x", "=> 3", "> inf", "== 3", ""] {
            assert_eq!(Condition::parse(bad), None, "{bad:?}");
        }
    }
}
