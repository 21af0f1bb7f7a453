//! `NonZero`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one, walk};

/// Schemas: ONNX 1.23, `NonZero`.
pub(super) static OPERATOR: Operator = Operator {
    name: "NonZero",
    versions: &[
        Version { since: 9, inputs: "X: T", outputs: "Y: i64", types: "T = ALL", attributes: "", deprecated: false },
        Version { since: 13, inputs: "X: T", outputs: "Y: i64", types: "T = ALL16", attributes: "", deprecated: false },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let rank = c.shape(0).map_or(Dim::Unknown, |s| Dim::from(s.len() as u64));
    Ok(vec![Out::shape(vec![rank, Dim::Unknown])])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let set: Vec<bool> = match &*x.data {
        Data::Str(v) => v.iter().map(|s| !s.is_empty()).collect(),
        _ => x.to_numbers()?.iter().map(|v| *v != 0.0).collect(),
    };
    let found: Vec<usize> = (0..set.len()).filter(|i| set[*i]).collect();
    let rank = x.rank();
    c.count(&[rank, found.len()])?;
    let strides = walk::strides(&x.dims);
    let index = |d: usize, at: usize| (at / strides[d] as usize % x.dims[d]) as i64;
    let values = (0..rank).flat_map(|d| found.iter().map(move |at| (d, *at))).map(|(d, at)| index(d, at)).collect();
    one(Tensor::longs([rank, found.len()], values))
}
