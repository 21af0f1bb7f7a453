//! `Unique`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `Unique`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Unique",
    versions: &[
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T, indices?: i64, inverse_indices?: i64, counts?: i64",
            types: "T = ALL",
            attributes: "axis: int, sorted: int = 1",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "X: T",
            outputs: "Y: T, indices?: i64, inverse_indices?: i64, counts?: i64",
            types: "T = ALL16",
            attributes: "axis: int, sorted: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let list = || Out::rank(1);
    let Some(axis) = c.int_if("axis") else { return Ok(vec![list(), list(), list(), list()]) };
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown(), list(), list(), list()]) };
    let mut unique = shape.to_vec();
    unique[axis_of(axis, shape.len())?] = Dim::Unknown;
    Ok(vec![Out::shape(unique), list(), list(), list()])
}
