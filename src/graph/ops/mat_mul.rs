//! `MatMul`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Eval, one, product};

/// Schemas: ONNX 1.23, `MatMul`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MatMul",
    versions: &[
        Version {
            since: 1,
            inputs: "A: T, B: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "A: T, B: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "A: T, B: T",
            outputs: "Y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| one(product::product(c, c.tensor(0)?, c.tensor(1)?)?)),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::matmul(c, 0, 1)
}
