//! `ConcatFromSequence`.

use super::{Infer, Operator, Version, axis_of};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, Value, one, shape};

/// Schemas: ONNX 1.23, `ConcatFromSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConcatFromSequence",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S",
        outputs: "concat_result: T",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); T = ALL",
        attributes: "axis!: int, new_axis: int = 0",
        deprecated: false,
    }],
    infer: Infer::Nothing,
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let all = c.value(0)?.sequence()?;
    let parts: Vec<&Tensor> = all.iter().map(Value::tensor).collect::<Result<_, _>>()?;
    let rank = parts.first().map_or(0, |t| t.rank());
    let new = c.flag("new_axis", false);
    let axis = axis_of(c.int("axis", 0), rank + usize::from(new))?;
    c.count(&[parts.iter().map(|t| t.len()).fold(0, usize::saturating_add)])?;
    if !new {
        return one(shape::concat(&parts, axis)?);
    }
    let wide = |t: &&Tensor| {
        let mut dims = t.dims.clone();
        dims.insert(axis.min(t.rank()), 1);
        t.shaped(dims)
    };
    let wide: Vec<Tensor> = parts.iter().map(wide).collect();
    one(shape::concat(&wide.iter().collect::<Vec<_>>(), axis)?)
}
