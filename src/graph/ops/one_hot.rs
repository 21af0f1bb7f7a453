//! `OneHot`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::eval::{Args, Eval, Evaluated, one};

/// Schemas: ONNX 1.23, `OneHot`.
pub(super) static OPERATOR: Operator = Operator {
    name: "OneHot",
    versions: &[
        Version {
            since: 9,
            inputs: "indices: T1, depth: T2, values: T3",
            outputs: "output: T3",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T3 = ALL",
            attributes: "axis: int = -1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "indices: T1, depth: T2, values: T3",
            outputs: "output: T3",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T3 = ALL",
            attributes: "axis: int = -1",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "indices: T1, depth: T2, values: T3",
            outputs: "output: T3",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T3 = ALL16",
            attributes: "axis: int = -1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(indices) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let axis = axis_of(c.int("axis", -1), indices.len() + 1)?;
    let mut shape = indices.to_vec();
    shape.insert(axis, c.ints(1).and_then(|l| l.first().cloned()).unwrap_or_default());
    Ok(vec![Out::shape(shape).of(c.elem(2))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (at, values) = (c.tensor(0)?, c.tensor(2)?);
    let depth = c.tensor(1)?.number()? as i64;
    if values.len() != 2 || depth < 0 {
        return Err(format!("its depth is {depth}, and its values have the shape {:?}", values.dims));
    }
    let axis = axis_of(c.int("axis", -1), at.rank() + 1)?;
    let mut dims = at.dims.clone();
    dims.insert(axis, depth as usize);
    c.count(&dims)?;
    let inner: usize = at.dims[axis..].iter().product();
    let outer = at.len() / inner.max(1);
    let hot: Vec<i64> = at.to_numbers()?.iter().map(|i| if *i < 0.0 { *i as i64 + depth } else { *i as i64 }).collect();
    let hot = &hot;
    let places = (0..outer)
        .flat_map(|o| (0..depth).flat_map(move |d| (0..inner).map(move |i| usize::from(hot[o * inner + i] == d))));
    one(values.picked(dims, places))
}
