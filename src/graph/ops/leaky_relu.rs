//! `LeakyRelu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `LeakyRelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LeakyRelu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.01, consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.01",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 0.01",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let alpha = c.float("alpha", 0.01);
    math::float(c, |x| if x < 0.0 { alpha * x } else { x })
}
