//! `DeformConv`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `DeformConv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DeformConv",
    versions: &[
        Version {
            since: 19,
            inputs: "X: T, W: T, offset: T, B?: T, mask?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "dilations: ints, group: int = 1, kernel_shape: ints, offset_group: int = 1, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, offset: T, B?: T, mask?: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "dilations: ints, group: int = 1, kernel_shape: ints, offset_group: int = 1, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}
