//! `Bernoulli`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `Bernoulli`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Bernoulli",
    versions: &[
        Version {
            since: 15,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = FLOATS; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "dtype: int, seed: float",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = FLOATS16; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool",
            attributes: "dtype: int, seed: float",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Not("its output is random"),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem_attribute("dtype").or_else(|| c.elem(0)))])
}
