//! `Swish`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Swish`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Swish",
    versions: &[Version {
        since: 24,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "alpha: float = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let alpha = c.float("alpha", 1.0);
    math::float(c, |x| x * math::sigmoid(alpha * x))
}
