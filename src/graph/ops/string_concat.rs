//! `StringConcat`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, walk};

/// Schemas: ONNX 1.23, `StringConcat`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringConcat",
    versions: &[Version {
        since: 20,
        inputs: "X: T, Y: T",
        outputs: "Z: T",
        types: "T = string",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (a, b) = (c.tensor(0)?, c.tensor(1)?);
    let dims = walk::broadcast(&a.dims, &b.dims)?;
    c.count(&dims)?;
    let places = walk::Places::stretched(&a.dims, &dims).zip(walk::Places::stretched(&b.dims, &dims));
    let (x, y) = (a.to_strings()?, b.to_strings()?);
    one(Tensor::strings(dims, places.map(|(i, j)| [&*x[i], &*y[j]].concat().into()).collect()))
}
