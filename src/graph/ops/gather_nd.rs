//! `GatherND`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `GatherND`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GatherND",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "batch_dims: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "batch_dims: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(data), Some(indices)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    let Some(last) = indices.last().and_then(Dim::known) else { return Ok(vec![Out::unknown()]) };
    let from = usize::try_from(last.saturating_add(c.int("batch_dims", 0))).ok().and_then(|n| data.get(n..));
    match from {
        Some(rest) => Ok(vec![Out::shape([&indices[..indices.len() - 1], rest].concat())]),
        None => Err(format!("indices of {last} dimensions into {}", data.len())),
    }
}
