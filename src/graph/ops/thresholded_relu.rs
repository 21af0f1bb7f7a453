//! `ThresholdedRelu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `ThresholdedRelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ThresholdedRelu",
    versions: &[
        Version {
            since: 10,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let alpha = c.float("alpha", 1.0);
    math::float(c, |x| if x > alpha { x } else { 0.0 })
}
