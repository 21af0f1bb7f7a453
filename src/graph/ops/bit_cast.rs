//! `BitCast`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, pack, unpack};

/// Schemas: ONNX 1.23, `BitCast`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BitCast",
    versions: &[Version {
        since: 26,
        inputs: "input: T1",
        outputs: "output: T2",
        types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool c128 c64 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool c128 c64 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
        attributes: "to!: int",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let elem = c.elem_attribute("to");
    // Elements of one size keep the shape.
    let same = c.elem(0).zip(elem).is_some_and(|(a, b)| a.bits() == b.bits());
    Ok(vec![if same { rules::same(c)?.remove(0) } else { Out::unknown() }.of(elem)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let to = c.elem_attr("to")?.ok_or("its attribute \"to\" is missing")?;
    if to.bits() != x.elem.bits() {
        return Err(format!("{} and {to} have different sizes", x.elem));
    }
    one(unpack(to, x.dims.clone(), &pack(x).ok_or("strings have no bits")?)?)
}
