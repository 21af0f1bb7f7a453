//! `Col2Im`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

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
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some([batch, columns, _]), Some(image), Some(block)) = (c.shape(0), c.ints(1), c.ints(2)) else {
        return Ok(vec![Out::unknown()]);
    };
    let channels = columns.divided_exactly(&Dim::product(block));
    Ok(vec![Out::shape([&[batch.clone(), channels], image].concat())])
}
