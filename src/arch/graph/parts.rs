//! Parts that several networks have: projections, norms, activations.

use super::spec::Spec;
use super::weights::{Weights, parent};
use crate::arch::computation::{Activation, Norm};
use crate::graph::make::Maker;
use crate::graph::{AttrValue, ValueId};
use crate::model::Result;

/// x · W + b of the weight and bias `KEY.weight`, `KEY.bias`, in the scope of its module.
pub(super) fn linear(m: &mut Maker, w: &mut Weights, x: ValueId, key: &str) -> Result<ValueId> {
    let (weight, bias) = (format!("{key}.weight"), format!("{key}.bias"));
    let scope = w.scope(&weight)?;
    m.at(&scope, |m| {
        let matrix = w.matrix(m, &weight)?;
        let out = m.op("MatMul", &[x, matrix], &[]);
        if !w.has(&bias) {
            return Ok(out);
        }
        let bias = w.plain(m, &bias)?;
        Ok(m.op("Add", &[out, bias], &[]))
    })
}

/// The norm with the weight and bias `KEY.weight`, `KEY.bias` over the last dimension, in the scope of its module.
pub(super) fn norm(m: &mut Maker, w: &mut Weights, x: ValueId, key: &str, kind: Norm, epsilon: f32) -> Result<ValueId> {
    let (weight, bias) = (format!("{key}.weight"), format!("{key}.bias"));
    let scope = w.scope(&weight)?;
    m.at(&scope, |m| {
        let weight = w.norm(m, &weight)?;
        let attributes = [("axis", AttrValue::Int(-1)), ("epsilon", AttrValue::Float(epsilon))];
        match kind {
            Norm::Rms => Ok(m.op("RMSNormalization", &[x, weight], &attributes)),
            Norm::Layer if w.has(&bias) => {
                let bias = w.plain(m, &bias)?;
                Ok(m.op("LayerNormalization", &[x, weight, bias], &attributes))
            }
            Norm::Layer => Ok(m.op("LayerNormalization", &[x, weight], &attributes)),
        }
    })
}

/// The rows of a table for these ids, in the scope of its module.
pub(super) fn embed(m: &mut Maker, w: &mut Weights, ids: ValueId, key: &str) -> Result<ValueId> {
    let scope = w.scope(key)?;
    m.at(&scope, |m| {
        let table = w.plain(m, key)?;
        Ok(m.op("Gather", &[table, ids], &[]))
    })
}

/// An activation.
pub(super) fn activate(m: &mut Maker, x: ValueId, activation: Activation) -> ValueId {
    match activation {
        Activation::Silu => {
            let gate = m.op("Sigmoid", &[x], &[]);
            m.op("Mul", &[x, gate], &[])
        }
        Activation::GeluTanh => m.op("Gelu", &[x], &[("approximate", AttrValue::Str((*b"tanh").into()))]),
        Activation::GeluErf => m.op("Gelu", &[x], &[]),
    }
}

/// A value cut along its last dimension.
pub(super) fn split(m: &mut Maker, x: ValueId, sizes: &[u64]) -> Vec<ValueId> {
    let each: Vec<i64> = sizes.iter().map(|s| *s as i64).collect();
    let each = m.ints(&each);
    m.node("Split", &[Some(x), Some(each)], &[("axis", AttrValue::Int(-1))], sizes.len())
}

/// cap · tanh(x / cap).
pub(super) fn soft_cap(m: &mut Maker, x: ValueId, cap: f32) -> ValueId {
    let cap = m.float(cap);
    let x = m.op("Div", &[x, cap], &[]);
    let x = m.op("Tanh", &[x], &[]);
    m.op("Mul", &[x, cap], &[])
}

/// A norm over each head of `x`, batch × sequence × (heads · size), if the network has one.
pub(super) fn head_norm(
    m: &mut Maker,
    w: &mut Weights,
    x: ValueId,
    key: &str,
    heads: u64,
    spec: &Spec,
) -> Result<ValueId> {
    let weight = format!("{key}.weight");
    if !w.has(&weight) {
        return Ok(x);
    }
    let scope = w.scope(&weight)?;
    let x = m.at(&scope, |m| m.reshape(x, &[0, 0, heads as i64, spec.head as i64]));
    let x = norm(m, w, x, key, spec.how.norm, spec.epsilon)?;
    Ok(m.at(&scope, |m| m.reshape(x, &[0, 0, -1])))
}

/// The scope around the module of a key.
pub(super) fn around(w: &Weights, key: &str) -> Result<String> {
    Ok(parent(&w.scope(key)?).to_owned())
}
