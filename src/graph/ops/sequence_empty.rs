//! `SequenceEmpty`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Eval, Value};
use crate::graph::{Elem, ValueType};

/// Schemas: ONNX 1.23, `SequenceEmpty`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceEmpty",
    versions: &[Version {
        since: 11,
        inputs: "",
        outputs: "output: S",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
        attributes: "dtype: int",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| {
        let _ = c;
        Ok(vec![Value::Sequence(Vec::new())])
    }),
};

fn infer(c: &Call<'_>) -> Outs {
    let ty = ValueType::Tensor { elem: c.elem_attribute("dtype").or(Some(Elem::F32)), shape: None };
    Ok(vec![Out { ty: Some(ValueType::Sequence(Box::new(ty))), ..Out::default() }])
}
