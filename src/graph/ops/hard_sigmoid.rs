//! `HardSigmoid`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `HardSigmoid`.
pub(super) static OPERATOR: Operator = Operator {
    name: "HardSigmoid",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.2, beta: float = 0.5, consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.2, beta: float = 0.5",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 0.2, beta: float = 0.5",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (alpha, beta) = (c.float("alpha", 0.2), c.float("beta", 0.5));
    math::float(c, |x| (alpha * x + beta).clamp(0.0, 1.0))
}
