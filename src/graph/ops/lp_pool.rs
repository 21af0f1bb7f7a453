//! `LpPool`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `LpPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LpPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape: ints, p: float = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, ceil_mode: int = 0, dilations: ints, kernel_shape!: ints, p: int = 2, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::pool(c, 1)
}
