//! What a tensor is for: the vocabulary that `arch` describes tensors with.
//!
//! [`Role`] is the coarse answer, [`TensorKind`] the exact one. The names of kinds are those of GGUF tensors without the layer and the suffix
//! (`MODEL_TENSORS` of gguf-py's `constants.py`).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Projections of attention.
    Attention,
    /// Feed-forward matrices, experts and routers.
    Ffn,
    /// Normalisation weights and biases.
    Norm,
    /// Token, position and type embeddings.
    Embedding,
    /// The output matrix and classifier heads.
    Output,
    /// Anything else, and tensors that were not identified.
    #[default]
    Other,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Self; 6] =
        [Self::Attention, Self::Ffn, Self::Norm, Self::Embedding, Self::Output, Self::Other];

    /// Lower-case name, as in plans and recipes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Ffn => "ffn",
            Self::Norm => "norm",
            Self::Embedding => "embedding",
            Self::Output => "output",
            Self::Other => "other",
        }
    }

    /// Inverse of [`Role::name`], case-insensitive.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal $role:ident,)*) => {
        /// What a tensor is within its layer or its network, for the tensors that architectures have in common.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names are GGUF's own")]
        pub enum TensorKind {
            $($kind,)*
        }

        impl TensorKind {
            /// Every kind.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name in GGUF's spelling: `ffn_down`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The role of all tensors of this kind.
            pub const fn role(self) -> Role {
                match self {
                    $(Self::$kind => Role::$role,)*
                }
            }

            /// The kind of that name.
            pub(crate) fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    AttnQ "attn_q" Attention,
    AttnK "attn_k" Attention,
    AttnV "attn_v" Attention,
    AttnQkv "attn_qkv" Attention,
    AttnOutput "attn_output" Attention,
    AttnSinks "attn_sinks" Attention,
    AttnNorm "attn_norm" Norm,
    AttnQNorm "attn_q_norm" Norm,
    AttnKNorm "attn_k_norm" Norm,
    AttnOutputNorm "attn_output_norm" Norm,
    PostAttentionNorm "post_attention_norm" Norm,
    FfnNorm "ffn_norm" Norm,
    PostFfwNorm "post_ffw_norm" Norm,
    LayerOutputNorm "layer_output_norm" Norm,
    FfnGate "ffn_gate" Ffn,
    FfnUp "ffn_up" Ffn,
    FfnDown "ffn_down" Ffn,
    FfnGateInp "ffn_gate_inp" Ffn,
    FfnGateExps "ffn_gate_exps" Ffn,
    FfnUpExps "ffn_up_exps" Ffn,
    FfnDownExps "ffn_down_exps" Ffn,
    FfnGateUpExps "ffn_gate_up_exps" Ffn,
    FfnGateShexp "ffn_gate_shexp" Ffn,
    FfnUpShexp "ffn_up_shexp" Ffn,
    FfnDownShexp "ffn_down_shexp" Ffn,
    TokenEmbd "token_embd" Embedding,
    PositionEmbd "position_embd" Embedding,
    TokenTypes "token_types" Embedding,
    TokenEmbdNorm "token_embd_norm" Norm,
    OutputNorm "output_norm" Norm,
    Output "output" Output,
    Cls "cls" Output,
    ClsOutput "cls.output" Output,
    Pooler "pooler" Other,
    RopeFreqs "rope_freqs" Other,
    RopeFactorsLong "rope_factors_long" Other,
    RopeFactorsShort "rope_factors_short" Other,
}

impl fmt::Display for TensorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is known of a tensor's place in the network. Small, since every tensor has one.
///
/// Set by `arch::identify` when a model is opened or its tensors get other names; nothing else looks at names for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorClass {
    /// Its role.
    pub role: Role,
    /// Its kind, if it is one that architectures have in common.
    pub kind: Option<TensorKind>,
    /// The layer it belongs to.
    pub layer: Option<u32>,
    /// The expert it belongs to, where each expert has its own tensors; `None` for stacked experts.
    pub expert: Option<u16>,
    /// Which bytes of the tensor's name say its kind, for a tensor without a [`TensorKind`].
    pub(crate) stem: (u16, u16),
}

impl Default for TensorClass {
    /// A tensor that was not identified.
    fn default() -> Self {
        Self { role: Role::Other, kind: None, layer: None, expert: None, stem: (0, u16::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
            assert_eq!(serde_json::from_value::<Role>(role.name().into()).unwrap(), role);
        }
        for kind in TensorKind::ALL {
            assert_eq!(TensorKind::parse(kind.name()), Some(*kind));
        }
    }

    #[test]
    fn a_class_is_small() {
        assert!(size_of::<TensorClass>() <= 20);
    }
}
