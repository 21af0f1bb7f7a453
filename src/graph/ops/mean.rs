//! `Mean`.

use super::{Infer, Operator, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, math, one};

/// Schemas: ONNX 1.23, `Mean`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Mean",
    versions: &[
        Version {
            since: 1,
            inputs: "data_0+: T",
            outputs: "mean: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "data_0+: T",
            outputs: "mean: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 8,
            inputs: "data_0+: T",
            outputs: "mean: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data_0+: T",
            outputs: "mean: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let mut sum = c.tensor(0)?.clone();
    // The sum is rounded once, with the division.
    sum = Tensor::numbers(Elem::F64, sum.dims.clone(), sum.to_numbers()?);
    for t in c.tensors()?.into_iter().skip(1) {
        let t = Tensor::numbers(Elem::F64, t.dims.clone(), t.to_numbers()?);
        sum = math::arithmetic(c, &sum, &t, |a, b| a + b, |a, _| a)?;
    }
    let n = c.inputs.len() as f64;
    one(Tensor::numbers(c.tensor(0)?.elem, sum.dims.clone(), sum.to_numbers()?.into_iter().map(|x| x / n).collect()))
}
