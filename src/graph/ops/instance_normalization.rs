//! `InstanceNormalization`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, norm, one};

/// Schemas: ONNX 1.23, `InstanceNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "InstanceNormalization",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints, epsilon: float = 1e-05",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (epsilon, axes) = (c.float("epsilon", 1e-5), (2..x.rank()).collect::<Vec<_>>());
    let (mut values, _) = norm::groups(x, &axes, |v| {
        let (mean, variance) = norm::moments(v);
        (mean, 1.0 / (variance + epsilon).sqrt())
    })?;
    let (scale, bias) = (norm::per_channel(c.tensor(1)?, &x.dims)?, norm::per_channel(c.tensor(2)?, &x.dims)?);
    norm::affine(&x.dims, &mut values, Some(&scale), Some(&bias))?;
    one(Tensor::numbers(x.elem, x.dims.clone(), values))
}
