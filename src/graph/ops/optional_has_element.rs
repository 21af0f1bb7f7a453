//! `OptionalHasElement`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::{Eval, Tensor, Value, one};

/// Schemas: ONNX 1.23, `OptionalHasElement`.
pub(super) static OPERATOR: Operator = Operator {
    name: "OptionalHasElement",
    versions: &[
        Version {
            since: 15,
            inputs: "input: O",
            outputs: "output: B",
            types: "O = optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8); B = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "input?: O",
            outputs: "output: B",
            types: "O = ALL optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); B = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input?: O",
            outputs: "output: B",
            types: "O = ALL16 f4_e2m1 f6_e2m3 f6_e3m2 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f4_e2m1) optional(f64) optional(f6_e2m3) optional(f6_e3m2) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(f8_e8m0) optional(i16) optional(i2) optional(i32) optional(i4) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f4_e2m1)) optional(seq(f64)) optional(seq(f6_e2m3)) optional(seq(f6_e3m2)) optional(seq(f8_e4m3)) optional(seq(f8_e4m3fnuz)) optional(seq(f8_e5m2)) optional(seq(f8_e5m2fnuz)) optional(seq(f8_e8m0)) optional(seq(i16)) optional(seq(i2)) optional(seq(i32)) optional(seq(i4)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u2)) optional(seq(u32)) optional(seq(u4)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u2) optional(u32) optional(u4) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f4_e2m1) seq(f64) seq(f6_e2m3) seq(f6_e3m2) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(f8_e8m0) seq(i16) seq(i2) seq(i32) seq(i4) seq(i64) seq(i8) seq(string) seq(u16) seq(u2) seq(u32) seq(u4) seq(u64) seq(u8) u2 u4; B = bool",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| {
        one(Tensor::bools([], [!matches!(c.inputs.first(), None | Some(None | Some(Value::Nothing)))]))
    }),
};

fn infer(_: &Call<'_>) -> Outs {
    Ok(vec![Out::shape(Vec::new())])
}
