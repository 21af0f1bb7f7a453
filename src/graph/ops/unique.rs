//! `Unique`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, walk};

/// Schemas: ONNX 1.23, `Unique`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Unique",
    versions: &[
        Version {
            since: 11,
            inputs: "X: T",
            outputs: "Y: T, indices?: i64, inverse_indices?: i64, counts?: i64",
            types: "T = ALL",
            attributes: "axis: int, sorted: int = 1",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "X: T",
            outputs: "Y: T, indices?: i64, inverse_indices?: i64, counts?: i64",
            types: "T = ALL16",
            attributes: "axis: int, sorted: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let list = || Out::rank(1);
    let Some(axis) = c.int_if("axis") else { return Ok(vec![list(), list(), list(), list()]) };
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown(), list(), list(), list()]) };
    let mut unique = shape.to_vec();
    unique[axis_of(axis, shape.len())?] = Dim::Unknown;
    Ok(vec![Out::shape(unique), list(), list(), list()])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (dims, axis) = match c.int_attr("axis") {
        Some(axis) => (x.dims.clone(), axis_of(axis, x.rank())?),
        None => (vec![x.len()], 0),
    };
    let (outer, n, inner) = walk::around(&dims, axis);
    let slice = |k: usize| (0..outer).flat_map(move |o| (0..inner).map(move |i| (o * n + k) * inner + i));
    let compare = |a: usize, b: usize| {
        let mut pairs = slice(a).zip(slice(b));
        match &*x.data {
            Data::Str(v) => pairs.map(|(i, j)| v[i].cmp(&v[j])).find(|o| o.is_ne()),
            Data::Int(v) => pairs.map(|(i, j)| v[i].cmp(&v[j])).find(|o| o.is_ne()),
            Data::F32(v) => pairs.map(|(i, j)| v[i].total_cmp(&v[j])).find(|o| o.is_ne()),
            Data::F64(v) => pairs.map(|(i, j)| v[i].total_cmp(&v[j])).find(|o| o.is_ne()),
            Data::Complex(_) => pairs.next().map(|(i, j)| i.cmp(&j)),
        }
        .unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| compare(*a, *b));
    // Groups of equal slices, each in the order of the input.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for k in order {
        match groups.last_mut() {
            Some(group) if compare(group[0], k).is_eq() => group.push(k),
            _ => groups.push(vec![k]),
        }
    }
    if !c.flag("sorted", true) {
        groups.sort_by_key(|g| g[0]);
    }
    let firsts: Vec<i64> = groups.iter().map(|g| g[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|g| g.len() as i64).collect();
    let mut inverse = vec![0i64; n];
    groups.iter().enumerate().for_each(|(i, g)| g.iter().for_each(|k| inverse[*k] = i as i64));
    let mut to = dims.clone();
    to[axis] = groups.len();
    let kept = &groups;
    let places =
        (0..outer).flat_map(|o| kept.iter().flat_map(move |g| (0..inner).map(move |i| (o * n + g[0]) * inner + i)));
    let list = |v: Vec<i64>| Tensor::longs([v.len()], v);
    Ok(vec![x.picked(to, places).into(), list(firsts).into(), list(inverse).into(), list(counts).into()])
}
