//! `SpaceToDepth`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `SpaceToDepth`.
pub(super) static OPERATOR: Operator = Operator {
    name: "SpaceToDepth",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "blocksize!: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "blocksize!: int",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "blocksize!: int, mode: text = DCR",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some([n, channels, h, w]) = c.shape(0) else { return Ok(vec![Out::rank(4)]) };
    let block = Dim::Known(c.int("blocksize", 1));
    let shape =
        vec![n.clone(), channels.times(&block.times(&block)), h.divided_exactly(&block), w.divided_exactly(&block)];
    Ok(vec![Out::shape(shape)])
}
