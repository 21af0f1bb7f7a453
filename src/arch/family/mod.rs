//! The families, one file each, and the types they are written with: rules that pair names across ecosystems, what happens
//! to a tensor in the conversion, defaults, parameters.
//!
//! Adding a family is a file with a [`Family`] and a line in [`FAMILIES`].

mod bert;
mod gemma2;
mod gemma3;
mod gpt2;
mod llama;
mod mistral;
mod mixtral;
pub(crate) mod nearest;
mod need;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3_moe;

use super::back::Meta;
use super::computation::{Activation, Computation, Gate, Norm, Position, Window};
use super::config::Config;
use super::params::{Params, Source};
use super::types::FamilyInfo;
use crate::model::{ModelError, Result, TensorEntry};
use need::{
    ATTENTION_BIAS,
    Dim::{
        DoubleInner, ExpertInner, Experts as ExpertCount, Fused, Head, Inner, Keys, Labels, Positions, QuadWidth,
        Queries, TokenTypes, TripleWidth, Vocabulary, Width,
    },
    MLP_BIAS, untied_head,
};
pub(crate) use need::{Bias, Dim, Need, Network};
use serde_json::{Map, Value};

/// Every family. When converting from GGUF, the first one whose architecture matches and whose `claims` returns true
/// is used.
pub(crate) static FAMILIES: &[&Family] = &[
    &mixtral::FAMILY,
    &llama::FAMILY,
    &mistral::FAMILY,
    &qwen2::FAMILY,
    &qwen3::FAMILY,
    &qwen3_moe::FAMILY,
    &gemma2::FAMILY,
    &gemma3::FAMILY,
    &phi3::FAMILY,
    &gpt2::FAMILY,
    &bert::FAMILY,
];

/// A family of networks.
pub(crate) struct Family {
    pub info: FamilyInfo,
    /// `model_type` values whose class defaults [`Family::defaults`] gives.
    pub model_types: &'static [&'static str],
    /// Fills in what the transformers class would (only called when `model_type` names the family).
    pub defaults: fn(&mut Config),
    /// Pairs of names; for a GGUF name with several Hugging Face names, the first is used when converting back.
    pub rules: &'static [&'static [Rule]],
    /// How experts are stored, for families that have them.
    pub experts: Option<Experts>,
    /// Brings a variant's tensor name to the family's own; `None` leaves the tensor out.
    pub rename: fn(&str, &Config) -> Option<String>,
    /// Writes the architecture's parameters.
    pub params: fn(&Source<'_>, &mut Params) -> Result<()>,
    /// Tensors made from the configuration; they come first.
    pub extra: fn(&Source<'_>, &mut Params) -> Result<Vec<TensorEntry>>,
    /// Fields of config.json that are known to have no place in GGUF, besides the common ones.
    pub ignored: &'static [&'static str],
    /// Fields whose value GGUF cannot express, with the values llama.cpp assumes.
    pub expects: &'static [(&'static str, &'static [&'static str])],
    /// Whether a GGUF of the same architecture name is of this family.
    pub claims: fn(&Meta<'_>) -> bool,
    /// `config.json` from GGUF metadata.
    pub config: fn(&Meta<'_>) -> Result<Map<String, Value>>,
    /// How its networks compute.
    pub computation: Computation,
}

/// One tensor name in both ecosystems, without `.weight` or `.bias`; `{}` is the layer. The weight's shape is in the order of the
/// Hugging Face file, outermost dimension first.
pub(crate) struct Rule {
    pub hf: &'static str,
    pub gguf: &'static str,
    pub op: Op,
    pub shape: &'static [Dim],
    pub need: Need,
    pub bias: Bias,
}

impl Rule {
    /// With the shape of the weight.
    pub(crate) const fn of(mut self, shape: &'static [Dim]) -> Self {
        self.shape = shape;
        self
    }

    /// Needed by some networks of the family only.
    pub(crate) const fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// With a bias.
    pub(crate) const fn bias(mut self, bias: Bias) -> Self {
        self.bias = bias;
        self
    }
}

/// What happens to a tensor when converted to GGUF (undone when converting back).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Nothing.
    Keep,
    /// Rows of each query head from halves to interleaved pairs.
    QueryHeads,
    /// Rows of each key head from halves to interleaved pairs.
    KeyHeads,
    /// A weight stored \[in, out\] becomes \[out, in\]; a bias is kept.
    Transpose,
    /// One is added to the weight.
    PlusOne,
    /// Rows beyond the vocabulary are cut off.
    CutVocabulary,
}

/// A rule without a change.
pub(crate) const fn keep(hf: &'static str, gguf: &'static str) -> Rule {
    rule(hf, gguf, Op::Keep)
}

