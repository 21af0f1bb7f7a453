//! A budget in place of a quantization: the size of the file, bits for each weight, or what may be lost. One wish, three keys.

use super::gguf::{BUDGET_DATA, LIKE, MAX_KLD, SCORE_TIME, SCORES, TARGET_BPW, TARGET_SIZE};
use crate::recipe::key::Key;
use crate::recipe::{Target, parse_size};
use std::fmt;
use std::path::PathBuf;

/// What a file may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Budget {
    /// `target_size`, as typed: it becomes a part of the file's name.
    Size(String),
    /// `target_bpw`.
    BitsPerWeight(f64),
    /// `max_kld`, in nats.
    Divergence(f64),
}

/// The bits that a recipe takes.
const BITS: std::ops::RangeInclusive<f64> = 0.5..=32.0;

/// The keys that say a budget.
pub(crate) fn budget_keys() -> [&'static Key; 3] {
    [&TARGET_SIZE.key, &TARGET_BPW.key, &MAX_KLD.key]
}

/// True if a target's types are chosen by what the network says of a text, which takes minutes to measure.
pub(crate) fn measures_text(target: &Target) -> bool {
    target.has(&BUDGET_DATA)
}

/// What a target measures on, keeps its costs in, and spends on it.
pub(crate) type Measuring = (Option<PathBuf>, Option<PathBuf>, Option<String>);

/// How a target is measured on a text; nothing where it is not.
pub(crate) fn measuring(target: &Target) -> Option<Measuring> {
    measures_text(target).then(|| (target.get(&BUDGET_DATA), target.get(&SCORES), target.get(&SCORE_TIME)))
}

/// The file whose types a target copies.
pub(crate) fn like_file(target: &Target) -> Option<PathBuf> {
    target.get(&LIKE)
}

/// The file that a target keeps measured costs in.
pub(crate) fn scores_file(target: &Target) -> Option<PathBuf> {
    target.get(&SCORES)
}

impl Budget {
    /// The budget of a target.
    pub fn of(target: &Target) -> Option<Self> {
        let size = target.get(&TARGET_SIZE).map(Self::Size);
        let bits = || target.get(&TARGET_BPW).map(Self::BitsPerWeight);
        size.or_else(bits).or_else(|| target.get(&MAX_KLD).map(Self::Divergence))
    }

    /// Gives the budget to a target, in place of a quantization.
    pub(crate) fn put(self, target: &mut Target) {
        Self::clear(target);
        target.quantization = None;
        match self {
            Self::Size(text) => target.set(&TARGET_SIZE, Some(text)),
            Self::BitsPerWeight(bits) => target.set(&TARGET_BPW, Some(bits)),
            Self::Divergence(nats) => target.set(&MAX_KLD, Some(nats)),
        }
    }

    /// Takes the budget from a target.
    pub(crate) fn clear(target: &mut Target) {
        target.set(&TARGET_SIZE, None);
        target.set(&TARGET_BPW, None);
        target.set(&MAX_KLD, None);
    }

    /// A target without its budget.
    pub(crate) fn without(target: &Target) -> Target {
        let mut target = target.clone();
        Self::clear(&mut target);
        target
    }

    /// `760MB`, `4.5 GiB`; `4.25`, `4.25 bpw`; `kld 0.002`. A bare number is bits: a file of 760 bytes is never meant.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if let Some(nats) = lower.strip_prefix("kld") {
            let nats = nats.trim_start_matches([' ', '<', '=']).parse::<f64>().ok();
            return nats.filter(|n| n.is_finite() && *n > 0.0).map(Self::Divergence);
        }
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
            Self::BitsPerWeight(bits) => write!(f, "{bits} bpw"),
            Self::Divergence(nats) => write!(f, "kld {nats}"),
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
            if let Some(budget) = budget {
                assert_eq!(Budget::parse(&budget.to_string()), Some(budget), "{text}");
            }
        }
    }
}
