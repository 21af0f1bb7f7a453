//! `Celu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Celu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Celu",
    versions: &[
        Version {
            since: 12,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = f32",
            attributes: "alpha: float = 1",
            deprecated: false,
        },
        Version {
            since: 28,
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
    math::float(c, |x| x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0))
}
