//! `Unique`.

use super::{Infer, Operator, Version};

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
    infer: Infer::Nothing,
};
