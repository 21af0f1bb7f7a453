//! `BitShift`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `BitShift`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BitShift",
    versions: &[
        Version {
            since: 11,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = u8 u16 u32 u64",
            attributes: "direction!: text",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64",
            attributes: "direction!: text",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
};
