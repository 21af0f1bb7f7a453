//! `SequenceLength`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Eval, Tensor, one};

/// Schemas: ONNX 1.23, `SequenceLength`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceLength",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S",
        outputs: "length: I",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i64",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| one(Tensor::longs([], vec![c.value(0)?.sequence()?.len() as i64]))),
};

fn infer(_: &Call<'_>) -> Outs {
    Ok(vec![Out::shape(Vec::new())])
}
