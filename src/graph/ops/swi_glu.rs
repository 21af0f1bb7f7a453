//! `SwiGLU`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, math, one};

/// Schemas: ONNX 1.23, `SwiGLU`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SwiGLU",
    versions: &[Version {
        since: 28,
        inputs: "A: T, B: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "alpha: float = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b, alpha) = (c.tensor(0)?, c.tensor(1)?, c.float("alpha", 1.0));
    if a.dims != b.dims {
        return Err(format!("its inputs have the shapes {:?} and {:?}", a.dims, b.dims));
    }
    one(math::arithmetic(c, a, b, |a, b| a * math::sigmoid(alpha * a) * b, |a, _| a)?)
}
