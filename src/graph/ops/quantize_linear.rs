//! `QuantizeLinear`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, one, quantize};

/// Schemas: ONNX 1.23, `QuantizeLinear`.
pub(super) static OPERATOR: Operator = Operator {
    name: "QuantizeLinear",
    versions: &[
        Version {
            since: 10,
            inputs: "x: T1, y_scale: f32, y_zero_point?: T2",
            outputs: "y: T2",
            types: "T1 = i32 f32; T2 = u8 i8",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "x: T1, y_scale: f32, y_zero_point?: T2",
            outputs: "y: T2",
            types: "T1 = i32 f32; T2 = u8 i8",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "x: T1, y_scale: T1, y_zero_point?: T2",
            outputs: "y: T2",
            types: "T1 = i32 f16 f32 bf16; T2 = u8 i8 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "axis: int = 1, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "x: T1, y_scale: T1, y_zero_point?: T2",
            outputs: "y: T2",
            types: "T1 = i32 f16 f32 bf16; T2 = u8 u16 i8 i16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "x: T1, y_scale: T2, y_zero_point?: T3",
            outputs: "y: T3",
            types: "T1 = i32 f16 f32 bf16; T2 = i32 f16 f32 bf16; T3 = u8 u16 i8 i16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0, precision: int = 0, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "x: T1, y_scale: T2, y_zero_point?: T3",
            outputs: "y: T3",
            types: "T1 = i32 f16 f32 bf16; T2 = i32 f16 f32 bf16 f8_e8m0; T3 = u8 u16 i8 i16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0, precision: int = 0, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "x: T1, y_scale: T2, y_zero_point?: T3",
            outputs: "y: T3",
            types: "T1 = i32 f16 f32 bf16; T2 = i32 f16 f32 bf16 f8_e8m0; T3 = u8 u16 i8 i16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i2 i4 u2 u4",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0, precision: int = 0, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "x: T1, y_scale: T2, y_zero_point?: T3",
            outputs: "y: T3",
            types: "T1 = i32 f16 f32 bf16; T2 = i32 f16 f32 bf16 f8_e8m0; T3 = u8 u16 i8 i16 f4_e2m1 f6_e2m3 f6_e3m2 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i2 i4 u2 u4",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0, precision: int = 0, saturate: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let elem = c.elem_attribute("output_dtype").or_else(|| c.elem(2)).or(if c.input(2).is_none() {
        Some(Elem::U8)
    } else {
        None
    });
    Ok(vec![rules::same(c)?.remove(0).of(elem)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let zero = c.given(2)?;
    let to = zero.map(|z| z.elem).or(c.elem_attr("output_dtype")?).unwrap_or(Elem::U8);
    one(quantize::quantize(c, c.tensor(0)?, c.tensor(1)?, zero, to)?)
}