/// A rule with a change.
pub(crate) const fn rule(hf: &'static str, gguf: &'static str, op: Op) -> Rule {
    Rule { hf, gguf, op, shape: &[], need: Need::Always, bias: Bias::Optional }
}

/// How a family's experts are stored: one matrix per expert, to be stacked.
pub(crate) struct Experts {
    /// Name up to the expert's number.
    pub prefix: &'static str,
    /// (name after the number, GGUF name) in the order the stacks are written.
    pub parts: &'static [(&'static str, &'static str)],
    /// Shape of one expert's weight, parallel to `parts`.
    pub shapes: &'static [&'static [Dim]],
    /// Whether some layers may have a plain feed-forward part instead.
    pub dense_layers: bool,
    /// Config fields with the number of experts.
    pub count: &'static [&'static str],
    /// Whether transformers 5's fused `mlp.experts.gate_up_proj` is taken too.
    pub fused: bool,
}

/// Names shared by the decoders that follow Llama.
pub(crate) static DECODER: &[Rule] = &[
    keep("model.embed_tokens", "token_embd").of(&[Vocabulary, Width]),
    keep("lm_head", "output").of(&[Vocabulary, Width]).need(Need::If(untied_head)),
    keep("model.norm", "output_norm").of(&[Width]),
    keep("model.layers.{}.input_layernorm", "blk.{}.attn_norm").of(&[Width]),
    keep("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v").of(&[Keys, Width]).bias(ATTENTION_BIAS),
    keep("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output").of(&[Width, Queries]),
    keep("model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm").of(&[Width]),
    keep("model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate").of(&[Inner, Width]).need(Need::Dense).bias(MLP_BIAS),
    keep("model.layers.{}.mlp.up_proj", "blk.{}.ffn_up").of(&[Inner, Width]).need(Need::Dense).bias(MLP_BIAS),
    keep("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down").of(&[Width, Inner]).need(Need::Dense).bias(MLP_BIAS),
];

/// Query and key projections whose rows keep their order.
pub(crate) static PLAIN_QK: &[Rule] = &[
    keep("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q").of(&[Queries, Width]).bias(ATTENTION_BIAS),
    keep("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k").of(&[Keys, Width]).bias(ATTENTION_BIAS),
];

/// Query and key projections whose rows are interleaved.
pub(crate) static ROTATED_QK: &[Rule] = &[
    rule("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q", Op::QueryHeads)
        .of(&[Queries, Width])
        .bias(ATTENTION_BIAS),
    rule("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k", Op::KeyHeads).of(&[Keys, Width]).bias(ATTENTION_BIAS),
];

/// Norms of queries and keys.
pub(crate) static QK_NORMS: &[Rule] = &[
    keep("model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm").of(&[Head]),
    keep("model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm").of(&[Head]),
];

/// Nothing extra.
pub(crate) fn no_extra(_: &Source<'_>, _: &mut Params) -> Result<Vec<TensorEntry>> {
    Ok(Vec::new())
}

/// Names as they are, with `model.` in front where a base model (`LlamaModel`) lacks it.
pub(crate) fn decoder_name(name: &str, _: &Config) -> Option<String> {
    let bare = ["layers.", "embed_tokens.", "norm."].iter().any(|p| name.starts_with(p));
    Some(if bare { format!("model.{name}") } else { name.to_owned() })
}

/// Always.
pub(crate) fn always(_: &Meta<'_>) -> bool {
    true
}

/// The family that a class name of config.json belongs to.
///
/// # Errors
/// Unsupported, naming the class, the nearest supported one and all of them.
pub(crate) fn by_class(class: &str) -> Result<&'static Family> {
    if let Some(family) = FAMILIES.iter().find(|f| f.info.hf_classes.contains(&class)) {
        return Ok(family);
    }
    let classes = || FAMILIES.iter().flat_map(|f| f.info.hf_classes.iter().copied());
    let near = nearest::class(class).map_or(String::new(), |c| format!("The nearest one is {c}. "));
    let all: Vec<&str> = classes().collect();
    let hint = format!("{near}Supported are: {}. docs/adding-an-architecture.md says how to add one.", all.join(", "));
    Err(ModelError::unsupported(format!("the architecture {class} is not supported")).with_hint(hint))
}

/// Every family's public description.
pub(crate) fn infos() -> &'static [FamilyInfo] {
    static INFOS: std::sync::LazyLock<Vec<FamilyInfo>> =
        std::sync::LazyLock::new(|| FAMILIES.iter().map(|f| f.info).collect());
    &INFOS
}
