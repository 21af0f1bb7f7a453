//! `EyeLike`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `EyeLike`.
pub(super) static OPERATOR: Operator = Operator {
    name: "EyeLike",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool",
            attributes: "dtype: int, k: int = 0",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "dtype: int, k: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem_attribute("dtype").or_else(|| c.elem(0)))])
}
