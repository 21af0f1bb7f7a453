//! `NonZero`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `NonZero`.
pub(super) static OPERATOR: Operator = Operator {
    name: "NonZero",
    versions: &[
        Version { since: 9, inputs: "X: T", outputs: "Y: i64", types: "T = ALL", attributes: "", deprecated: false },
        Version { since: 13, inputs: "X: T", outputs: "Y: i64", types: "T = ALL16", attributes: "", deprecated: false },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let rank = c.shape(0).map_or(Dim::Unknown, |s| Dim::from(s.len() as u64));
    Ok(vec![Out::shape(vec![rank, Dim::Unknown])])
}
