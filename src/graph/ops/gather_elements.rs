//! `GatherElements`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one};

/// Schemas: ONNX 1.23, `GatherElements`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GatherElements",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: Tind",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: Tind",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![Out { shape: c.shape(1).map(<[Dim]>::to_vec), ..Out::default() }])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let axis = c.axis(0, x.rank())?;
    one(x.picked(at.dims.clone(), super::scatter_elements::places(x, at, axis)?.into_iter()))
}
