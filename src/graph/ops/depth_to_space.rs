//! `DepthToSpace`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape};

/// Schemas: ONNX 1.23, `DepthToSpace`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DepthToSpace",
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
            since: 11,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "blocksize!: int, mode: text = DCR",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "blocksize!: int, mode: text = DCR",
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
    let shape = vec![n.clone(), channels.divided_exactly(&block.times(&block)), h.times(&block), w.times(&block)];
    Ok(vec![Out::shape(shape)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let b = usize::try_from(c.int("blocksize", 0)).unwrap_or(0);
    let &[n, d, h, w] = x.dims.as_slice() else { return Err("its input should have 4 dimensions".to_owned()) };
    let out = b.checked_mul(b).filter(|bb| *bb > 0 && d.is_multiple_of(*bb)).map(|bb| d / bb);
    let out = out.ok_or_else(|| format!("{d} channels do not make blocks of {b}"))?;
    let moved = if c.text("mode", "DCR") == "DCR" {
        shape::transpose(&x.shaped([n, b, b, out, h, w]), &[0, 3, 4, 1, 5, 2])
    } else {
        shape::transpose(&x.shaped([n, out, b, b, h, w]), &[0, 1, 4, 2, 5, 3])
    };
    one(moved.shaped([n, out, h * b, w * b]))
}
