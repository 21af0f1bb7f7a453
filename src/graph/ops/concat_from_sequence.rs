//! `ConcatFromSequence`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `ConcatFromSequence`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConcatFromSequence",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S",
        outputs: "concat_result: T",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); T = ALL",
        attributes: "axis!: int, new_axis: int = 0",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
