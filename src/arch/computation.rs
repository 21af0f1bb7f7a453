//! How the networks of a family compute, beyond their hyper-parameters: what a forward pass has to know.
//!
//! Each family has a [`Computation`] beside its names. It speaks of tensors as GGUF has them: rotated rows of queries and keys in
//! the order of the file, norms of Gemma with one already added.

use super::back::Meta;
use super::family::FAMILIES;
use crate::model::{Model, ModelError, Result};

/// How the networks of a family compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Computation {
    /// The norms.
    pub norm: Norm,
    /// True for an encoder of BERT's kind: norms after each part, all tokens see each other.
    pub encoder: bool,
    /// The activation of the feed-forward part.
    pub activation: Activation,
    /// How the feed-forward part is gated.
    pub gate: Gate,
    /// How positions enter.
    pub position: Position,
    /// The embedding is multiplied by the square root of the width.
    pub scaled_embedding: bool,
    /// Which layers see a window of the context only.
    pub window: Window,
    /// The number of layers of the one model of the family that scales queries by width over heads; the others scale by the size of a head.
    pub wide_query_layers: Option<u32>,
}

impl Computation {
    /// Llama's: RMS norms, a gate with SiLU, rotated positions, full attention.
    pub(crate) const fn llama(position: Position) -> Self {
        Self {
            norm: Norm::Rms,
            encoder: false,
            activation: Activation::Silu,
            gate: Gate::Separate,
            position,
            scaled_embedding: false,
            window: Window::None,
            wide_query_layers: None,
        }
    }

    /// Gemma's: GELU, a scaled embedding, a window in some layers.
    pub(crate) const fn gemma(window: Window, wide_query_layers: u32) -> Self {
        Self {
            activation: Activation::GeluTanh,
            scaled_embedding: true,
            window,
            wide_query_layers: Some(wide_query_layers),
            ..Self::llama(Position::Halves)
        }
    }
}

/// True if the networks of an architecture (GGUF name) are encoders: they compute hidden states of a text and do not continue it.
pub(crate) fn is_encoder(architecture: &str) -> bool {
    FAMILIES.iter().any(|f| f.info.gguf_arch == architecture && f.computation.encoder)
}

/// A kind of norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Norm {
    /// Divided by the root of the mean square.
    Rms,
    /// Mean zero, variance one, and a bias.
    Layer,
}

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// GELU, the approximation by tanh.
    GeluTanh,
    /// GELU by the error function.
    GeluErf,
}

/// How the feed-forward part is gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// `ffn_gate` and `ffn_up`.
    Separate,
    /// `ffn_up` holds the rows of the gate, then those of the projection.
    Fused,
    /// None.
    None,
}

/// How positions enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Queries and keys are rotated, neighbouring elements together (ggml's NORM).
    Pairs,
    /// Queries and keys are rotated, each element of the first half of a head with that of the second (ggml's NEOX).
    Halves,
    /// A vector for each position is added to the embedding.
    Learned,
}

/// Which layers see a window of the context only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// None.
    None,
    /// All, in transformers; none in llama.cpp, whose files do not have the window or ignore it.
    TransformersOnly,
    /// All but each n-th, which sees everything.
    AllBut(u32),
}

/// How a model with GGUF names computes.
///
/// # Errors
/// Unsupported, for an architecture that no family has.
pub(crate) fn computation(model: &Model) -> Result<Computation> {
    let arch = model.architecture().unwrap_or("");
    let meta = Meta { model, arch };
    let family = FAMILIES.iter().find(|f| f.info.gguf_arch == arch && (f.claims)(&meta));
    family.map(|f| f.computation).ok_or_else(|| {
        let known: Vec<&str> = FAMILIES.iter().map(|f| f.info.gguf_arch).collect();
        let mut known = known;
        known.dedup();
        let what = match arch {
            "" => "the files do not say which architecture the network has".to_owned(),
            arch => format!("networks of the architecture {arch:?} cannot be run"),
        };
        let hint = format!("Those of these architectures can be: {}.", known.join(", "));
        ModelError::unsupported(what).in_file(&model.path).with_hint(hint)
    })
}
