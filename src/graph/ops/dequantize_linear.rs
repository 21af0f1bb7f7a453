//! `DequantizeLinear`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Elem;
use crate::graph::eval::{Args, Eval, Evaluated, one, quantize};

/// Schemas: ONNX 1.23, `DequantizeLinear`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DequantizeLinear",
    versions: &[
        Version {
            since: 10,
            inputs: "x: T, x_scale: f32, x_zero_point?: T",
            outputs: "y: f32",
            types: "T = u8 i8 i32",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "x: T, x_scale: f32, x_zero_point?: T",
            outputs: "y: f32",
            types: "T = u8 i8 i32",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T2",
            types: "T1 = u8 i8 i32 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz; T2 = f16 f32 bf16",
            attributes: "axis: int = 1",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T2",
            types: "T1 = u8 u16 i8 i16 i32 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T2 = f16 f32 bf16",
            attributes: "axis: int = 1, block_size: int = 0",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T3",
            types: "T1 = u8 u16 i8 i16 i32 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T2 = f16 f32 bf16; T3 = f16 f32 bf16",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T3",
            types: "T1 = u8 u16 i8 i16 i32 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4; T2 = f16 f32 bf16 f8_e8m0; T3 = f16 f32 bf16",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T3",
            types: "T1 = u8 u16 i8 i16 i32 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i2 i4 u2 u4; T2 = f16 f32 bf16 f8_e8m0; T3 = f16 f32 bf16",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "x: T1, x_scale: T2, x_zero_point?: T1",
            outputs: "y: T3",
            types: "T1 = u8 u16 i8 i16 i32 f4_e2m1 f6_e2m3 f6_e3m2 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i2 i4 u2 u4; T2 = f16 f32 bf16 f8_e8m0; T3 = f16 f32 bf16",
            attributes: "axis: int = 1, block_size: int = 0, output_dtype: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem_attribute("output_dtype").or_else(|| c.elem(1)))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let scale = c.tensor(1)?;
    let to = c.elem_attr("output_dtype")?.unwrap_or(if scale.elem == Elem::F8E8M0 { Elem::F32 } else { scale.elem });
    one(quantize::dequantize(c, c.tensor(0)?, scale, c.given(2)?, to)?)
}
