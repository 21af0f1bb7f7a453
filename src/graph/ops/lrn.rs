//! `LRN`.

use super::{Infer, Operator, Version, axis_of, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

/// Schemas: ONNX 1.23, `LRN`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LRN",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.0001, beta: float = 0.75, bias: float = 1, size!: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 0.0001, beta: float = 0.75, bias: float = 1, size!: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (alpha, beta, bias) = (c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1.0));
    let size = usize::try_from(c.int("size", 0)).ok().filter(|n| *n > 0).ok_or("its attribute \"size\" is missing")?;
    let axis = axis_of(1, x.rank())?;
    one(shape::lines(x, axis, |line| {
        let old = line.to_vec();
        for (i, y) in line.iter_mut().enumerate() {
            let (from, to) = (i.saturating_sub((size - 1) / 2), (i + size / 2 + 1).min(old.len()));
            let sum: f64 = old[from..to].iter().map(|v| v * v).sum();
            *y = old[i] / (bias + alpha / size as f64 * sum).powf(beta);
        }
    })?)
}
