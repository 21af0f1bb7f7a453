//! `Identity`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `Identity`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Identity",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8)",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8) u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8) u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8) u4",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "input: V",
            outputs: "output: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8) u2 u4",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| Ok(vec![c.value(0)?.clone()])),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same_elements(c)?;
    if let Some(input) = c.input(0).filter(|i| i.ty.elem().is_none()) {
        out[0].ty = Some(input.ty.clone());
    }
    Ok(out)
}
