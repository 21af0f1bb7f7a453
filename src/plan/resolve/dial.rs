//! Mixes of any size from costs in memory: what a slider on the budget shows.
//!
//! Nothing is measured or laid out, so a step takes milliseconds. The size is that of the file up to padding; a plan gives the exact one.

use crate::forecast::{Group, choose_at_once, output_db};
use crate::quant::Encoding;

/// Above this, a cost says that a type could not be measured.
const UNKNOWN: f64 = 1e100;

/// The costs of every type of every tensor of a model.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    pub(crate) parts: Vec<DialPart>,
    /// Bytes of the file that no choice changes.
    pub(crate) fixed_bytes: u64,
    /// Bytes of tensor data that no choice changes.
    pub(crate) fixed_data: u64,
    /// Elements of the model.
    pub(crate) elems: u64,
    /// True where costs are divergences in nats; otherwise they are relative errors of the output.
    pub(crate) in_nats: bool,
}

/// Tensors that have one type.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialPart {
    /// The tensors: kind, layer, elements.
    pub tensors: Vec<(String, Option<u32>, u64)>,
    /// What they can be: type, bytes, cost, and relative error of the output.
    pub options: Vec<DialOption>,
}

/// One type of some tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialOption {
    pub encoding: Encoding,
    pub bytes: u64,
    pub cost: f64,
    pub noise: f64,
}

/// A mix.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DialMix {
    /// Size of the file, up to padding.
    pub bytes: u64,
    /// Bits per weight.
    pub bits_per_weight: f64,
    /// Predicted mean KL divergence, where costs are divergences.
    pub kld: Option<f64>,
    /// Estimated signal to noise of the output in dB; `None` without loss.
    pub output_sqnr_db: Option<f64>,
    /// Every tensor that a type was chosen for: kind, layer, elements and bytes.
    pub tensors: Vec<(String, Option<u32>, u64, u64)>,
    /// Number of tensors by type, the most frequent first.
    pub types: Vec<(Encoding, usize)>,
}

impl Dial {
    /// For tests: tensors (kind, layer, elements) that can have types of so many bits, and lose less with each bit.
    #[doc(hidden)]
    pub fn of_bits(tensors: Vec<(String, Option<u32>, u64)>, types: &[(&str, f64)], in_nats: bool) -> Self {
        let elems = tensors.iter().map(|t| t.2).sum();
        let part = |tensor: (String, Option<u32>, u64)| {
            let n = tensor.2 as f64;
            let option = |(name, bits): &(&str, f64)| {
                let noise = (-bits * 1.4).exp2() * n / elems as f64 * if tensor.0 == "ffn_down" { 3.0 } else { 1.0 };
                let bytes = (n * bits / 8.0) as u64;
                Encoding::parse(name).map(|encoding| DialOption { encoding, bytes, cost: noise, noise })
            };
            let options = types.iter().filter_map(option).collect();
            DialPart { tensors: vec![tensor], options }
        };
        Self { parts: tensors.into_iter().map(part).collect(), fixed_bytes: 7_800_000, fixed_data: 0, elems, in_nats }
    }

    /// The smallest and the largest file.
    pub(crate) fn range(&self) -> (u64, u64) {
        let sum = |of: fn(&DialPart) -> Option<u64>| -> u64 { self.parts.iter().filter_map(of).sum() };
        let least = sum(|p| p.options.iter().map(|o| o.bytes).min());
        let most = sum(|p| p.options.iter().map(|o| o.bytes).max());
        (self.fixed_bytes.saturating_add(least), self.fixed_bytes.saturating_add(most))
    }

    /// The mix with the least loss for a file of about that size at most; `None` below what is possible.
    pub(crate) fn at(&self, bytes: u64) -> Option<DialMix> {
        let option = |o: &DialOption| crate::forecast::Choice { bytes: o.bytes, cost: o.cost };
        let groups: Vec<Group> =
            self.parts.iter().map(|p| Group { options: p.options.iter().map(option).collect() }).collect();
        let chosen = choose_at_once(&groups, bytes.checked_sub(self.fixed_bytes)?).ok()?;
        let (mut data, mut cost, mut noise) = (0u64, 0.0, 0.0);
        let (mut tensors, mut types) = (Vec::new(), std::collections::BTreeMap::<Encoding, usize>::new());
        for (part, o) in self.parts.iter().zip(chosen) {
            let option = part.options.get(o)?;
            data += option.bytes;
            cost += option.cost;
            noise += option.noise;
            *types.entry(option.encoding).or_default() += part.tensors.len();
            let all: u64 = part.tensors.iter().map(|t| t.2).sum();
            let share = |elems: u64| (option.bytes as f64 * elems as f64 / all.max(1) as f64) as u64;
            tensors.extend(part.tensors.iter().map(|(kind, layer, n)| (kind.clone(), *layer, *n, share(*n))));
        }
        let mut types: Vec<(Encoding, usize)> = types.into_iter().collect();
        types.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        Some(DialMix {
            bytes: self.fixed_bytes + data,
            bits_per_weight: (self.fixed_data + data) as f64 * 8.0 / self.elems.max(1) as f64,
            kld: (self.in_nats && cost < UNKNOWN).then_some(cost),
            output_sqnr_db: output_db(noise),
            tensors,
            types,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::BlockType;

    /// A model of many layers whose deeper tensors matter less.
    fn dial(layers: u32, types: &[(BlockType, u64, f64)]) -> Dial {
        let part = |layer: u32, kind: &str, n: u64| {
            let option = |(ty, bits, noise): &(BlockType, u64, f64)| DialOption {
                encoding: (*ty).into(),
                bytes: n * bits / 8,
                cost: noise * n as f64 / f64::from(layer + 1),
                noise: *noise,
            };
            DialPart { tensors: vec![(kind.to_owned(), Some(layer), n)], options: types.iter().map(option).collect() }
        };
        let kinds = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_gate", "ffn_down"];
        let parts = (0..layers).flat_map(|l| kinds.iter().zip(1u64..).map(move |(k, n)| part(l, k, n << 20))).collect();
        Dial { parts, fixed_bytes: 1000, fixed_data: 0, elems: u64::from(layers) * (28 << 20), in_nats: true }
    }

    #[test]
    fn a_larger_file_loses_less_and_keeps_to_its_size() {
        let types: Vec<(BlockType, u64, f64)> = [
            (BlockType::IQ2_S, 2, 1e-2),
            (BlockType::Q2_K, 3, 4e-3),
            (BlockType::Q3_K, 4, 2e-3),
            (BlockType::Q4_K, 5, 5e-4),
            (BlockType::Q5_K, 6, 1e-4),
            (BlockType::Q6_K, 7, 4e-5),
            (BlockType::Q8_0, 9, 1e-6),
        ]
        .to_vec();
        let dial = dial(80, &types);
        let (least, most) = dial.range();
        assert_eq!(dial.at(least - 1), None);
        let mut last = f64::INFINITY;
        for step in 0..=20 {
            let budget = least + (most - least) / 20 * step;
            let mix = dial.at(budget).unwrap();
            assert!(mix.bytes <= budget && mix.kld.unwrap() <= last, "{mix:?}");
            last = mix.kld.unwrap();
            assert_eq!(mix.tensors.len(), 560);
        }
    }
}
