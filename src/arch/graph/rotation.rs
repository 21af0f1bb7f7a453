//! The rotation of queries and keys: frequencies from the configuration, cosines and sines in the graph.
//!
//! The angles are computed in the graph from the positions, in f32 as transformers does, so that there is no table with a last position.

use super::Job;
use super::spec::wrong;
use crate::arch::config::{Config, float_of};
use crate::arch::rope::Rope;
use crate::arch::{Frequencies, Scaling, YARN_TURNS};
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Elem, ValueId};
use crate::model::{ModelError, Result};
use serde_json::Value;

/// How queries and keys of some layers are rotated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rotation {
    /// Elements of a head that are rotated.
    pub dimensions: u64,
    /// Angle per position of each pair.
    pub frequencies: Vec<f32>,
    /// Those for sequences that are longer than the original context, and that context.
    pub long: Option<(Vec<f32>, i64)>,
    /// The factor of cosines and sines.
    pub magnitude: f32,
}

/// The rotation of layers that see everything, and that of layers with a window.
///
/// # Errors
/// A kind of scaling that no graph is built for; values that are no frequencies.
pub(super) fn rotations(job: &Job<'_>, config: &Config, head: u64) -> Result<(Rotation, Rotation)> {
    let rope = Rope::read(config);
    rope.check(config)?;
    let part = match rope.root("partial_rotary_factor").or_else(|| config.peek("partial_rotary_factor")) {
        None => 1.0,
        Some(v) => float_of(v)
            .filter(|f| *f > 0.0 && *f <= 1.0)
            .ok_or_else(|| wrong("partial_rotary_factor", "not a number above zero and not above one"))?,
    };
    let dimensions = (head as f64 * part) as u64;
    if dimensions == 0 || !dimensions.is_multiple_of(2) {
        return Err(wrong("head_dim", &format!("{dimensions} elements of a head cannot be rotated")));
    }
    let full = full(job, config, &rope, dimensions)?;
    // Gemma 3's layers with a window have a base of their own, and no scaling.
    let local = match (rope.theta_sliding()?, job.kind) {
        (Some(base), _) => Some(base),
        (None, "gemma3" | "gemma3_text") => Some(10_000.0),
        _ => None,
    };
    let sliding = match local {
        None => full.clone(),
        Some(base) => {
            Rotation { dimensions, frequencies: narrow(plain(dimensions, base).all()), long: None, magnitude: 1.0 }
        }
    };
    Ok((full, sliding))
}

fn plain(dimensions: u64, base: f64) -> Frequencies<'static> {
    Frequencies {
        dimensions: dimensions as usize,
        base,
        scaling: None,
        factors: None,
        original_context: None,
        turns: YARN_TURNS,
    }
}

fn full(job: &Job<'_>, config: &Config, rope: &Rope, dimensions: u64) -> Result<Rotation> {
    let plain = plain(dimensions, rope.theta()?.unwrap_or(10_000.0));
    let factor = || {
        let factor = rope.number("factor")?.filter(|f| *f > 0.0);
        factor.ok_or_else(|| wrong(rope.source(), "the factor is missing or not above zero"))
    };
    let context = config.peek_uint("max_position_embeddings");
    let original = rope.number("original_max_position_embeddings")?.map(|n| n as u64).or(context);
    let of = |f: Frequencies<'_>, magnitude: f64| Rotation {
        dimensions,
        frequencies: narrow(f.all()),
        long: None,
        magnitude: magnitude as f32,
    };
    match rope.kind().as_deref() {
        None | Some("default") => Ok(of(plain, 1.0)),
        Some("linear") => Ok(of(Frequencies { scaling: Some(Scaling::Linear(factor()?)), ..plain }, 1.0)),
        Some("llama3") => {
            let factors = rope.llama3_factors(dimensions)?;
            Ok(of(Frequencies { factors: factors.as_deref(), ..plain }, 1.0))
        }
        Some("yarn") => {
            if rope.full().get("truncate") == Some(&Value::Bool(false)) {
                return Err(job.unsupported("rope_scaling.truncate", "no graph is built for YaRN without truncation"));
            }
            let turns = (rope.number("beta_fast")?.unwrap_or(32.0), rope.number("beta_slow")?.unwrap_or(1.0));
            let factor = factor()?;
            let yarn = Frequencies { scaling: Some(Scaling::Yarn(factor)), original_context: original, turns, ..plain };
            Ok(of(yarn, yarn_magnitude(rope, factor)?))
        }
        Some("longrope" | "su") => long_rope(rope, &plain, context, original),
        Some(kind) => Err(job.unsupported(rope.source(), format!("no graph is built with the rope scaling {kind}"))),
    }
}

