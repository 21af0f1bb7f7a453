//! `Trilu`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Trilu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Trilu",
    versions: &[Version {
        since: 14,
        inputs: "input: T, k?: i64",
        outputs: "output: T",
        types: "T = ALL16",
        attributes: "upper: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
