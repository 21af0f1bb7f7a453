//! The numbers that the graph of a decoder needs, from `config.json` with the defaults of its class.

use super::Job;
use super::rotation::{Rotation, rotations};
use crate::arch::class::LAYER_COUNT_KEYS;
use crate::arch::computation::{Activation, Computation, Norm, Position, Window};
use crate::arch::config::{Config, bad, float_of};
use crate::arch::family::Family;
use crate::arch::params::fields;
use crate::model::{ModelError, Result};
use serde_json::Value;

/// Sizes beyond these are those of a damaged file.
const MOST: u64 = 1 << 24;
/// Layers and experts beyond these are.
const MOST_LAYERS: u64 = 4096;

/// What a decoder's graph needs to know.
#[derive(Debug)]
pub(super) struct Spec {
    /// How the family computes.
    pub how: Computation,
    /// The activation of the feed-forward part.
    pub activation: Activation,
    /// For each layer, the tokens that a token sees, itself included; `None` for all.
    pub windows: Vec<Option<u64>>,
    /// Width of what layers pass on.
    pub width: u64,
    /// Query heads.
    pub heads: u64,
    /// Heads of keys and values.
    pub kv_heads: u64,
    /// Elements of a query, a key and a value.
    pub head: u64,
    /// Epsilon of the norms.
    pub epsilon: f32,
    /// The factor of attention scores, by layer.
    pub scales: Vec<f32>,
    /// Attention scores are capped softly at this value.
    pub attention_cap: Option<f32>,
    /// Logits are capped softly at this value.
    pub output_cap: Option<f32>,
    /// Experts, and how many a token goes through.
    pub experts: Option<(u64, u64)>,
    /// The weights of the chosen experts are scaled to a sum of one.
    pub renormalized: bool,
    /// The rotation of layers that see everything, and that of layers with a window; none for networks with learned positions.
    pub rotations: Option<(Rotation, Rotation)>,
    /// The graph takes positions: not that of Gemma, whose positions follow from what is cached.
    pub takes_positions: bool,
    /// The head gives logits; the bare network gives its last hidden state.
    pub logits: bool,
    /// Keys and values of earlier tokens come before the mask among the inputs.
    pub past_first: bool,
}

impl Spec {
    /// Of a configuration with the defaults of its class.
    ///
    /// # Errors
    /// Missing, zero or absurd sizes; values that change what the network computes and that no graph is built for.
    pub(super) fn of(job: &Job<'_>, config: &Config, family: &'static Family) -> Result<Self> {
        let how = family.computation;
        let size = |keys: &[&str]| match config.need_uint(keys, "")? {
            n @ 1..MOST => Ok(n),
            n => Err(bad(keys, &format!("{n} is not a usable size"))),
        };
        let layers = size(&LAYER_COUNT_KEYS)?;
        if layers > MOST_LAYERS {
            return Err(bad(&LAYER_COUNT_KEYS, &format!("{layers} layers are more than the {MOST_LAYERS} allowed")));
        }
        let (width, heads) = (size(fields::WIDTH)?, size(fields::HEADS)?);
        let kv_heads = match config.uint(fields::KV_HEADS, "")? {
            Some(0) | None => heads,
            Some(n) => n,
        };
        if !heads.is_multiple_of(kv_heads) {
            return Err(bad(fields::KV_HEADS, &format!("{heads} query heads for {kv_heads} heads of keys")));
        }
        let head = match config.uint(&["head_dim"], "")? {
            Some(n @ 1..MOST) => n,
            Some(n) => return Err(bad(&["head_dim"], &format!("{n} is not a usable size"))),
            None => width / heads,
        };
        let epsilon = match how.norm {
            Norm::Rms => config.need_float(fields::RMS_EPSILON, "")?,
            Norm::Layer => config.need_float(fields::NORM_EPSILON, "")?,
        };
        let cap =
            |key: &str| -> Result<Option<f32>> { Ok(config.float(&[key], "")?.filter(|c| *c > 0.0).map(|c| c as f32)) };
        let experts = match &family.experts {
            None => None,
            Some(_) => {
                let (of, used) = (size(fields::EXPERTS)?, size(fields::EXPERTS_USED)?);
                if used > of || of > MOST_LAYERS {
                    return Err(bad(fields::EXPERTS_USED, &format!("{used} of {of} experts cannot be used")));
                }
                Some((of, used))
            }
        };
        refuse(job, config)?;
        let renormalized = match config.peek("norm_topk_prob").and_then(Value::as_bool) {
            Some(said) => said,
            // Mixtral always does, Qwen's class does not by default.
            None => family.info.gguf_arch == "llama",
        };
        let gemma = how.scaled_embedding;
        Ok(Self {
            how,
            activation: activation(job, config, how.activation)?,
            windows: windows(job, config, &how, layers)?,
            width,
            heads,
            kv_heads,
            head,
            epsilon: epsilon as f32,
            scales: scales(config, layers, head),
            attention_cap: cap("attn_logit_softcapping")?.filter(|_| gemma),
            output_cap: cap("final_logit_softcapping")?.filter(|_| gemma),
            experts,
            renormalized,
            rotations: (how.position != Position::Learned).then(|| rotations(job, config, head)).transpose()?,
            takes_positions: !gemma,
            logits: !job.options.features && (job.class.ends_with("LMHeadModel") || !job.class.ends_with("Model")),
            past_first: how.position == Position::Learned,
        })
    }

