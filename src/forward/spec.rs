//! The numbers a pass needs, checked: from a model with GGUF names.

use super::Rounding;
use crate::arch::{Computation, Position, Scaling, Window, computation};
use crate::model::{MetaValue, Model, ModelError, PerLayer, Result, RopeKind};

/// Sizes beyond these are those of a damaged file.
const MOST: u64 = 1 << 24;

/// What a pass needs to know of a network.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// How the family computes.
    pub how: Computation,
    /// Layers.
    pub layers: u32,
    /// Width of what layers pass on.
    pub width: usize,
    /// Query heads.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Elements of a query and of a key.
    pub key_size: usize,
    /// Elements of a value.
    pub value_size: usize,
    /// Rows of the output matrix.
    pub vocabulary: usize,
    /// Tokens the network was trained to see.
    pub context: Option<u64>,
    /// Epsilon of the norms.
    pub epsilon: f64,
    /// Tokens that a layer with a window sees, itself included.
    pub window: Option<usize>,
    /// Experts, and how many a token goes through.
    pub experts: Option<(usize, usize)>,
    /// The weights of the chosen experts are scaled to a sum of one.
    pub renormalized: bool,
    /// Attention scores are capped softly at this value.
    pub attention_cap: Option<f32>,
    /// Logits are capped softly at this value.
    pub output_cap: Option<f32>,
    /// The rotation, for networks that rotate.
    pub rope: Option<RopeSpec>,
    /// How inputs of matrix products are treated.
    pub rounding: Rounding,
}

/// The rotation of queries and keys.
#[derive(Clone, Debug)]
pub(crate) struct RopeSpec {
    /// Elements of a head that are rotated.
    pub dimensions: usize,
    /// Base frequency.
    pub base: f64,
    /// Base frequency of layers with a window.
    pub base_window: f64,
    /// How positions beyond the original context are mapped.
    pub scaling: Option<Scaling>,
    /// Cosines and sines are multiplied by this (`rope.scaling.attn_factor`).
    pub attention_factor: f64,
    /// The original context, if the files give it.
    pub original_context: Option<u64>,
}

impl Spec {
    /// Of a model with GGUF names; `source` is the model as it was opened, which may say more.
    ///
    /// # Errors
    /// An architecture that cannot be run; missing, zero or absurd sizes; a rope scaling that is not known.
    pub(crate) fn of(model: &Model, source: &Model, rounding: Rounding) -> Result<Self> {
        let how = computation(model)?;
        let network = model.network.as_ref().ok_or_else(|| missing(model, "general.architecture"))?;
        let size = |value: Option<u64>, key: &str| match value {
            Some(n @ 1..MOST) => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
            Some(n) => Err(ModelError::bad(format!("{n} is not a usable size")).in_file(&model.path).field(key)),
            None => Err(missing(model, key)),
        };
        let uniform = |value: &Option<PerLayer>, key: &str| match value {
            Some(PerLayer::Each(each)) if each.windows(2).any(|w| w[0] != w[1]) => {
                let what = "layers of different sizes cannot be run";
                Err(ModelError::unsupported(what).in_file(&model.path).field(key))
            }
            value => Ok(value.as_ref().and_then(PerLayer::first)),
        };
        let layers = size(network.layers, "block_count")?;
        let width = size(network.hidden_size, "embedding_length")?;
        let heads = size(uniform(&network.heads, "attention.head_count")?, "attention.head_count")?;
        let kv_heads = uniform(&network.kv_heads, "attention.head_count_kv")?.or(Some(heads as u64));
        let kv_heads = size(kv_heads, "attention.head_count_kv")?;
        if !heads.is_multiple_of(kv_heads) {
            let what = format!("{heads} query heads for {kv_heads} heads of keys");
            return Err(ModelError::bad(what).in_file(&model.path).field("attention.head_count_kv"));
        }
        let head = Some((width / heads) as u64);
        let key_size = size(network.key_size.or(head), "attention.key_length")?;
        let value_size = size(network.value_size.or(head), "attention.value_length")?;
        let experts = match network.experts {
            None | Some(0) => None,
            some => {
                let of = size(some, "expert_count")?;
                let used = size(network.experts_used, "expert_used_count")?;
                if used > of {
                    let what = format!("{used} of {of} experts cannot be used");
                    return Err(ModelError::bad(what).in_file(&model.path).field("expert_used_count"));
                }
                Some((of, used))
            }
        };
        let head_rows = ["output.weight", "token_embd.weight"].iter().find_map(|n| model.tensor(n)).map(|t| t.rows());
        let epsilon = network.rms_norm_epsilon.or(network.layer_norm_epsilon);
        let said = source.network.as_ref().unwrap_or(network);
        let converted = !source.format.has_gguf_names();
        let window = match how.window {
            Window::None => None,
            Window::TransformersOnly => said.sliding_window.filter(|_| converted),
            Window::AllBut(_) => network.sliding_window.or(said.sliding_window),
        };
        let rope = (how.position != Position::Learned).then(|| rope(model, key_size, &size)).transpose()?;
        Ok(Self {
            how,
            layers: u32::try_from(layers).unwrap_or(u32::MAX),
            width,
            heads,
            kv_heads,
            key_size,
            value_size,
            vocabulary: size(head_rows, "token_embd.weight")?,
            context: network.context,
            epsilon: epsilon
                .filter(|e| e.is_finite() && *e >= 0.0)
                .ok_or_else(|| missing(model, "layer_norm_epsilon"))?,
            window: window.filter(|w| *w > 0).and_then(|w| usize::try_from(w).ok()),
            experts,
            renormalized: !converted || said.norm_topk_prob.unwrap_or(how_renormalizes(model)),
            attention_cap: network.attention_softcap.filter(|c| *c > 0.0).map(|c| c as f32),
            output_cap: network.output_softcap.filter(|c| *c > 0.0).map(|c| c as f32),
            rope,
            rounding,
        })
    }

