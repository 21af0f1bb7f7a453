//! `LpNormalization`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, norm, one, shape};

/// Schemas: ONNX 1.23, `LpNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LpNormalization",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "axis: int = -1, p: int = 2",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "axis: int = -1, p: int = 2",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, p) = (c.tensor(0)?, c.int("p", 2));
    one(shape::lines(x, c.axis(-1, x.rank())?, |line| norm::unit(line, p))?)
}
