//! What a family's tensors must be: sizes in terms of hyper-parameters, and which networks of the family have which tensors.

use crate::arch::config::Config;
use serde_json::Value;

/// One dimension of a tensor, as the hyper-parameters give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dim {
    /// Rows of the embedding.
    Vocabulary,
    /// The embedding's width.
    Width,
    /// Three times the width: query, key and value of GPT-2 in one.
    TripleWidth,
    /// Four times the width: GPT-2's feed-forward size.
    QuadWidth,
    /// The feed-forward size.
    Inner,
    /// Gate and up projection in one.
    DoubleInner,
    /// Query heads times the size of a head.
    Queries,
    /// Key heads times the size of a head.
    Keys,
    /// Queries, keys and values in one.
    Fused,
    /// The size of a head.
    Head,
    /// The number of experts.
    Experts,
    /// The feed-forward size of an expert.
    ExpertInner,
    /// Gate and up projection of an expert in one.
    DoubleExpertInner,
    /// Learned positions.
    Positions,
    /// Token types.
    TokenTypes,
    /// Classes of a classifier; any number.
    Labels,
}

/// Which networks of a family have a weight.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// Every one.
    Always,
    /// Those with this property, which `config.json` gives.
    If(fn(&Network<'_>) -> bool),
    /// Layers without experts.
    Dense,
    /// Layers with experts.
    Sparse,
}

/// Which networks of a family have a bias beside a weight.
#[derive(Clone, Copy)]
pub(crate) enum Bias {
    /// It may exist or not.
    Optional,
    /// Every one.
    Always,
    /// Those with this property, which `config.json` gives.
    If(fn(&Network<'_>) -> bool),
}

/// What determines which tensors a network has.
pub(crate) struct Network<'a> {
    /// The class that `config.json` names.
    pub class: &'a str,
    /// The configuration with the family's defaults.
    pub config: &'a Config,
}

impl Network<'_> {
    fn says(&self, field: &str, value: bool) -> bool {
        self.config.peek(field) == Some(&Value::Bool(value))
    }
}

/// Biases of query, key and value that `attention_bias` turns on.
pub(crate) const ATTENTION_BIAS: Bias = Bias::If(|n| n.says("attention_bias", true));

/// Biases of the feed-forward part that `mlp_bias` turns on.
pub(crate) const MLP_BIAS: Bias = Bias::If(|n| n.says("mlp_bias", true));

/// True for a language model that says its output matrix is not the embedding. If a configuration does not say, it is assumed
/// to be tied: llama.cpp ties a model without an output matrix.
pub(crate) fn untied_head(network: &Network<'_>) -> bool {
    let head = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"];
    head.iter().any(|h| network.class.ends_with(h)) && network.says("tie_word_embeddings", false)
}
