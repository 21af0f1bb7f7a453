//! `Shrink`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Shrink`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Shrink",
    versions: &[Version {
        since: 9,
        inputs: "input: T",
        outputs: "output: T",
        types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
        attributes: "bias: float = 0, lambd: float = 0.5",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (bias, lambda) = (c.float("bias", 0.0), c.float("lambd", 0.5));
    math::float(c, |x| {
        if x < -lambda {
            x + bias
        } else if x > lambda {
            x - bias
        } else {
            0.0
        }
    })
}
