//! `Conv`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `Conv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Conv",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, B?: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}
