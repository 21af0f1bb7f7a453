//! A budget in place of a type, as the user gave it.

use crate::model::{Hint, ModelError, OptionName, Remedy, Result};
use crate::recipe::options::gguf;
use crate::recipe::{Target, parse_size};

/// Why a tensor has the type that a budget gave it.
pub(super) const BECAUSE: &str = "chosen for the budget";

/// What the file may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::plan) enum Budget {
    /// Bytes of the whole file, or of all files of a split.
    Bytes(u64),
    /// Bits for each weight, over all tensors.
    BitsPerWeight(f64),
    /// Nats of mean KL divergence from the source, as predicted.
    Divergence(f64),
}

impl Budget {
    /// The budget of a target, if it has one.
    ///
    /// # Errors
    /// Two budgets; a budget and a type; a size that is none.
    pub(in crate::plan) fn of(target: &Target) -> Result<Option<Self>> {
        let (size, bits, nats) =
            (target.get(&gguf::TARGET_SIZE), target.get(&gguf::TARGET_BPW), target.get(&gguf::MAX_KLD));
        let budget = match (size, bits, nats) {
            (None, None, None) => return Ok(None),
            (Some(text), None, None) => {
                let bytes = parse_size(&text).filter(|&n| n > 0);
                Self::Bytes(bytes.ok_or_else(|| {
                    let what = format!("`{text}` is not a size");
                    ModelError::request(what).in_option(&gguf::TARGET_SIZE).with_hint("Write it as 760MB or 4.5GiB.")
                })?)
            }
            (None, Some(bits), None) if bits.is_finite() && bits > 0.0 => Self::BitsPerWeight(bits),
            (None, Some(bits), None) => {
                let what = format!("{bits} is not a number of bits per weight");
                return Err(ModelError::request(what).in_option(&gguf::TARGET_BPW).with_hint("Write it as 4.25."));
            }
            (None, None, Some(nats)) if nats.is_finite() && nats > 0.0 => Self::Divergence(nats),
            (None, None, Some(nats)) => {
                let what = format!("{nats} is not a divergence");
                return Err(ModelError::request(what).in_option(&gguf::MAX_KLD).with_hint("Write it as 0.002."));
            }
            (size, bits, nats) => {
                let given = [
                    size.is_some().then_some("target_size"),
                    bits.is_some().then_some("target_bpw"),
                    nats.is_some().then_some("max_kld"),
                ];
                let given: Vec<&str> = given.into_iter().flatten().collect();
                let count = if given.len() == 2 { "two" } else { "three" };
                let what = format!("{count} budgets: {}", given.join(" and "));
                return Err(ModelError::request(what).with_hint("Give one of them."));
            }
        };
        match target.quantization.as_deref() {
            None => Ok(Some(budget)),
            Some(q) if q.eq_ignore_ascii_case("auto") => Ok(Some(budget)),
            Some(q) => Err(ModelError::request(format!("a type ({q}) and a budget for one target"))
                .in_option(OptionName::QUANTIZATION)
                .with_hint(
                    Hint::from("A budget chooses the types: omit the type")
                        .then(Remedy::Example("gguf", Some(((&gguf::TARGET_BPW).into(), "4.25"))))
                        .then("."),
                )),
        }
    }

    /// Its name in plans and in the names of files.
    pub(in crate::plan) fn name(self, target: &Target) -> String {
        match self {
            Self::Bytes(n) => {
                target.get(&gguf::TARGET_SIZE).as_deref().map_or_else(|| n.to_string(), |t| t.replace(' ', ""))
            }
            Self::BitsPerWeight(bits) => format!("{bits}bpw"),
            Self::Divergence(nats) => format!("kld{nats}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;

    #[test]
    fn a_budget_stands_alone_and_names_itself() {
        let of = |size: Option<&str>, bits, quantization: Option<&str>| {
            let quantization = quantization.map(str::to_owned);
            let target = Target { quantization, ..Target::of(FormatId::Gguf) };
            let target = target.with(&gguf::TARGET_SIZE, size.map(str::to_owned)).with(&gguf::TARGET_BPW, bits);
            Budget::of(&target).map(|b| b.map(|b| b.name(&target))).map_err(|e| e.to_string())
        };
        assert_eq!(of(None, None, Some("q4_k_m")), Ok(None));
        assert_eq!(of(Some("4.5 GiB"), None, None), Ok(Some("4.5GiB".to_owned())));
        assert_eq!(of(None, Some(4.25), Some("auto")), Ok(Some("4.25bpw".to_owned())));
        assert!(of(Some("4GB"), Some(4.0), None).is_err());
        assert!(of(None, Some(4.0), Some("q4_k_m")).is_err());
        assert!(of(Some("0"), None, None).is_err() && of(Some("big"), None, None).is_err());
        assert!(of(None, Some(-1.0), None).is_err());
    }
}
