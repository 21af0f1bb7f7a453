//! `ReverseSequence`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `ReverseSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReverseSequence",
    versions: &[
        Version {
            since: 10,
            inputs: "input: T, sequence_lens: i64",
            outputs: "Y: T",
            types: "T = ALL",
            attributes: "batch_axis: int = 1, time_axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T, sequence_lens: i64",
            outputs: "Y: T",
            types: "T = ALL16",
            attributes: "batch_axis: int = 1, time_axis: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
