//! `SequenceInsert`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::ValueType;
use crate::graph::eval::{Args, Eval, Evaluated, Value, shape};

/// Schemas: ONNX 1.23, `SequenceInsert`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceInsert",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S, tensor: T, position?: I",
        outputs: "output_sequence: S",
        types: "T = ALL; S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i32 i64",
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
    // It may be put behind the last one.
    let at = match c.int_input(2)? {
        Some(at) if at == all.len() as i64 => all.len(),
        Some(at) => shape::index(at, all.len())?,
        None => all.len(),
    };
    all.insert(at, c.value(1)?.clone());
    Ok(vec![Value::Sequence(all)])
}
