//! `ScatterElements`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `ScatterElements`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ScatterElements",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0, reduction: text = none",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0, reduction: text = none",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
