//! `Selu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math};

/// Schemas: ONNX 1.23, `Selu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Selu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1.6732, consumed_inputs: ints, gamma: float = 1.0507",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1.6732632, gamma: float = 1.050701",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 1.6732632, gamma: float = 1.050701",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    // Version 1 has rounder defaults.
    let old = c.version() < 6;
    let alpha = c.float("alpha", if old { 1.6732 } else { f64::from(1.673_263_2_f32) });
    let gamma = c.float("gamma", if old { 1.0507 } else { f64::from(1.050_701_f32) });
    math::float(c, |x| gamma * if x <= 0.0 { alpha * x.exp_m1() } else { x })
}
