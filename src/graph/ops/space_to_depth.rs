//! `SpaceToDepth`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

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
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some([n, channels, h, w]) = c.shape(0) else { return Ok(vec![Out::rank(4)]) };
    let block = Dim::Known(c.int("blocksize", 1));
    let shape =
        vec![n.clone(), channels.times(&block.times(&block)), h.divided_exactly(&block), w.divided_exactly(&block)];
    Ok(vec![Out::shape(shape)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let b = usize::try_from(c.int("blocksize", 0)).unwrap_or(0);
    let &[n, d, h, w] = x.dims.as_slice() else { return Err("its input should have 4 dimensions".to_owned()) };
    if b == 0 || !h.is_multiple_of(b) || !w.is_multiple_of(b) {
        return Err(format!("{h}×{w} is not made of blocks of {b}"));
    }
    let blocks = x.shaped([n, d, h / b, b, w / b, b]);
    // Version 27 has the order of `DepthToSpace` as an attribute.
    let order = if c.text("mode", "DCR") == "DCR" { [0, 3, 5, 1, 2, 4] } else { [0, 1, 3, 5, 2, 4] };
    one(shape::transpose(&blocks, &order).shaped([n, d * b * b, h / b, w / b]))
}
