//! `Expand`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, shape, walk};

/// Schemas: ONNX 1.23, `Expand`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Expand",
    versions: &[
        Version {
            since: 8,
            inputs: "input: T, shape: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, shape: i64",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    match (c.shape(0), rules::shape_from(c, 1)) {
        (Some(input), Some(wanted)) => Ok(vec![Out::shape(rules::broadcast(input, &wanted)?)]),
        _ => Ok(vec![Out::unknown()]),
    }
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (wanted, _) = c.dims(&c.ints(1)?)?;
    let dims = walk::broadcast(&x.dims, &wanted)?;
    c.count(&dims)?;
    one(shape::stretch(x, &dims))
}
