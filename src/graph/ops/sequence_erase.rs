//! `SequenceErase`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::ValueType;
use crate::graph::eval::{Args, Eval, Evaluated, Value, shape};

/// Schemas: ONNX 1.23, `SequenceErase`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceErase",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S, position?: I",
        outputs: "output_sequence: S",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i32 i64",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let elem = c.input(0).and_then(|i| if let ValueType::Sequence(of) = &i.ty { of.elem() } else { None });
    let ty = elem.map(|_| ValueType::Sequence(Box::new(ValueType::Tensor { elem, shape: None })));
    Ok(vec![Out { ty, ..Out::default() }])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let mut all = c.value(0)?.sequence()?.to_vec();
    let at = shape::index(c.int_input(1)?.unwrap_or(-1), all.len())?;
    all.remove(at);
    Ok(vec![Value::Sequence(all)])
}
