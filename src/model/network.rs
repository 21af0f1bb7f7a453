//! The hyper-parameters of a network, whatever file they came from.
//!
//! `arch` fills them in from GGUF metadata or `config.json` when a model is opened or converted. A value that a file does not give, or that is
//! not usable, is absent: conversions, which need some of them, report that themselves.

use std::fmt;

/// Hyper-parameters, as far as the files of a model give them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// GGUF's name of the architecture (`qwen3moe`): that of a GGUF, or that of the family of a Hugging Face class. `None` for classes
    /// that cannot be converted.
    pub architecture: Option<String>,
    /// The first class in `architectures` of `config.json`.
    pub class: Option<String>,
    /// `model_type` of `config.json`.
    pub model_type: Option<String>,
    /// Number of layers.
    pub layers: Option<u64>,
    /// Width of the embedding and of what layers pass on.
    pub hidden_size: Option<u64>,
    /// Width of the feed-forward part.
    pub ffn_size: Option<PerLayer>,
    /// Query heads.
    pub heads: Option<PerLayer>,
    /// Heads of keys and values; as many as query heads where absent.
    pub kv_heads: Option<PerLayer>,
    /// Elements of a key; those of the width for each head where absent.
    pub key_size: Option<u64>,
    /// Elements of a value; as [`Network::key_size`].
    pub value_size: Option<u64>,
    /// False for an encoder, whose tokens see each other.
    pub causal: Option<bool>,
    /// Tokens that a layer with a sliding window sees.
    pub sliding_window: Option<u64>,
    /// Layers with a sliding window in llama.cpp, where the family is known.
    pub sliding_layers: Option<u64>,
    /// Experts in a layer; 0 or absent for a dense network.
    pub experts: Option<u64>,
    /// Experts that a token goes through.
    pub experts_used: Option<u64>,
    /// Width of the feed-forward part of an expert.
    pub expert_ffn_size: Option<u64>,
    /// Width of the feed-forward part of the expert that all tokens go through.
    pub shared_expert_ffn_size: Option<u64>,
    /// The weights of the chosen experts are scaled to a sum of one.
    pub norm_topk_prob: Option<bool>,
    /// Tokens in the vocabulary.
    pub vocabulary: Option<u64>,
    /// Tokens that the network was trained to see.
    pub context: Option<u64>,
    /// Rotary position embedding.
    pub rope: Rope,
    /// Epsilon of RMS norms.
    pub rms_norm_epsilon: Option<f64>,
    /// Epsilon of layer norms.
    pub layer_norm_epsilon: Option<f64>,
    /// Attention scores are capped softly at this value.
    pub attention_softcap: Option<f64>,
    /// Logits are capped softly at this value.
    pub output_softcap: Option<f64>,
    /// What `config.json` says of the output matrix: true if it is the embedding.
    pub tied_embeddings: Option<bool>,
}

impl Network {
    /// The architecture as the files call it: GGUF's name, else the class, else `model_type`.
    pub(crate) fn declared(&self) -> Option<&str> {
        self.class.as_deref().or(self.model_type.as_deref()).or(self.architecture.as_deref())
    }
}

/// A number that is the same in all layers, or one for each layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PerLayer {
    /// In every layer.
    All(u64),
    /// By layer.
    Each(Vec<u64>),
}

impl PerLayer {
    /// The number of the first layer.
    pub fn first(&self) -> Option<u64> {
        match self {
            Self::All(n) => Some(*n),
            Self::Each(all) => all.first().copied(),
        }
    }

    /// The number that every layer has; `None` if it is given layer by layer.
    pub fn uniform(&self) -> Option<u64> {
        if let Self::All(n) = self { Some(*n) } else { None }
    }

    /// The sum over so many layers; `None` on overflow.
    pub(crate) fn total(&self, layers: u64) -> Option<u64> {
        match self {
            Self::All(n) => n.checked_mul(layers),
            Self::Each(all) => all.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)),
        }
    }
}

impl From<u64> for PerLayer {
    fn from(n: u64) -> Self {
        Self::All(n)
    }
}

/// Rotary position embedding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rope {
    /// Base frequency.
    pub base: Option<f64>,
    /// Base frequency of layers with a sliding window.
    pub base_sliding: Option<f64>,
    /// Dimensions of a head that are rotated; all where absent.
    pub dimensions: Option<u64>,
    /// How positions beyond the original context are mapped.
    pub scaling: Option<RopeScaling>,
}

/// How positions beyond the original context are mapped.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeScaling {
    /// The rule.
    pub kind: RopeKind,
    /// How many times longer than the original the context is.
    pub factor: Option<f64>,
    /// The original context, in tokens.
    pub original_context: Option<u64>,
}

/// A rule for positions beyond the original context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RopeKind {
    /// Positions divided by the factor.
    Linear,
    /// YaRN.
    Yarn,
    /// A factor for each dimension, one set for short and one for long contexts.
    LongRope,
    /// Llama 3: low frequencies stretched.
    Llama3,
    /// The base grows with the context.
    Dynamic,
    /// Any other, by its name.
    Other(String),
}

impl RopeKind {
    /// The rule of that name; `None` for the name of no scaling.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "default" | "none" => return None,
            "linear" => Self::Linear,
            "yarn" => Self::Yarn,
            "longrope" | "su" => Self::LongRope,
            "llama3" => Self::Llama3,
            "dynamic" => Self::Dynamic,
            _ => Self::Other(name.to_owned()),
        })
    }
}

impl fmt::Display for RopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Linear => "linear",
            Self::Yarn => "yarn",
            Self::LongRope => "longrope",
            Self::Llama3 => "llama3",
            Self::Dynamic => "dynamic",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_layer() {
        let each = PerLayer::Each(vec![8, 4, 4]);
        assert_eq!((each.first(), each.uniform(), each.total(3)), (Some(8), None, Some(16)));
        let all = PerLayer::All(8);
        assert_eq!((all.first(), all.uniform(), all.total(3)), (Some(8), Some(8), Some(24)));
        assert_eq!(PerLayer::All(u64::MAX).total(2), None);
    }

    #[test]
    fn kinds_of_scaling_have_names() {
        for name in ["linear", "yarn", "longrope", "llama3", "dynamic", "mrope"] {
            assert_eq!(RopeKind::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(RopeKind::parse("default"), None);
    }
}
