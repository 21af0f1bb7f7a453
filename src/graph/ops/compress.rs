//! `Compress`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `Compress`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Compress",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL16; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(axis) = c.int_if("axis") else { return Ok(vec![Out::rank(1)]) };
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let mut out = shape.to_vec();
    out[axis_of(axis, shape.len())?] = Dim::Unknown;
    Ok(vec![Out::shape(out)])
}
