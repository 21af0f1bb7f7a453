//! A budget as it is typed: the size of the file, or bits for each weight.

use crate::recipe::parse_size;
use std::fmt;

/// What a file may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Budget {
    /// `target_size`, as typed: it becomes a part of the file's name.
    Size(String),
    /// `target_bpw`.
    BitsPerWeight(f64),
}

/// The bits that a recipe takes.
const BITS: std::ops::RangeInclusive<f64> = 0.5..=32.0;

impl Budget {
    /// `760MB`, `4.5 GiB`; `4.25`, `4.25 bpw`. A bare number is bits, for nobody means 760 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let bits = lower.strip_suffix("bpw").map(str::trim_end);
        let number = |t: &str| t.parse::<f64>().ok().filter(|n| BITS.contains(n));
        if bits.is_some() || text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
            return number(bits.unwrap_or(text)).map(Self::BitsPerWeight);
        }
        parse_size(text).filter(|n| *n > 0).map(|_| Self::Size(text.split_whitespace().collect()))
    }
}

impl fmt::Display for Budget {
    /// As it is typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(text) => f.write_str(text),
            Self::BitsPerWeight(bits) => write!(f, "{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_bits_and_neither() {
        let size = |t: &str| Some(Budget::Size(t.to_owned()));
        let bits = |n| Some(Budget::BitsPerWeight(n));
        let cases = [
            ("760MB", size("760MB")),
            (" 4.5 GiB ", size("4.5GiB")),
            ("3g", size("3g")),
            ("900000b", size("900000b")),
            ("4.25", bits(4.25)),
            ("4.25 bpw", bits(4.25)),
            ("5BPW", bits(5.0)),
            ("", None),
            ("760", None),
            ("0", None),
            ("0MB", None),
            ("-1", None),
            ("nan", None),
            ("inf", None),
            ("bpw", None),
            ("4.25 bits", None),
            ("small", None),
        ];
        for (text, budget) in cases {
            assert_eq!(Budget::parse(text), budget, "{text}");
        }
    }
}
