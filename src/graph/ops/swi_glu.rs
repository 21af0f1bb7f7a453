//! `SwiGLU`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `SwiGLU`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SwiGLU",
    versions: &[Version {
        since: 28,
        inputs: "A: T, B: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "alpha: float = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
