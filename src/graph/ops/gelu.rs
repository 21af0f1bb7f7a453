//! `Gelu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Gelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Gelu",
    versions: &[Version {
        since: 20,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "approximate: text = none",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    if c.text("approximate", "none") == "tanh" {
        let root = (2.0 / std::f64::consts::PI).sqrt();
        return math::float(c, |x| 0.5 * x * (1.0 + (root * (x + 0.044_715 * x * x * x)).tanh()));
    }
    math::float(c, |x| 0.5 * x * (1.0 + math::erf(x / std::f64::consts::SQRT_2)))
}
