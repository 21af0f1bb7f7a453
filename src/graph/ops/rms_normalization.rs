//! `RMSNormalization`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, norm};

/// Schemas: ONNX 1.23, `RMSNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RMSNormalization",
    versions: &[Version {
        since: 23,
        inputs: "X: T, scale: V",
        outputs: "Y: V",
        types: "T = FLOATS16; V = FLOATS16",
        attributes: "axis: int = -1, epsilon: float = 1e-05, stash_type: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| norm::layer(c, false)),
};
