//! `Add`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Add`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Add",
    versions: &[
        Version {
            since: 1,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = FLOATS",
            attributes: "axis: int, broadcast: int = 0, consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "axis: int, broadcast: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| math::binary(c, |a, b| a + b, |a, b| a + b)),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::arithmetic(c, Dim::plus)
}
