//! `CastLike`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, quantize};

/// Schemas: ONNX 1.23, `CastLike`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CastLike",
    versions: &[
        Version {
            since: 15,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool string; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool string",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz string; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz string",
            attributes: "saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4",
            attributes: "saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4",
            attributes: "saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 string u4",
            attributes: "round_mode: text = up, saturate: int = 1",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "input: T1, target_type: T2",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4",
            attributes: "round_mode: text = up, saturate: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem(1))])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let to = c.tensor(1)?.elem;
    one(quantize::cast(c.tensor(0)?, to, c.flag("saturate", true), c.text("round_mode", "up"))?)
}
