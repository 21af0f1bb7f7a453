//! `MaxPool`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::{Eval, pool};

/// Schemas: ONNX 1.23, `MaxPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MaxPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 8,
            inputs: "X: T",
            outputs: "Y: T, Indices?: I",
            types: "T = FLOATS; I = i64",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, pads: ints, storage_order: int = 0, strides: ints",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "X: T",
            outputs: "Y: T, Indices?: I",
            types: "T = FLOATS; I = i64",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, storage_order: int = 0, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T, Indices?: I",
            types: "T = FLOATS; I = i64",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, storage_order: int = 0, strides: ints",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "X: T",
            outputs: "Y: T, Indices?: I",
            types: "T = u8 i8 f16 f32 f64; I = i64",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, storage_order: int = 0, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T, Indices?: I",
            types: "T = u8 i8 f16 f32 f64 bf16; I = i64",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, pads: ints, storage_order: int = 0, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(pool::max),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::pool(c, 2)
}
