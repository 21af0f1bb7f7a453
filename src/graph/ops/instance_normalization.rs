//! `InstanceNormalization`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `InstanceNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "InstanceNormalization",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints, epsilon: float = 1e-05",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "epsilon: float = 1e-05",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T, scale: T, B: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "epsilon: float = 1e-05",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
