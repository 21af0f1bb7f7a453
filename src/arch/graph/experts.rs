//! A feed-forward part with experts.
//!
//! All experts compute all tokens, and the results are weighted; those of experts that a token does not go through by zero. The matrices of all
//! experts are one constant of three dimensions each, so a layer is a few nodes whatever the number of experts, and every runtime has the
//! operators. The price is time: a token costs as much as if it went through every expert.

use super::parts::{activate, around, linear};
use super::spec::Spec;
use super::weights::{ExpertPart, Weights};
use crate::graph::make::Maker;
use crate::graph::{AttrValue, ValueId};
use crate::model::Result;

/// The experts of layer `layer` on `x`, batch × sequence × width; a token goes through `used` of `of`.
///
/// # Errors
/// Experts that are missing or differ in shape.
pub(super) fn experts(
    m: &mut Maker,
    w: &mut Weights,
    x: ValueId,
    layer: u64,
    of: u64,
    used: u64,
    spec: &Spec,
) -> Result<ValueId> {
    let router = format!("blk.{layer}.ffn_gate_inp");
    let outer = around(w, &format!("{router}.weight"))?;
    let scores = linear(m, w, x, &router)?;
    let (factors, flat) = m.at(&outer, |m| {
        let last = [("axis", AttrValue::Int(-1))];
        let shares = m.op("Softmax", &[scores], &last);
        let count = m.ints(&[used as i64]);
        let top = m.node("TopK", &[Some(shares), Some(count)], &last, 2);
        let mut chosen = top[0];
        if spec.renormalized {
            let axes = m.ints(&[-1]);
            let sum = m.op("ReduceSum", &[chosen, axes], &[]);
            chosen = m.op("Div", &[chosen, sum], &[]);
        }
        let zero = m.float(0.0);
        let none = m.op("Mul", &[shares, zero], &[]);
        let factors = m.op("ScatterElements", &[none, top[1], chosen], &last);
        // Tokens × experts becomes experts × tokens × 1.
        let factors = m.reshape(factors, &[-1, of as i64]);
        let factors = m.transpose(factors, &[1, 0]);
        let factors = m.unsqueeze(factors, &[-1]);
        (factors, m.reshape(x, &[1, -1, spec.width as i64]))
    });
    let scope = format!("{outer}/experts");
    let mut product = |m: &mut Maker, x: ValueId, part: ExpertPart, name: &str| -> Result<ValueId> {
        let matrix = w.experts(m, layer, of, part)?;
        Ok(m.at(&format!("{scope}/{name}"), |m| m.op("MatMul", &[x, matrix], &[])))
    };
    let gate = product(m, flat, ExpertPart::Gate, "gate_proj")?;
    let gate = m.at(&scope, |m| activate(m, gate, spec.activation));
    let up = product(m, flat, ExpertPart::Up, "up_proj")?;
    let inner = m.at(&scope, |m| m.op("Mul", &[gate, up], &[]));
    let out = product(m, inner, ExpertPart::Down, "down_proj")?;
    Ok(m.at(&outer, |m| {
        let weighted = m.op("Mul", &[out, factors], &[]);
        let axes = m.ints(&[0]);
        let sum = m.op("ReduceSum", &[weighted, axes], &[("keepdims", AttrValue::Int(0))]);
        let shape = m.op("Shape", &[x], &[]);
        m.op("Reshape", &[sum, shape], &[])
    }))
}
