//! `Mod`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Mod`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Mod",
    versions: &[
        Version {
            since: 10,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "fmod: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "fmod: int = 0",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "A: T, B: T",
            outputs: "C: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "fmod: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let rest = |a: &Dim, b: &Dim| match (a.known(), b.known()) {
        (Some(a), Some(b)) if a >= 0 && b > 0 => Dim::Known(a % b),
        _ => Dim::Unknown,
    };
    rules::arithmetic(c, rest)
}

fn eval(c: &Args<'_>) -> Evaluated {
    if c.flag("fmod", false) {
        return math::binary(c, |a, b| a % b, |a, b| a.checked_rem(b).unwrap_or(0));
    }
    let floored = |a: f64, b: f64| {
        let rest = a % b;
        if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
    };
    math::binary(c, floored, math::modulo)
}
