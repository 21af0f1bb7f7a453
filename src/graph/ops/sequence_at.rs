//! `SequenceAt`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::ValueType;
use crate::graph::eval::{Args, Eval, Evaluated, shape};

/// Schemas: ONNX 1.23, `SequenceAt`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SequenceAt",
    versions: &[Version {
        since: 11,
        inputs: "input_sequence: S, position: I",
        outputs: "tensor: T",
        types: "S = seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); T = ALL; I = i32 i64",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let of = c.input(0).and_then(|i| if let ValueType::Sequence(of) = &i.ty { Some((**of).clone()) } else { None });
    Ok(vec![Out { ty: of, ..Out::default() }])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let all = c.value(0)?.sequence()?;
    let at = c.int_input(1)?.ok_or("its position is missing")?;
    Ok(vec![all[shape::index(at, all.len())?].clone()])
}