    /// Layers.
    pub(super) fn layers(&self) -> u64 {
        self.windows.len() as u64
    }
}

/// Refuses what changes the computation and is not in the graph.
fn refuse(job: &Job<'_>, config: &Config) -> Result<()> {
    let on = |key: &str| config.peek(key) == Some(&Value::Bool(true));
    let off = |key: &str| config.peek(key) == Some(&Value::Bool(false));
    for key in ["use_bidirectional_attention", "add_cross_attention"] {
        if on(key) {
            return Err(job.unsupported(key, "no graph is built for networks with this option"));
        }
    }
    if off("is_causal") {
        return Err(job.unsupported("is_causal", "no graph is built for decoders whose tokens see later ones"));
    }
    let heads = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "Model"];
    if !heads.iter().any(|h| job.class.ends_with(h)) && !job.options.features {
        return Err(job.unsupported("architectures", format!("no graph is built for the head of {}", job.class)));
    }
    Ok(())
}

/// The activation that the configuration names, or that of the family.
pub(super) fn activation(job: &Job<'_>, config: &Config, family: Activation) -> Result<Activation> {
    const FIELDS: [&str; 4] = ["hidden_activation", "hidden_act", "activation_function", "activation"];
    let Some((field, name)) = FIELDS.iter().find_map(|f| Some((*f, config.peek(f)?))) else { return Ok(family) };
    // Gemma's classes always compute this one; old files name the other in the first field.
    if family == Activation::GeluTanh && field == "hidden_act" {
        return Ok(family);
    }
    Ok(match name.as_str().unwrap_or_default() {
        "silu" | "swish" => Activation::Silu,
        "gelu" => Activation::GeluErf,
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
        _ => return Err(job.unsupported(field, format!("no graph is built with the activation {name}"))),
    })
}

/// The factor of attention scores of each layer.
fn scales(config: &Config, layers: u64, head: u64) -> Vec<f32> {
    let said = config.peek("query_pre_attn_scalar").and_then(float_of).filter(|f| *f > 0.0);
    let plain = 1.0 / said.unwrap_or(head as f64).sqrt();
    let flag = |key: &str| config.peek(key).and_then(Value::as_bool);
    let plain = if flag("scale_attn_weights") == Some(false) { 1.0 } else { plain };
    let by_layer = flag("scale_attn_by_inverse_layer_idx") == Some(true);
    (0..layers).map(|l| (if by_layer { plain / (l + 1) as f64 } else { plain }) as f32).collect()
}

/// The window of each layer: `layer_types` where the configuration has them, else what the class computes.
fn windows(job: &Job<'_>, config: &Config, how: &Computation, layers: u64) -> Result<Vec<Option<u64>>> {
    let qwen = job.kind.starts_with("qwen");
    let used = config.peek("use_sliding_window").and_then(Value::as_bool).unwrap_or(!qwen);
    let window = config.peek_uint("sliding_window").filter(|w| *w > 0 && used);
    if let Some(Value::Array(types)) = config.peek("layer_types") {
        if types.len() as u64 != layers {
            return Err(bad(&["layer_types"], &format!("{} entries for {layers} layers", types.len())));
        }
        let of = |t: &Value| match t.as_str() {
            Some("full_attention") => Ok(None),
            Some("sliding_attention") => Ok(window),
            _ => Err(job.unsupported("layer_types", format!("no graph is built for layers of the type {t}"))),
        };
        return types.iter().map(of).collect();
    }
    // Llama has no windows, whatever its configuration says.
    let Some(window) = window.filter(|_| job.kind != "llama") else { return Ok(vec![None; layers as usize]) };
    let pattern = config.peek_uint("sliding_window_pattern").or_else(|| config.peek_uint("_sliding_window_pattern"));
    let first =
        if matches!(job.kind, "qwen2" | "qwen3") { config.peek_uint("max_window_layers").unwrap_or(28) } else { 0 };
    let sees_all = |layer: u64| match how.window {
        Window::AllBut(n) => (layer + 1).is_multiple_of(pattern.unwrap_or(n.into()).max(1)),
        Window::None | Window::TransformersOnly => layer < first,
    };
    Ok((0..layers).map(|l| (!sees_all(l)).then_some(window)).collect())
}

/// As an error about `config.json` of a value that is needed.
pub(super) fn wrong(field: &str, what: &str) -> ModelError {
    bad(&[field], what)
}
