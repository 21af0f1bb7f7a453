//! `SequenceConstruct`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::ValueType;
use crate::graph::eval::{Eval, Value};

/// Schemas: ONNX 1.23, `SequenceConstruct`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceConstruct",
    versions: &[Version {
        since: 11,
        inputs: "inputs+: T",
        outputs: "output_sequence: S",
        types: "T = ALL; S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| Ok(vec![Value::Sequence(c.tensors()?.into_iter().map(|t| t.clone().into()).collect())])),
};

fn infer(c: &Call<'_>) -> Outs {
    let ty = ValueType::Tensor { elem: c.elem(0), shape: None };
    Ok(vec![Out { ty: Some(ValueType::Sequence(Box::new(ty))), ..Out::default() }])
}
