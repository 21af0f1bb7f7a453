//! `GlobalLpPool`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, pool};

/// Schemas: ONNX 1.23, `GlobalLpPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GlobalLpPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "p: float = 2",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "p: int = 2",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "p: int = 2",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::global_pool),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let p = c.int_attr("p").map_or_else(|| c.float("p", 2.0), |p| p as f64);
    pool::global(c, |v| pool::norm(v, p))
}
