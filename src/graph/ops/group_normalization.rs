//! `GroupNormalization`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `GroupNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GroupNormalization",
    versions: &[
        Version {
            since: 18,
            inputs: "X: T, scale: T, bias: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05, num_groups!: int",
            deprecated: true,
        },
        Version {
            since: 21,
            inputs: "X: T, scale: T, bias: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05, num_groups!: int, stash_type: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
