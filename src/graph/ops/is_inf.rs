//! `IsInf`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `IsInf`.
pub(super) static OPERATOR: Operator = Operator {
    name: "IsInf",
    versions: &[
        Version {
            since: 10,
            inputs: "X: T1",
            outputs: "Y: T2",
            types: "T1 = f32 f64; T2 = bool",
            attributes: "detect_negative: int = 1, detect_positive: int = 1",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "X: T1",
            outputs: "Y: T2",
            types: "T1 = f16 f32 f64 bf16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = bool",
            attributes: "detect_negative: int = 1, detect_positive: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (up, down) = (c.flag("detect_positive", true), c.flag("detect_negative", true));
    math::test(c, |x| (up && x == f64::INFINITY) || (down && x == f64::NEG_INFINITY))
}
