//! Encoders of BERT's kind: from ids and a mask to the last hidden state, the result of a head, or embeddings of sentences.

use super::decoder::{batch, sequence};
use super::masks::both_ways;
use super::parts::{activate, around, embed, linear, norm};
use super::spec::{activation, wrong};
use super::text_heads::{Head, head};
use super::weights::{Weights, parent};
use super::{Built, Job, sentence};
use crate::arch::computation::{Activation, Norm};
use crate::arch::config::Config;
use crate::arch::family::by_class;
use crate::arch::params::fields;
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Dim, Elem, ValueId};
use crate::model::Result;
use serde_json::json;

/// A type of encoders.
#[derive(Debug)]
pub(super) struct Kind {
    /// `model_type` of `config.json`.
    pub kind: &'static str,
    /// What names of tensors begin with where a head is around the network.
    prefix: &'static str,
    /// What class names begin with.
    class: &'static str,
    /// The graph takes token types.
    types: bool,
    /// Positions count the tokens that are no padding, from the number of the padding token on.
    counted: bool,
}

const fn kind(kind: &'static str, prefix: &'static str, class: &'static str) -> Kind {
    Kind { kind, prefix, class, types: false, counted: false }
}

/// The types of encoders that graphs are built for. They have the names of BERT's or DistilBERT's tensors, which are rules of one family.
pub(super) static KINDS: [Kind; 5] = [
    Kind { types: true, ..kind("bert", "bert.", "Bert") },
    kind("distilbert", "distilbert.", "DistilBert"),
    Kind { counted: true, ..kind("roberta", "roberta.", "Roberta") },
    Kind { counted: true, ..kind("xlm-roberta", "roberta.", "XLMRoberta") },
    Kind { counted: true, ..kind("camembert", "roberta.", "Camembert") },
];

/// The type of encoders of a configuration: by its `model_type`, or by its class where that is absent.
pub(super) fn find(kind: &str, class: &str) -> Option<&'static Kind> {
    let of_class = |k: &&Kind| class.strip_prefix(k.class).is_some_and(|r| r.starts_with("For") || r == "Model");
    KINDS.iter().find(|k| k.kind == kind).or_else(|| KINDS.iter().find(of_class).filter(|_| kind.is_empty()))
}

/// What an encoder's graph needs to know.
pub(super) struct Spec {
    pub width: u64,
    pub heads: u64,
    pub layers: u64,
    pub epsilon: f32,
    pub activation: Activation,
}

impl Spec {
    /// Of a configuration with the defaults of its class.
    ///
    /// # Errors
    /// Missing, zero or absurd sizes; values that change what the network computes and that no graph is built for.
    pub(super) fn of(job: &Job<'_>, config: &Config) -> Result<Self> {
        let size = |keys: &[&str]| match config.need_uint(keys, "")? {
            n @ 1..0x100_0000 => Ok(n),
            n => Err(wrong(keys[0], &format!("{n} is not a usable size"))),
        };
        let (width, heads) = (size(fields::WIDTH)?, size(fields::HEADS)?);
        if !width.is_multiple_of(heads) {
            return Err(wrong(fields::HEADS[0], &format!("{heads} heads for a width of {width}")));
        }
        let layers = size(&crate::arch::LAYER_COUNT_KEYS)?;
        if layers > 4096 {
            return Err(wrong(
                crate::arch::LAYER_COUNT_KEYS[1],
                &format!("{layers} layers are more than the 4096 allowed"),
            ));
        }
        let absolute = config.peek("position_embedding_type").and_then(|v| v.as_str()).unwrap_or("absolute");
        if absolute != "absolute" {
            let what = format!("no graph is built with {absolute} positions");
            return Err(job.unsupported("position_embedding_type", what));
        }
        if config.peek("is_decoder") == Some(&json!(true)) {
            return Err(job.unsupported("is_decoder", "no graph is built for an encoder that is used as a decoder"));
        }
        // DistilBERT's configuration has no field for it.
        let epsilon = config.float(fields::NORM_EPSILON, "")?.unwrap_or(1e-12) as f32;
        Ok(Self { width, heads, layers, epsilon, activation: activation(job, config, Activation::GeluErf)? })
    }
}

/// The configuration with the defaults of BERT's classes; those of its relatives differ in nothing that a graph needs.
fn config(job: &Job<'_>) -> Result<Config> {
    let mut config = Config::new(job.root.as_object().unwrap_or(&serde_json::Map::new()));
    (by_class("BertModel")?.defaults)(&mut config);
    Ok(config)
}

