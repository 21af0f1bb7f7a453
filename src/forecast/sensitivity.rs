//! How much the noise of a tensor matters for what the model says.
//!
//! The noise of a matrix relative to its own signal is about the relative error of what it computes. The output matrix passes
//! that error on to the logits whole. A sublayer adds its part to the residual stream beside some 2·layers others, so its
//! error counts about 1/(2·layers); within the sublayer the projections share it unequally. The shares below are rounded
//! from the KL divergence of a trained model (`tiny-llama` of the fixtures, four layers) with one kind of tensor at a time in
//! Q3_K and the rest in f16, divided by the relative noise: output 0.58, embedding 0.20, ffn_down 0.025, ffn_gate 0.016,
//! attn_v 0.012, attn_output 0.010, attn_q and attn_k 0.009, ffn_up 0.009. They agree with what the fixed mixes favour (output,
//! then ffn_down and attn_v).
//!
//! An encoder (BERT) has no output matrix: its embedding is the first of its layers and not its output. The same shares are used there, without a
//! measurement behind them.

use crate::model::{Role, TensorEntry, TensorKind as K};

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
    /// What is known from a model's tensors.
    pub(crate) fn of<'a>(tensors: impl IntoIterator<Item = &'a TensorEntry>) -> Self {
        let mut found = Self { layers: 0, tied: true, gated: false };
        for tensor in tensors {
            found.layers = found.layers.max(tensor.layer().map_or(0, |n| n.saturating_add(1)));
            // Only encoders tell segments of their text apart.
            found.tied &= tensor.role() != Role::Output && tensor.class.kind != Some(K::TokenTypes);
            found.gated |= matches!(tensor.class.kind, Some(K::FfnGate | K::FfnGateExps | K::FfnGateShexp));
        }
        found
    }

    /// The weight of a tensor's relative noise, 1 for the output matrix.
    pub(crate) fn sensitivity(self, tensor: &TensorEntry) -> f64 {
        const OUTPUT: f64 = 1.0;
        const EMBEDDING: f64 = 1.0 / 3.0;
        match (tensor.role(), tensor.class.kind) {
            (Role::Output, _) => OUTPUT,
            (_, Some(K::TokenEmbd)) if self.tied => OUTPUT + EMBEDDING,
            (Role::Embedding, _) => EMBEDDING,
            (_, kind) => self.share(kind) / (2.0 * f64::from(self.layers.max(1))),
        }
    }

    /// The share of a kind in its sublayer's error.
    fn share(self, kind: Option<K>) -> f64 {
        match kind {
            Some(K::FfnDown | K::FfnDownExps | K::FfnDownShexp) => 0.34,
            Some(K::FfnGate | K::FfnGateExps | K::FfnGateShexp) => 0.21,
            // One matrix that is both: its noise does the work of two.
            Some(K::FfnGateUpExps) => 0.33,
            Some(K::FfnUp | K::FfnUpExps | K::FfnUpShexp) if self.gated => 0.12,
            Some(K::FfnUp | K::FfnUpExps | K::FfnUpShexp) => 0.33,
            Some(K::AttnQkv) => 0.43,
            Some(K::AttnV) => 0.17,
            Some(K::AttnQ | K::AttnK) => 0.13,
            _ => 0.14,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, TensorClass};

    #[test]
    fn the_output_matters_most_and_a_layer_the_less_the_more_there_are() {
        let tensor = |kind: K, layer: Option<u32>| {
            let mut tensor = MemoryRows::f32_vector(kind.name(), &[]);
            tensor.class = TensorClass { role: kind.role(), kind: Some(kind), layer, ..TensorClass::default() };
            tensor
        };
        let (embedding, output) = (tensor(K::TokenEmbd, None), tensor(K::Output, None));
        let (down, v) = (tensor(K::FfnDown, Some(0)), tensor(K::AttnV, Some(3)));
        let around = Surroundings::of(&[embedding.clone(), output.clone(), tensor(K::FfnGate, Some(0)), v.clone()]);
        assert_eq!(around, Surroundings { layers: 4, tied: false, gated: true });
        let s = |tensor| around.sensitivity(tensor);
        assert!(s(&output) > s(&embedding) && s(&embedding) > s(&down) && s(&down) > s(&v));
        let deep = Surroundings { layers: 40, ..around };
        assert!((deep.sensitivity(&v) * 10.0 - s(&v)).abs() < 1e-12);
        let tied = Surroundings { tied: true, ..around };
        assert!(tied.sensitivity(&embedding) > 1.0);
        // The embedding of an encoder is not its output.
        let encoder = Surroundings::of(&[embedding.clone(), tensor(K::TokenTypes, None), v]);
        assert!(!encoder.tied && encoder.sensitivity(&embedding) < 1.0);
    }
}
