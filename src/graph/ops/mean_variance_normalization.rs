//! `MeanVarianceNormalization`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, norm, one, shape};

/// Schemas: ONNX 1.23, `MeanVarianceNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MeanVarianceNormalization",
    versions: &[
        Version {
            since: 9,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "axes: ints = 0 2 3",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "axes: ints = 0 2 3",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axes = shape::axes(c.list("axes").unwrap_or(&[0, 2, 3]), x.rank())?;
    let (values, _) = norm::groups(x, &axes, |v| {
        let (mean, variance) = norm::moments(v);
        (mean, 1.0 / (variance.sqrt() + 1e-9))
    })?;
    one(Tensor::numbers(x.elem, x.dims.clone(), values))
}
