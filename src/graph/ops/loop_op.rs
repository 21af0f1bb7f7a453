//! `Loop`.

use super::{Infer, Operator, Version};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `Loop`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Loop",
    versions: &[
        Version {
            since: 1,
            inputs: "M?: I, cond?: B, v_initial~+: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(i16) optional(i32) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(i16) seq(i32) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u64) seq(u8); I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f64) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(i16) optional(i32) optional(i4) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u4) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f64) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(i16) seq(i32) seq(i4) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u4) seq(u64) seq(u8) u4; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f4_e2m1) optional(f64) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(i16) optional(i32) optional(i4) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u4) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f4_e2m1) seq(f64) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(i16) seq(i32) seq(i4) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u4) seq(u64) seq(u8) u4; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f4_e2m1) optional(f64) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(f8_e8m0) optional(i16) optional(i32) optional(i4) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u32) optional(u4) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f4_e2m1) seq(f64) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(f8_e8m0) seq(i16) seq(i32) seq(i4) seq(i64) seq(i8) seq(string) seq(u16) seq(u32) seq(u4) seq(u64) seq(u8) u4; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "M?: I, cond?: B, v_initial~*: V",
            outputs: "v_final_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 optional(bf16) optional(bool) optional(c128) optional(c64) optional(f16) optional(f32) optional(f4_e2m1) optional(f64) optional(f8_e4m3) optional(f8_e4m3fnuz) optional(f8_e5m2) optional(f8_e5m2fnuz) optional(f8_e8m0) optional(i16) optional(i2) optional(i32) optional(i4) optional(i64) optional(i8) optional(seq(bf16)) optional(seq(bool)) optional(seq(c128)) optional(seq(c64)) optional(seq(f16)) optional(seq(f32)) optional(seq(f64)) optional(seq(i16)) optional(seq(i32)) optional(seq(i64)) optional(seq(i8)) optional(seq(string)) optional(seq(u16)) optional(seq(u32)) optional(seq(u64)) optional(seq(u8)) optional(string) optional(u16) optional(u2) optional(u32) optional(u4) optional(u64) optional(u8) seq(bf16) seq(bool) seq(c128) seq(c64) seq(f16) seq(f32) seq(f4_e2m1) seq(f64) seq(f8_e4m3) seq(f8_e4m3fnuz) seq(f8_e5m2) seq(f8_e5m2fnuz) seq(f8_e8m0) seq(i16) seq(i2) seq(i32) seq(i4) seq(i64) seq(i8) seq(string) seq(u16) seq(u2) seq(u32) seq(u4) seq(u64) seq(u8) u2 u4; I = i64; B = bool",
            attributes: "body!: graph",
            deprecated: false,
        },
    ],
    infer: Infer::Loop,
    eval: Eval::Loop,
};
