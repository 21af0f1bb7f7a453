//! A larger type for one tensor: about two bits more.

use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;

/// Types to go to: those with blocks of 256, then those that fit any row of 32.
const LADDER: [BlockType; 8] = [
    BlockType::Q2_K,
    BlockType::Q3_K,
    BlockType::Q4_K,
    BlockType::Q5_K,
    BlockType::Q6_K,
    BlockType::Q4_0,
    BlockType::Q5_0,
    BlockType::Q8_0,
];
/// Bits that are to be added.
const MORE: f64 = 2.0;
/// A type that adds less than this is not worth a rule.
const LEAST: f64 = 0.9;

/// The type of about two bits more for rows of `cols` elements; nothing above 16 bits.
pub(crate) fn more_bits(now: Encoding, cols: u64) -> Option<Encoding> {
    let bits = now.bits_per_weight();
    let fits = |e: &Encoding| e.row_bytes(cols).is_some() && e.bits_per_weight() >= bits + LEAST;
    let apart = |e: &Encoding| (e.bits_per_weight() - bits - MORE).abs();
    let next = LADDER.into_iter().map(Encoding::Block).filter(fits).min_by(|a, b| apart(a).total_cmp(&apart(b)));
    next.or_else(|| (bits < 16.0).then_some(Encoding::Plain(DType::BF16)))
}

/// A rule that means the tensor of this name and no other.
pub(crate) fn rule(name: &str) -> String {
    let mut escaped = String::new();
    for c in name.chars() {
        if !(c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    format!("re:^{escaped}$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use crate::recipe::Selector;

    #[test]
    fn about_two_bits_are_added() {
        let cases = [
            ("Q2_K", 256, Some("Q4_K")),
            ("Q3_K", 256, Some("Q5_K")),
            ("Q4_K", 256, Some("Q6_K")),
            ("IQ4_XS", 2048, Some("Q6_K")),
            ("IQ1_S", 256, Some("Q3_K")),
            ("Q5_K", 256, Some("Q6_K")),
            ("Q6_K", 256, Some("Q8_0")),
            // Rows of 96 take small blocks only.
            ("Q4_0", 96, Some("Q5_0")),
            ("Q5_0", 96, Some("Q8_0")),
            ("Q8_0", 256, Some("bf16")),
            ("bf16", 256, None),
            ("f32", 256, None),
        ];
        for (now, cols, expected) in cases {
            let next = more_bits(Encoding::parse(now).unwrap(), cols).map(Encoding::name);
            assert_eq!(next, expected, "{now}");
        }
    }

    #[test]
    fn a_rule_means_one_tensor() {
        let selector = Selector::parse(&rule("output.weight")).unwrap();
        assert!(selector.matches("output.weight", Role::Output, "output"));
        assert!(!selector.matches("blk.0.attn_output.weight", Role::Attention, "attn_output"));
        let selector = Selector::parse(&rule("blk.1.ffn_down.weight")).unwrap();
        assert!(!selector.matches("blk.11.ffn_down.weight", Role::Ffn, "ffn_down"));
        assert!(Selector::parse(&rule("a(b[c")).is_ok());
    }
}
