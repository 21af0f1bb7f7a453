//! `SequenceMap`.

use super::{Infer, Operator, Version};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `SequenceMap`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceMap",
    versions: &[Version {
        since: 17,
        inputs: "input_sequence: S, additional_inputs~*: V",
        outputs: "out_sequence~+: S",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); V = ALL seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
        attributes: "body!: graph",
        deprecated: false,
    }],
    infer: Infer::Nothing,
    eval: Eval::Map,
};
