//! `Gather`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape, walk};

/// Schemas: ONNX 1.23, `Gather`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Gather",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T, indices: Tind",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T, indices: Tind",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: Tind",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(data), Some(indices)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    let axis = axis_of(c.int("axis", 0), data.len())?;
    let shape = [&data[..axis], indices, &data[axis + 1..]].concat();
    let pick = |ints: &[Dim], at: Vec<i64>| {
        let one = |i: i64| ints.get(usize::try_from(if i < 0 { i + ints.len() as i64 } else { i }).ok()?).cloned();
        at.into_iter().map(one).collect::<Option<Vec<Dim>>>()
    };
    let ints = if data.len() == 1 { c.ints(0).zip(c.numbers(1)).and_then(|(ints, at)| pick(ints, at)) } else { None };
    Ok(vec![Out::shape(shape).with_ints(ints)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let axis = c.axis(0, x.rank())?;
    let (outer, n, inner) = walk::around(&x.dims, axis);
    let rows: Vec<usize> = at.stored_ints()?.iter().map(|i| shape::index(*i, n)).collect::<Result<_, _>>()?;
    let dims = [&x.dims[..axis], &at.dims, &x.dims[axis + 1..]].concat();
    c.count(&dims)?;
    let places =
        (0..outer).flat_map(|o| rows.iter().flat_map(move |r| (0..inner).map(move |i| (o * n + r) * inner + i)));
    one(x.picked(dims, places))
}
