//! What a text did not reach: experts without tokens or with few, inputs that are always zero.

use super::activations::{Activations, Entry};
use crate::model::Warning;
use crate::units::plural;
use std::collections::BTreeMap;

/// Tokens below which the importance of a matrix is a guess: the mean of n squares of normal values has a relative error of √(2/n),
/// which is 25 % for 32.
const FEW_TOKENS: u64 = 32;
/// Experts named in a warning.
const NAMED: usize = 8;

/// A layer, a gap and the experts that have it.
type Place = (Option<u32>, Gap, Vec<usize>);

/// What is wrong with a matrix of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Unreached,
    Few,
    Zero,
}

impl Gap {
    fn of(sums: &[f32], tokens: u64) -> Option<Self> {
        if tokens == 0 {
            Some(Self::Unreached)
        } else if sums.iter().all(|v| *v == 0.0) {
            Some(Self::Zero)
        } else {
            (tokens < FEW_TOKENS).then_some(Self::Few)
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Unreached => "imatrix.unreached",
            Self::Few => "imatrix.few-tokens",
            Self::Zero => "imatrix.zero",
        }
    }

    fn text(self, experts: &[usize], entry: &Entry) -> String {
        let of = entry.counts.len();
        let who = match of {
            1 => "the tensor".to_owned(),
            _ => format!("{} of {of} experts", experts.len()),
        };
        let most = experts.iter().filter_map(|n| entry.counts.get(*n)).max().copied().unwrap_or(0);
        let fact = match self {
            Self::Unreached => format!("{who} got no token, so that quantizing treats their columns alike"),
            Self::Few => format!("{who} got at most {most} tokens, too few to rely on"),
            Self::Zero => format!("{who} got only zeros as input; left out, because zeros do not rank columns"),
        };
        if of == 1 {
            return fact;
        }
        let named: Vec<String> = experts.iter().take(NAMED).map(ToString::to_string).collect();
        let more = experts.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{fact} (expert{} {}{more})", if experts.len() == 1 { "" } else { "s" }, named.join(", "))
    }
}

impl Activations {
    /// A warning for each gap. Tensors of one layer with the same gaps (gate, up and down of the same experts) share a warning.
    pub(crate) fn coverage(&self) -> Vec<Warning> {
        // By layer and gap, in the order of the names.
        let mut found: BTreeMap<Place, Vec<&str>> = BTreeMap::new();
        for (name, entry) in &self.entries {
            let mut gaps: BTreeMap<Gap, Vec<usize>> = BTreeMap::new();
            for (n, (sums, tokens)) in entry.matrices().enumerate() {
                if let Some(gap) = Gap::of(sums, tokens) {
                    gaps.entry(gap).or_default().push(n);
                }
            }
            for (gap, experts) in gaps {
                let layer = crate::arch::layer_span(name).map(|(layer, _)| layer);
                found.entry((layer, gap, experts)).or_default().push(name);
            }
        }
        let warning = |((_, gap, experts), names): (Place, Vec<&str>)| {
            let first = names.first().copied().unwrap_or_default();
            let entry = self.entries.get(first)?;
            let others = match names.len() {
                0 | 1 => String::new(),
                n => format!(" and {} of this layer", plural(n - 1, "other tensor")),
            };
            let text = format!("{first}{others}: {}", gap.text(&experts, entry));
            Some(Warning::about(gap.code(), first, text))
        };
        found.into_iter().filter_map(warning).collect()
    }

    /// Takes out what got only zeros: quantizers cannot use weights of zero. A tensor without any other value has no entry then; an expert counts as
    /// not reached.
    pub(crate) fn drop_zeros(&mut self) {
        for entry in self.entries.values_mut() {
            let columns = entry.columns().max(1);
            for (sums, count) in entry.sums.chunks(columns).zip(&mut entry.counts) {
                if sums.iter().all(|v| *v == 0.0) {
                    *count = 0;
                }
            }
        }
        self.entries.retain(|_, entry| entry.counts.iter().any(|c| *c > 0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::activations::tests::activations;

    #[test]
    fn gaps_are_named_with_tensor_and_numbers() {
        let mut sums = vec![1.0; 20];
        sums[4..6].fill(0.0);
        let counts = [50, 0, 90, 31, 1, 50, 50, 50, 50, 50];
        let a = activations(
            &[
                ("blk.0.ffn_up.weight", &[1.0, 0.0], &[100]),
                ("blk.3.ffn_gate_exps.weight", &sums, &counts),
                ("blk.3.ffn_up_exps.weight", &sums, &counts),
                ("blk.4.attn_q.weight", &[0.0, 0.0], &[100]),
            ],
            "x",
        );
        let found = a.coverage();
        let texts: Vec<&str> = found.iter().map(|w| w.text.as_str()).collect();
        let codes: Vec<&str> = found.iter().map(|w| w.code.as_str()).collect();
        assert_eq!(codes, ["imatrix.unreached", "imatrix.few-tokens", "imatrix.zero", "imatrix.zero"], "{texts:#?}");
        let tensor = "blk.3.ffn_gate_exps.weight and 1 other tensor of this layer: ";
        assert!(texts[0].starts_with(tensor) && texts[0].contains("1 of 10 experts got no token"), "{}", texts[0]);
        assert!(
            texts[1].contains("2 of 10 experts got at most 31 tokens") && texts[1].ends_with("(experts 3, 4)"),
            "{}",
            texts[1]
        );
        assert!(texts[2].ends_with("(expert 2)"), "{}", texts[2]);
        assert!(texts[3].starts_with("blk.4.attn_q.weight: the tensor got only zeros"), "{}", texts[3]);

        let mut kept = a;
        kept.drop_zeros();
        assert!(!kept.entries.contains_key("blk.4.attn_q.weight"));
        assert_eq!(kept.entries["blk.3.ffn_up_exps.weight"].counts[..4], [50, 0, 0, 31]);
        assert_eq!(kept.entries["blk.0.ffn_up.weight"].counts, [100]);
    }

    #[test]
    fn many_experts_are_counted() {
        let counts: Vec<u64> = (0..40).map(|n| if n < 20 { 0 } else { 99 }).collect();
        let a = activations(&[("blk.0.ffn_up_exps.weight", &[1.0; 40], &counts)], "x");
        let text = &a.coverage()[0].text;
        assert!(text.contains("20 of 40 experts") && text.ends_with("0, 1, 2, 3, 4, 5, 6, 7 and 12 more)"), "{text}");
    }
}
