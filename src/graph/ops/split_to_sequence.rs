//! `SplitToSequence`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `SplitToSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SplitToSequence",
    versions: &[
        Version {
            since: 11,
            inputs: "input: T, split?: I",
            outputs: "output_sequence: S",
            types: "T = ALL; I = i32 i64; S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T, split?: I",
            outputs: "output_sequence: S",
            types: "T = ALL16; I = i32 i64; S = seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Nothing,
};