/// The graph of an encoder.
///
/// # Errors
/// Heads that no graph is built for; weights that are missing or do not fit.
pub(super) fn build(job: &mut Job<'_>, kind: &'static Kind) -> Result<Built> {
    let config = config(job)?;
    let spec = Spec::of(job, &config)?;
    let head_of = if job.options.features { Head::Features } else { Head::of_class(job, job.class)? };
    let sentence = match head_of {
        Head::Features if !job.options.features => sentence::Modules::of(job.model)?,
        _ => None,
    };
    let family = by_class("BertModel")?;
    let own = |name: &str| {
        let name = name.strip_prefix(kind.prefix).unwrap_or(name);
        // Names of norms in checkpoints converted from TensorFlow.
        Some(match (name.strip_suffix(".gamma"), name.strip_suffix(".beta")) {
            (Some(stem), _) => format!("{stem}.weight"),
            (_, Some(stem)) => format!("{stem}.bias"),
            _ => name.to_owned(),
        })
    };
    let mut w = Weights::of_names(job.model, Some(family), own);
    let mut m = job.maker();
    let tokens = [batch(), sequence()];
    let ids = m.input("input_ids", Elem::I64, &tokens);
    let mask = m.input("attention_mask", Elem::I64, &tokens);
    let types = (kind.types && sentence.is_none()).then(|| m.input("token_type_ids", Elem::I64, &tokens));
    let scope = parent(parent(&w.scope("token_embd.weight")?)).to_owned();
    let padding = config.peek_uint("pad_token_id").unwrap_or(1);
    let positions = if kind.counted { Positions::Counted(padding as i64) } else { Positions::Plain };
    let mut x = embeddings(&mut m, &mut w, &spec, (ids, types), positions)?;
    let mask_scope = if scope.is_empty() { "attention_mask".to_owned() } else { format!("{scope}/attention_mask") };
    let added = m.at(&mask_scope, |m| both_ways(m, mask));
    for layer in 0..spec.layers {
        x = block(&mut m, &mut w, &spec, x, added, layer)?;
    }
    match sentence {
        Some(modules) => sentence::finish(&mut m, &mut w, &modules, x, mask, spec.width)?,
        None => head(&mut m, &mut w, &spec, head_of, x)?,
    }
    job.finish(m, w)
}

/// How positions follow from ids.
#[derive(Clone, Copy)]
enum Positions {
    /// 0, 1, 2, …
    Plain,
    /// Tokens that are not this one are counted from it on; it has its own number.
    Counted(i64),
}

fn embeddings(
    m: &mut Maker,
    w: &mut Weights,
    spec: &Spec,
    (ids, types): (ValueId, Option<ValueId>),
    positions: Positions,
) -> Result<ValueId> {
    let scope = around(w, "token_embd.weight")?;
    let mut x = embed(m, w, ids, "token_embd.weight")?;
    if w.has("token_types.weight") {
        let types = match types {
            Some(types) => types,
            None => m.int(0),
        };
        let types = embed(m, w, types, "token_types.weight")?;
        x = m.at(&scope, |m| m.op("Add", &[x, types], &[]));
    }
    let numbers = m.at(&scope, |m| match positions {
        Positions::Plain => {
            let (length, zero, one) = (m.size(ids, 1), m.int(0), m.int(1));
            m.op("Range", &[zero, length, one], &[])
        }
        Positions::Counted(padding) => {
            let (padding, axis) = (m.int(padding), m.int(1));
            let padded = m.op("Equal", &[ids, padding], &[]);
            let real = m.op("Not", &[padded], &[]);
            let real = m.cast(real, Elem::I64);
            let counted = m.op("CumSum", &[real, axis], &[]);
            let counted = m.op("Mul", &[counted, real], &[]);
            m.op("Add", &[counted, padding], &[])
        }
    });
    let positions = embed(m, w, numbers, "position_embd.weight")?;
    x = m.at(&scope, |m| m.op("Add", &[x, positions], &[]));
    norm(m, w, x, "token_embd_norm", Norm::Layer, spec.epsilon)
}

/// One layer: norms after each part.
fn block(m: &mut Maker, w: &mut Weights, spec: &Spec, x: ValueId, mask: ValueId, layer: u64) -> Result<ValueId> {
    let key = |part: &str| format!("blk.{layer}.{part}");
    let attended = attention(m, w, spec, x, Some(mask), ["attn_q", "attn_k", "attn_v"].map(key))?;
    let attended = linear(m, w, attended, &key("attn_output"))?;
    let scope = around(w, &key("attn_output_norm.weight"))?;
    let x = m.at(&scope, |m| m.op("Add", &[attended, x], &[]));
    let x = norm(m, w, x, &key("attn_output_norm"), Norm::Layer, spec.epsilon)?;
    let inner = linear(m, w, x, &key("ffn_up"))?;
    let scope = around(w, &key("ffn_up.weight"))?;
    let inner = m.at(&scope, |m| activate(m, inner, spec.activation));
    let out = linear(m, w, inner, &key("ffn_down"))?;
    let scope = around(w, &key("layer_output_norm.weight"))?;
    let x = m.at(&scope, |m| m.op("Add", &[out, x], &[]));
    norm(m, w, x, &key("layer_output_norm"), Norm::Layer, spec.epsilon)
}

/// Attention of all tokens to each other, before the output projection; `keys` are those of queries, keys and values.
pub(super) fn attention(
    m: &mut Maker,
    w: &mut Weights,
    spec: &Spec,
    x: ValueId,
    mask: Option<ValueId>,
    keys: [String; 3],
) -> Result<ValueId> {
    let scope = around(w, &format!("{}.weight", keys[0]))?;
    let mut inputs = Vec::with_capacity(4);
    for key in keys {
        inputs.push(Some(linear(m, w, x, &key)?));
    }
    inputs.extend(mask.map(Some));
    let heads = AttrValue::Int(spec.heads as i64);
    let scale = 1.0 / ((spec.width / spec.heads) as f64).sqrt();
    let attributes =
        [("q_num_heads", heads.clone()), ("kv_num_heads", heads), ("scale", AttrValue::Float(scale as f32))];
    Ok(m.at(&scope, |m| m.node("Attention", &inputs, &attributes, 1)[0]))
}

/// The dimensions of a hidden state.
pub(super) fn hidden(width: u64) -> [Dim; 3] {
    [batch(), sequence(), Dim::from(width)]
}
