//! `Pow`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Pow`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Pow",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = FLOATS",
            attributes: "axis: int, broadcast: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "X: T, Y: T",
            outputs: "Z: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64 bf16; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 15,
            inputs: "X: T, Y: T1",
            outputs: "Z: T",
            types: "T = i32 i64 f16 f32 f64 bf16; T1 = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
};
