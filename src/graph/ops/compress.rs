//! `Compress`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, walk};

/// Schemas: ONNX 1.23, `Compress`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Compress",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "input: T, condition: T1",
            outputs: "output: T",
            types: "T = ALL16; T1 = bool",
            attributes: "axis: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(axis) = c.int_if("axis") else { return Ok(vec![Out::rank(1)]) };
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let mut out = shape.to_vec();
    out[axis_of(axis, shape.len())?] = Dim::Unknown;
    Ok(vec![Out::shape(out)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let condition = c.ints(1)?;
    let (dims, axis) = match c.int_attr("axis") {
        Some(axis) => (x.dims.clone(), axis_of(axis, x.rank())?),
        None => (vec![x.len()], 0),
    };
    let (outer, n, inner) = walk::around(&dims, axis);
    let kept: Vec<usize> = (0..n).filter(|i| condition.get(*i).is_some_and(|v| *v != 0)).collect();
    let kept = &kept;
    let places =
        (0..outer).flat_map(|o| kept.iter().flat_map(move |k| (0..inner).map(move |i| (o * n + k) * inner + i)));
    let mut to = dims.clone();
    to[axis] = kept.len();
    one(x.picked(to, places))
}
