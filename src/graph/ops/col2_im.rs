//! `Col2Im`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `Col2Im`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Col2Im",
    versions: &[Version {
        since: 18,
        inputs: "input: T, image_shape: i64, block_shape: i64",
        outputs: "output: T",
        types: "T = ALL16",
        attributes: "dilations: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
