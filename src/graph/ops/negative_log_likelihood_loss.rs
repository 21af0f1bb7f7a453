//! `NegativeLogLikelihoodLoss`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Eval, norm, one};

/// Schemas: ONNX 1.23, `NegativeLogLikelihoodLoss`.
pub(super) static OPERATOR: Operator = Operator {
    name: "NegativeLogLikelihoodLoss",
    versions: &[
        Version {
            since: 12,
            inputs: "input: T, target: Tind, weight?: T",
            outputs: "loss: T",
            types: "T = FLOATS; Tind = i32 i64",
            attributes: "ignore_index: int, reduction: text = mean",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, target: Tind, weight?: T",
            outputs: "loss: T",
            types: "T = FLOATS; Tind = i32 i64",
            attributes: "ignore_index: int, reduction: text = mean",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T, target: Tind, weight?: T",
            outputs: "loss: T",
            types: "T = FLOATS16; Tind = i32 i64",
            attributes: "ignore_index: int, reduction: text = mean",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| one(norm::likelihood(c, c.tensor(0)?)?)),
};

fn infer(c: &Call<'_>) -> Outs {
    let whole = c.text("reduction", "mean") != "none";
    Ok(vec![if whole {
        Out::shape(Vec::new())
    } else {
        Out { shape: c.shape(1).map(<[Dim]>::to_vec), ..Out::default() }
    }])
}
