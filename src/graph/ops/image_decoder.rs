//! `ImageDecoder`.

use super::{Infer, Operator, Version};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `ImageDecoder`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ImageDecoder",
    versions: &[Version {
        since: 20,
        inputs: "encoded_stream: T1",
        outputs: "image: T2",
        types: "T1 = u8; T2 = u8",
        attributes: "pixel_format: text = RGB",
        deprecated: false,
    }],
    infer: Infer::Nothing,
    eval: Eval::Not("it decodes files of images"),
};
