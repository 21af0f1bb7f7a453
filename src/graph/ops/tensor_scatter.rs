//! `TensorScatter`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `TensorScatter`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TensorScatter",
    versions: &[Version {
        since: 24,
        inputs: "past_cache: T, update: T, write_indices?: i64",
        outputs: "present_cache: T",
        types: "T = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
        attributes: "axis: int = -2, mode: text = linear",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
