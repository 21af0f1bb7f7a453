//! `Expand`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};

/// Schemas: ONNX 1.23, `Expand`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Expand",
    versions: &[
        Version {
            since: 8,
            inputs: "input: T, shape: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, shape: i64",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    match (c.shape(0), rules::shape_from(c, 1)) {
        (Some(input), Some(wanted)) => Ok(vec![Out::shape(rules::broadcast(input, &wanted)?)]),
        _ => Ok(vec![Out::unknown()]),
    }
}
