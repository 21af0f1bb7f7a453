//! `GroupNormalization`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, norm, one, pool};

/// Schemas: ONNX 1.23, `GroupNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GroupNormalization",
    versions: &[
        Version {
            since: 18,
            inputs: "X: T, scale: T, bias: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05, num_groups!: int",
            deprecated: true,
        },
        Version {
            since: 21,
            inputs: "X: T, scale: T, bias: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05, num_groups!: int, stash_type: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (batch, channels, _) = pool::spatial(x)?;
    let groups = usize::try_from(c.int("num_groups", 0)).unwrap_or(0);
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(format!("{channels} channels do not make {groups} groups"));
    }
    let epsilon = c.float("epsilon", 1e-5);
    let flat = x.shaped([batch, groups, x.len().checked_div(batch * groups).unwrap_or(0)]);
    let (mut values, _) = norm::groups(&flat, &[2], |v| {
        let (mean, variance) = norm::moments(v);
        (mean, 1.0 / (variance + epsilon).sqrt())
    })?;
    // Before version 21 scale and bias are one for each group.
    let spread = |t: &Tensor| -> Result<Tensor, String> {
        let each = if c.version() < 21 && t.len() == groups { channels / groups } else { 1 };
        norm::per_channel(&t.picked([t.len() * each], (0..t.len() * each).map(|i| i / each)), &x.dims)
    };
    norm::affine(&x.dims, &mut values, Some(&spread(c.tensor(1)?)?), Some(&spread(c.tensor(2)?)?))?;
    one(Tensor::numbers(x.elem, x.dims.clone(), values))
}
