//! How much the noise of a tensor matters for what the model says.
//!
//! The noise of a matrix relative to its own signal is about the relative error of what it computes. The output matrix passes
//! that error on to the logits whole. A sublayer adds its part to the residual stream beside some 2·layers others, so its
//! error counts about 1/(2·layers); within the sublayer the projections share it unequally. The shares below are rounded
//! from the KL divergence of a trained model (`tiny-llama` of the fixtures, four layers) with one kind of tensor at a time in
//! Q3_K and the rest in f16, divided by the relative noise: output 0.58, embedding 0.20, ffn_down 0.025, ffn_gate 0.016,
//! attn_v 0.012, attn_output 0.010, attn_q and attn_k 0.009, ffn_up 0.009. They agree with what the fixed mixes favour (output,
//! then ffn_down and attn_v).

use crate::arch::{Role, classify};

/// What is known of the model around a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Layers of the model.
    pub layers: u32,
    /// The embedding is the output too.
    pub tied: bool,
    /// The feed-forward part has a gate beside the up projection.
    pub gated: bool,
}

impl Surroundings {
    /// What is known from the names of a model's tensors.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self { layers: 0, tied: true, gated: false };
        for name in names {
            let what = classify(name);
            found.layers = found.layers.max(what.layer.map_or(0, |n| n.saturating_add(1)));
            found.tied &= what.role != Role::Output;
            found.gated |= matches!(what.kind.as_str(), "ffn_gate" | "ffn_gate_exps" | "ffn_gate_shexp");
        }
        found
    }

    /// The weight of a tensor's relative noise, 1 for the output matrix.
    pub(crate) fn sensitivity(self, tensor: &str) -> f64 {
        const OUTPUT: f64 = 1.0;
        const EMBEDDING: f64 = 1.0 / 3.0;
        let what = classify(tensor);
        match (what.role, what.kind.as_str()) {
            (Role::Output, _) => OUTPUT,
            (_, "token_embd") if self.tied => OUTPUT + EMBEDDING,
            (Role::Embedding, _) => EMBEDDING,
            (_, kind) => self.share(kind) / (2.0 * f64::from(self.layers.max(1))),
        }
    }

    /// The share of a kind in its sublayer's error.
    fn share(self, kind: &str) -> f64 {
        match kind {
            "ffn_down" | "ffn_down_exps" | "ffn_down_shexp" => 0.34,
            "ffn_gate" | "ffn_gate_exps" | "ffn_gate_shexp" => 0.21,
            // One matrix that is both: its noise does the work of two.
            "ffn_gate_up_exps" => 0.33,
            "ffn_up" | "ffn_up_exps" | "ffn_up_shexp" if self.gated => 0.12,
            "ffn_up" | "ffn_up_exps" | "ffn_up_shexp" => 0.33,
            "attn_qkv" => 0.43,
            "attn_v" => 0.17,
            "attn_q" | "attn_k" => 0.13,
            _ => 0.14,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_matters_most_and_a_layer_the_less_the_more_there_are() {
        let names = ["token_embd.weight", "output.weight", "blk.0.ffn_gate.weight", "blk.3.attn_v.weight"];
        let around = Surroundings::of(names.into_iter());
        assert_eq!(around, Surroundings { layers: 4, tied: false, gated: true });
        let s = |name| around.sensitivity(name);
        assert!(s("output.weight") > s("token_embd.weight") && s("token_embd.weight") > s("blk.0.ffn_down.weight"));
        assert!(s("blk.0.ffn_down.weight") > s("blk.0.attn_v.weight"));
        let deep = Surroundings { layers: 40, ..around };
        assert!((deep.sensitivity("blk.0.attn_v.weight") * 10.0 - s("blk.0.attn_v.weight")).abs() < 1e-12);
        let tied = Surroundings { tied: true, ..around };
        assert!(tied.sensitivity("token_embd.weight") > 1.0);
    }
}