    /// The factor of attention scores.
    pub(super) fn query_scale(&self) -> f32 {
        let size = match self.how.wide_query_layers {
            Some(layers) if layers == self.layers => self.width / self.heads,
            _ => self.key_size,
        };
        (1.0 / (size as f64).sqrt()) as f32
    }

    /// The window of a layer; `None` if it sees everything before it.
    pub(super) fn window_of(&self, layer: u32) -> Option<usize> {
        match self.how.window {
            Window::AllBut(n) if (layer + 1).is_multiple_of(n) => None,
            _ => self.window,
        }
    }
}

/// Qwen's class default is not to renormalize; Mixtral always does.
fn how_renormalizes(model: &Model) -> bool {
    model.architecture() != Some("qwen3moe")
}

fn rope(model: &Model, key_size: usize, size: &dyn Fn(Option<u64>, &str) -> Result<usize>) -> Result<RopeSpec> {
    let arch = model.architecture().unwrap_or_default();
    let network = model.network.as_ref().map(|n| n.rope.clone()).unwrap_or_default();
    let dimensions = size(network.dimensions.or(Some(key_size as u64)), "rope.dimension_count")?;
    if dimensions > key_size || !dimensions.is_multiple_of(2) {
        let what = format!("{dimensions} of {key_size} elements of a head cannot be rotated");
        return Err(ModelError::bad(what).in_file(&model.path).field("rope.dimension_count"));
    }
    let base = network.base.unwrap_or(10_000.0);
    let factor = model.metadata.get(&format!("{arch}.rope.scaling.attn_factor")).and_then(MetaValue::as_f64);
    let original_context = model.metadata.get(&format!("{arch}.rope.scaling.original_context_length"));
    let scaling = match &network.scaling {
        None => None,
        Some(s) => match (&s.kind, s.factor) {
            (RopeKind::Linear, Some(f)) if f > 0.0 => Some(Scaling::Linear(f)),
            (RopeKind::Yarn, Some(f)) if f > 0.0 => Some(Scaling::Yarn(f)),
            // Their factors are tensors.
            (RopeKind::LongRope | RopeKind::Llama3, _) => None,
            (kind, _) => {
                let what = format!("the rope scaling {kind} cannot be run");
                return Err(ModelError::unsupported(what).in_file(&model.path).field("rope.scaling.type"));
            }
        },
    };
    Ok(RopeSpec {
        dimensions,
        base,
        // Gemma 3's, which its files leave out.
        base_window: network.base_sliding.unwrap_or(if arch == "gemma3" { 10_000.0 } else { base }),
        scaling,
        attention_factor: factor.filter(|f| f.is_finite() && *f > 0.0).unwrap_or(1.0),
        original_context: original_context.and_then(MetaValue::as_u64),
    })
}

fn missing(model: &Model, key: &str) -> ModelError {
    ModelError::bad("a value that is needed to run the network is missing").in_file(&model.path).field(key)
}
