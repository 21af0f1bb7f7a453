//! `Neg`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Neg`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Neg",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| math::unary(c, |x| -x, |x| -x)),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let zero = Dim::Known(0);
    out[0].ints = c.ints(0).map(|ints| ints.iter().map(|d| zero.minus(d)).collect());
    Ok(out)
}
