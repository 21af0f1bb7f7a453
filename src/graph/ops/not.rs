//! `Not`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Not`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Not",
    versions: &[Version {
        since: 1,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = bool",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| math::unary(c, |x| x, |x| i128::from(x == 0))),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    out[0].ints = c.ints(0).map(|ints| ints.iter().map(|d| rules::truth(d.known().map(|n| n == 0))).collect());
    Ok(out)
}
