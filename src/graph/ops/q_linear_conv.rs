//! `QLinearConv`.

use super::{Call, Infer, Operator, Outs, Version, rules};

/// Schemas: ONNX 1.23, `QLinearConv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "QLinearConv",
    versions: &[Version {
        since: 10,
        inputs: "x: T1, x_scale: f32, x_zero_point: T1, w: T2, w_scale: f32, w_zero_point: T2, y_scale: f32, y_zero_point: T3, B?: T4",
        outputs: "y: T3",
        types: "T1 = u8 i8; T2 = u8 i8; T3 = u8 i8; T4 = i32",
        attributes: "auto_pad: text = NOTSET, dilations: ints, group: int = 1, kernel_shape: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::convolution(c, 3)?.remove(0).of(c.elem(7))])
}