/// transformers' `attention_factor` of YaRN.
fn yarn_magnitude(rope: &Rope, factor: f64) -> Result<f64> {
    let of = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
    let number = |key: &str| Ok::<_, ModelError>(rope.number(key)?.filter(|n| *n != 0.0));
    Ok(match (rope.number("attention_factor")?, number("mscale")?, number("mscale_all_dim")?) {
        (Some(said), ..) => said,
        (None, Some(mscale), Some(all)) => of(mscale) / of(all),
        _ => of(1.0),
    })
}

/// One set of factors for short sequences, one for long ones.
fn long_rope(rope: &Rope, plain: &Frequencies<'_>, context: Option<u64>, original: Option<u64>) -> Result<Rotation> {
    let factors = |key: &str| {
        let factors = rope.factors(key)?.ok_or_else(|| wrong(rope.source(), &format!("{key} is missing")))?;
        match factors.len() == plain.dimensions / 2 {
            true => Ok(factors),
            false => {
                let what = format!("{key} has {} numbers for {} pairs", factors.len(), plain.dimensions / 2);
                Err(wrong(rope.source(), &what))
            }
        }
    };
    let (short, long) = (factors("short_factor")?, factors("long_factor")?);
    let original = original.ok_or_else(|| wrong("original_max_position_embeddings", "the field is missing"))?;
    let scale = context.unwrap_or(original) as f64 / original.max(1) as f64;
    let magnitude = match rope.number("attention_factor")? {
        Some(said) => said,
        None if scale <= 1.0 => 1.0,
        None => (1.0 + scale.ln() / (original as f64).ln()).sqrt(),
    };
    let of = |factors: &[f32]| narrow(Frequencies { factors: Some(factors), ..*plain }.all());
    Ok(Rotation {
        dimensions: plain.dimensions as u64,
        frequencies: of(&short),
        long: Some((of(&long), i64::try_from(original).unwrap_or(i64::MAX))),
        magnitude: magnitude as f32,
    })
}

fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|v| v as f32).collect()
}

/// Cosines and sines of positions, batch × sequence × pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Angles {
    cos: ValueId,
    sin: ValueId,
    dimensions: u64,
}

impl Rotation {
    /// The angles of these positions (batch × sequence, i64). `name` names the constants.
    pub(super) fn angles(&self, m: &mut Maker, positions: ValueId, name: &str) -> Angles {
        let mut frequencies = m.floats(name, &self.frequencies);
        if let Some((long, context)) = &self.long {
            let last = m.op("ReduceMax", &[positions], &[("keepdims", AttrValue::Int(0))]);
            let context = m.int(*context - 1);
            let is_long = m.op("Greater", &[last, context], &[]);
            let long = m.floats(&format!("{name}_long"), long);
            frequencies = m.op("Where", &[is_long, long, frequencies], &[]);
        }
        let positions = m.cast(positions, Elem::F32);
        let positions = m.unsqueeze(positions, &[-1]);
        let angles = m.op("Mul", &[positions, frequencies], &[]);
        let [mut cos, mut sin] = ["Cos", "Sin"].map(|op| m.op(op, &[angles], &[]));
        if self.magnitude != 1.0 {
            let factor = m.float(self.magnitude);
            [cos, sin] = [cos, sin].map(|x| m.op("Mul", &[x, factor], &[]));
        }
        Angles { cos, sin, dimensions: self.dimensions }
    }
}

impl Angles {
    /// Rotates `x`, batch × sequence × (heads · size), each element of the first half of a head with that of the second.
    pub(super) fn rotate(&self, m: &mut Maker, x: ValueId, heads: u64, size: u64) -> ValueId {
        let mut attributes = vec![("num_heads", AttrValue::Int(heads as i64))];
        if self.dimensions < size {
            attributes.push(("rotary_embedding_dim", AttrValue::Int(self.dimensions as i64)));
        }
        m.op("RotaryEmbedding", &[x, self.cos, self.sin], &attributes)
    }
}
