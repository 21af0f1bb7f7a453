//! `ConvInteger`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `ConvInteger`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ConvInteger",
    versions: &[Version {
        since: 10,
        inputs: "x: T1, w: T2, x_zero_point?: T1, w_zero_point?: T2",
        outputs: "y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = i32",
        attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}
