//! Decoders: from ids, a mask and, token by token, the keys and values of earlier tokens, to logits or the last hidden state.

use super::block::Layer;
use super::masks::Causal;
use super::parts::{embed, norm, soft_cap};
use super::rotation::Angles;
use super::spec::Spec;
use super::weights::{Weights, parent};
use super::{Built, Job};
use crate::graph::make::Maker;
use crate::graph::{Dim, Elem, ValueId};
use crate::model::{ModelError, Result};
use std::collections::BTreeMap;

/// Names of dimensions, as Optimum has them.
const PAST: &str = "past_sequence_length";
const ALL: &str = "past_sequence_length + sequence_length";

/// Dimensions of the inputs of text networks, as Optimum names them.
pub(super) fn batch() -> Dim {
    Dim::symbol("batch_size")
}

pub(super) fn sequence() -> Dim {
    Dim::symbol("sequence_length")
}

/// The inputs of a decoder.
struct Inputs {
    ids: ValueId,
    mask: ValueId,
    positions: Option<ValueId>,
    /// Keys and values of earlier tokens, by layer.
    past: Vec<(ValueId, ValueId)>,
}

impl Inputs {
    /// In the order in which Optimum has them, that of the arguments of `forward`.
    fn new(m: &mut Maker, spec: &Spec, with_past: bool) -> Self {
        let tokens = [batch(), sequence()];
        let all = if with_past { Dim::parse(ALL) } else { sequence() };
        let ids = m.input("input_ids", Elem::I64, &tokens);
        let mut past = Vec::new();
        let cached = [batch(), Dim::from(spec.kv_heads), Dim::symbol(PAST), Dim::from(spec.head)];
        let add_past = |m: &mut Maker, past: &mut Vec<(ValueId, ValueId)>| {
            for layer in (0..spec.layers()).filter(|_| with_past) {
                let mut add = |what: &str| m.input(&format!("past_key_values.{layer}.{what}"), Elem::F32, &cached);
                past.push((add("key"), add("value")));
            }
        };
        if spec.past_first {
            add_past(m, &mut past);
        }
        let mask = m.input("attention_mask", Elem::I64, &[batch(), all]);
        let positions = spec.takes_positions.then(|| m.input("position_ids", Elem::I64, &tokens));
        if !spec.past_first {
            add_past(m, &mut past);
        }
        Self { ids, mask, positions, past }
    }
}

/// The graph of a decoder.
///
/// # Errors
/// Weights that are missing or do not fit.
pub(super) fn build(job: &Job<'_>, spec: &Spec, mut w: Weights) -> Result<Built> {
    let mut m = job.maker();
    let with_past = job.options.past;
    let inputs = Inputs::new(&mut m, spec, with_past);
    let outer = w.scope("token_embd.weight")?;
    let scope = parent(&outer).to_owned();
    let causal = m.at(&format!("{scope}/attention_mask"), |m| Causal::new(m, inputs.ids, inputs.mask));
    let mut masks: BTreeMap<Option<u64>, ValueId> = BTreeMap::new();
    for window in &spec.windows {
        let mask = || m.at(&format!("{scope}/attention_mask"), |m| causal.mask(m, *window));
        masks.entry(*window).or_insert_with(mask);
    }
    let positions = match inputs.positions {
        Some(positions) => positions,
        None => m.at(&format!("{scope}/position_ids"), |m| causal.positions(m, inputs.ids)),
    };
    let (full, sliding) = angles(&mut m, spec, positions, &scope);
    let mut x = embeddings(&mut m, &mut w, spec, inputs.ids, positions)?;
    let mut presents = Vec::new();
    for (number, window) in (0..).zip(&spec.windows) {
        let mask = masks.get(window).copied().ok_or_else(|| ModelError::bad("a layer without a mask"))?;
        let past = inputs.past.get(number as usize).copied();
        let angles = if window.is_some() { sliding } else { full };
        let given = Layer { spec, number, mask, angles, past }.build(&mut m, &mut w, x)?;
        x = given.state;
        presents.extend(given.present);
    }
    x = norm(&mut m, &mut w, x, "output_norm", spec.how.norm, spec.epsilon)?;
    if spec.logits {
        let (logits, vocabulary) = head(&mut m, &mut w, spec, x)?;
        m.output("logits", logits, Elem::F32, &[batch(), sequence(), Dim::from(vocabulary)]);
    } else {
        m.output("last_hidden_state", x, Elem::F32, &[batch(), sequence(), Dim::from(spec.width)]);
    }
    let cached = [batch(), Dim::from(spec.kv_heads), Dim::parse(ALL), Dim::from(spec.head)];
    for (layer, (key, value)) in presents.into_iter().enumerate() {
        m.output(&format!("present.{layer}.key"), key, Elem::F32, &cached);
        m.output(&format!("present.{layer}.value"), value, Elem::F32, &cached);
    }
    job.finish(m, w)
}

/// Angles of layers that see everything, and of layers with a window; each is in the graph if a layer needs it.
fn angles(m: &mut Maker, spec: &Spec, positions: ValueId, scope: &str) -> (Option<Angles>, Option<Angles>) {
    let Some((full, sliding)) = &spec.rotations else { return (None, None) };
    let needs = |windowed: bool| spec.windows.iter().any(|w| w.is_some() == windowed);
    if full == sliding {
        let angles = m.at(&format!("{scope}/rotary_emb"), |m| full.angles(m, positions, "rotary_emb.inv_freq"));
        return (Some(angles), Some(angles));
    }
    let mut made = |rotation: &super::rotation::Rotation, name: &str, windowed: bool| {
        needs(windowed)
            .then(|| m.at(&format!("{scope}/{name}"), |m| rotation.angles(m, positions, &format!("{name}.inv_freq"))))
    };
    (made(full, "rotary_emb", false), made(sliding, "rotary_emb_local", true))
}

fn embeddings(m: &mut Maker, w: &mut Weights, spec: &Spec, ids: ValueId, positions: ValueId) -> Result<ValueId> {
    let mut x = embed(m, w, ids, "token_embd.weight")?;
    let scope = w.scope("token_embd.weight")?;
    if spec.how.scaled_embedding {
        x = m.at(&scope, |m| {
            let factor = m.float((spec.width as f64).sqrt() as f32);
            m.op("Mul", &[x, factor], &[])
        });
    }
    if w.has("position_embd.weight") {
        let positions = embed(m, w, positions, "position_embd.weight")?;
        x = m.at(parent(&scope), |m| m.op("Add", &[x, positions], &[]));
    }
    Ok(x)
}

/// Logits, and how many there are. A network without an output matrix uses its embedding.
fn head(m: &mut Maker, w: &mut Weights, spec: &Spec, x: ValueId) -> Result<(ValueId, u64)> {
    let key = ["output.weight", "token_embd.weight"].into_iter().find(|k| w.has(k)).unwrap_or("output.weight");
    let vocabulary = w.shape(key)?.first().copied().unwrap_or(0);
    let logits = m.at("lm_head", |m| -> Result<ValueId> {
        let matrix = w.matrix_of_table(m, key)?;
        let mut logits = m.op("MatMul", &[x, matrix], &[]);
        if w.has("output.bias") {
            let bias = w.plain(m, "output.bias")?;
            logits = m.op("Add", &[logits, bias], &[]);
        }
        Ok(match spec.output_cap {
            Some(cap) => soft_cap(m, logits, cap),
            None => logits,
        })
    })?;
    Ok((logits, vocabulary))
}
