//! `OneHot`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};

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
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(indices) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let axis = axis_of(c.int("axis", -1), indices.len() + 1)?;
    let mut shape = indices.to_vec();
    shape.insert(axis, c.ints(1).and_then(|l| l.first().cloned()).unwrap_or_default());
    Ok(vec![Out::shape(shape).of(c.elem(2))])
}
