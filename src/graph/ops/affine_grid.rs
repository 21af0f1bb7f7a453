//! `AffineGrid`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, walk};

/// Schemas: ONNX 1.23, `AffineGrid`.
pub(super) static OPERATOR: Operator = Operator {
    name: "AffineGrid",
    versions: &[Version {
        since: 20,
        inputs: "theta: T1, size: T2",
        outputs: "grid: T1",
        types: "T1 = FLOATS16; T2 = i64",
        attributes: "align_corners: int = 0",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(size) = c.ints(1) else { return Ok(vec![Out::unknown()]) };
    let [batch, _, spatial @ ..] = size else { return Err(format!("a size of {} dimensions", size.len())) };
    let mut shape = vec![batch.clone()];
    shape.extend_from_slice(spatial);
    shape.push(Dim::from(spatial.len() as u64));
    Ok(vec![Out::shape(shape)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let theta = c.tensor(0)?;
    let (size, _) = c.dims(&c.ints(1)?)?;
    let rank = size.len().checked_sub(2).filter(|r| *r > 0).ok_or("its size has too few dimensions")?;
    if theta.dims != [size[0], rank, rank + 1] {
        return Err(format!("a transformation of {:?} does not fit a size of {size:?}", theta.dims));
    }
    let spatial = &size[2..];
    let dims = [&[size[0]], spatial, &[rank]].concat();
    let n = c.count(&dims)?;
    let (corners, t) = (c.flag("align_corners", false), theta.to_numbers()?);
    let place = |i: usize, n: usize| {
        let (i, n) = (i as f64, n as f64);
        if !corners {
            (2.0 * i + 1.0) / n - 1.0
        } else if n == 1.0 {
            0.0
        } else {
            2.0 * i / (n - 1.0) - 1.0
        }
    };
    let mut out = Vec::with_capacity(n);
    for b in 0..size[0] {
        walk::each_index(spatial, |index| {
            // Coordinates begin with the last dimension.
            let p: Vec<f64> = (0..rank).rev().map(|d| place(index[d], spatial[d])).chain([1.0]).collect();
            for row in 0..rank {
                out.push(p.iter().enumerate().map(|(k, v)| v * t[(b * rank + row) * (rank + 1) + k]).sum());
            }
        });
    }
    one(Tensor::numbers(theta.elem, dims, out))
}
