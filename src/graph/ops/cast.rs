//! `Cast`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Args, Eval, Evaluated, one, quantize};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `Cast`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Cast",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool",
            attributes: "to!: text",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool",
            attributes: "to!: int",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool string; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bool string",
            attributes: "to!: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool string; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool string",
            attributes: "to!: int",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz string; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz string",
            attributes: "saturate: int = 1, to!: int",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4",
            attributes: "saturate: int = 1, to!: int",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 string u4",
            attributes: "saturate: int = 1, to!: int",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 string u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 string u4",
            attributes: "round_mode: text = up, saturate: int = 1, to!: int",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4",
            attributes: "round_mode: text = up, saturate: int = 1, to!: int",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f6_e2m3 f6_e3m2 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4; T2 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 bool f4_e2m1 f6_e2m3 f6_e3m2 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 string u2 u4",
            attributes: "round_mode: text = up, saturate: int = 1, to!: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let elem = c.elem_attribute("to");
    let mut out = rules::same(c)?;
    if matches!(elem, Some(Elem::I64 | Elem::I32)) {
        out[0].ints = c.ints(0).map(<[Dim]>::to_vec);
    } else if elem == Some(Elem::Bool) {
        out[0].ints = c.ints(0).map(|ints| ints.iter().map(|d| rules::truth(d.known().map(|n| n != 0))).collect());
    }
    out[0].elem = elem;
    Ok(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let to = c.elem_attr("to")?.ok_or("its attribute \"to\" is missing")?;
    one(quantize::cast(c.tensor(0)?, to, c.flag("saturate", true), c.text("round_mode", "up"))?)
}
