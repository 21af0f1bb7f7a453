//! `ConstantOfShape`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `ConstantOfShape`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConstantOfShape",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool",
            attributes: "value: tensor",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "value: tensor",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "value: tensor",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "value: tensor",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "value: tensor",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = i64; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "value: tensor",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let value = c.tensor("value");
    let elem = value.map_or(Elem::F32, |t| t.elem);
    let Some(shape) = rules::shape_from(c, 0) else { return Ok(vec![Out::unknown().of(elem)]) };
    let number = value.and_then(|t| t.ints.as_ref()?.first().copied());
    let ints = number.and_then(|n| rules::filled(&shape, &Dim::Known(n)));
    Ok(vec![Out::shape(shape).of(elem).with_ints(ints)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (dims, n) = c.dims(&c.ints(0)?)?;
    let value = c.tensor_attr("value")?.unwrap_or_else(|| Tensor::floats([1], vec![0.0]));
    if value.len() != 1 {
        return Err(format!("its value has the shape {:?}, and should be one element", value.dims));
    }
    one(Tensor::filled(dims, &value, n))
}
