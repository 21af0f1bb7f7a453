//! `MeanVarianceNormalization`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `MeanVarianceNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MeanVarianceNormalization",
    versions: &[
        Version {
            since: 9,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "axes: ints = 0 2 3",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "axes: ints = 0 2 3",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
