//! `TopK`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `TopK`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TopK",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Values: T, Indices: I",
            types: "T = FLOATS; I = i64",
            attributes: "axis: int = -1, k!: int",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = FLOATS; I = i64",
            attributes: "axis: int = -1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; I = i64",
            attributes: "axis: int = -1, largest: int = 1, sorted: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16; I = i64",
            attributes: "axis: int = -1, largest: int = 1, sorted: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown(), Out::unknown()]) };
    let axis = axis_of(c.int("axis", -1), shape.len())?;
    let k = c.int_if("k").map(Dim::Known).or_else(|| c.ints(1).and_then(|l| l.first().cloned()));
    let mut out = shape.to_vec();
    out[axis] = k.unwrap_or_default();
    Ok(vec![Out::shape(out.clone()), Out::shape(out)])
}
