//! `GatherND`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, shape};

/// Schemas: ONNX 1.23, `GatherND`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GatherND",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "batch_dims: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: i64",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "batch_dims: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(data), Some(indices)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    let Some(last) = indices.last().and_then(Dim::known) else { return Ok(vec![Out::unknown()]) };
    let from = usize::try_from(last.saturating_add(c.int("batch_dims", 0))).ok().and_then(|n| data.get(n..));
    match from {
        Some(rest) => Ok(vec![Out::shape([&indices[..indices.len() - 1], rest].concat())]),
        None => Err(format!("indices of {last} dimensions into {}", data.len())),
    }
}

/// For each tuple of indices the place of the slice it means, and elements of a slice.
pub(super) fn slices(x: &Tensor, at: &Tensor, batch: usize) -> Result<(Vec<usize>, usize), String> {
    let bad = || format!("indices of {:?} do not fit a tensor of {:?}", at.dims, x.dims);
    let n = *at.dims.last().ok_or_else(bad)?;
    let same = batch < at.rank() && batch + n <= x.rank() && x.dims[..batch] == at.dims[..batch];
    if !same {
        return Err(bad());
    }
    let indices = at.stored_ints()?;
    let (outer, inner): (usize, usize) = (x.dims[..batch].iter().product(), x.dims[batch + n..].iter().product());
    let tuples: usize = at.dims[..at.rank() - 1].iter().product();
    let mut starts = Vec::with_capacity(tuples);
    for t in 0..tuples {
        let mut place = t / (tuples / outer.max(1)).max(1);
        for (d, i) in indices[t * n..][..n].iter().enumerate() {
            place = place * x.dims[batch + d] + shape::index(*i, x.dims[batch + d])?;
        }
        starts.push(place * inner);
    }
    Ok((starts, inner))
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let batch = usize::try_from(c.int("batch_dims", 0)).map_err(|_| "its batch dimensions are negative")?;
    let (starts, inner) = slices(x, at, batch)?;
    let n = *at.dims.last().unwrap_or(&0);
    let dims = [&at.dims[..at.rank() - 1], &x.dims[batch + n..]].concat();
    c.count(&dims)?;
    one(x.picked(dims, starts.into_iter().flat_map(|s| s..s + inner)))
}
