//! `SoftmaxCrossEntropyLoss`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of, rules};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, norm, shape};

/// Schemas: ONNX 1.23, `SoftmaxCrossEntropyLoss`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SoftmaxCrossEntropyLoss",
    versions: &[
        Version {
            since: 12,
            inputs: "scores: T, labels: Tind, weights?: T",
            outputs: "output: T, log_prob?: T",
            types: "T = FLOATS; Tind = i32 i64",
            attributes: "ignore_index: int, reduction: text = mean",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "scores: T, labels: Tind, weights?: T",
            outputs: "output: T, log_prob?: T",
            types: "T = FLOATS16; Tind = i32 i64",
            attributes: "ignore_index: int, reduction: text = mean",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let whole = c.text("reduction", "mean") != "none";
    let loss =
        if whole { Out::shape(Vec::new()) } else { Out { shape: c.shape(1).map(<[Dim]>::to_vec), ..Out::default() } };
    Ok(vec![loss, rules::same(c)?.remove(0)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let logs = shape::lines(x, axis_of(1, x.rank())?, norm::log_softmax)?;
    Ok(vec![norm::likelihood(c, &logs)?.into(), logs.into()])
}
