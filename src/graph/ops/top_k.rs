//! `TopK`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, walk};

/// Schemas: ONNX 1.23, `TopK`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TopK",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Values: T, Indices: I",
            types: "T = FLOATS; I = i64",
            attributes: "axis: int = -1, k!: int",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = FLOATS; I = i64",
            attributes: "axis: int = -1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; I = i64",
            attributes: "axis: int = -1, largest: int = 1, sorted: int = 1",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "X: T, K: i64",
            outputs: "Values: T, Indices: I",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16; I = i64",
            attributes: "axis: int = -1, largest: int = 1, sorted: int = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown(), Out::unknown()]) };
    let axis = axis_of(c.int("axis", -1), shape.len())?;
    let k = c.int_if("k").map(Dim::Known).or_else(|| c.ints(1).and_then(|l| l.first().cloned()));
    let mut out = shape.to_vec();
    out[axis] = k.unwrap_or_default();
    Ok(vec![Out::shape(out.clone()), Out::shape(out)])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.axis(-1, x.rank())?;
    let k = c.int_input(1)?.or(c.int_attr("k")).ok_or("its k is missing")?;
    let (outer, n, inner) = walk::around(&x.dims, axis);
    let k = usize::try_from(k).ok().filter(|k| *k <= n).ok_or(format!("it takes {k} of {n} elements"))?;
    let largest = c.flag("largest", true);
    let values = x.to_numbers()?;
    let mut dims = x.dims.clone();
    dims[axis] = k;
    let (mut places, mut found) = (vec![0; outer * k * inner], vec![0i64; outer * k * inner]);
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        let place = |j: usize| (o * n + j) * inner + i;
        let mut order: Vec<usize> = (0..n).collect();
        // Equal elements stay in order.
        order.sort_by(|a, b| {
            let (x, y) = (values[place(*a)], values[place(*b)]);
            if largest { y.total_cmp(&x) } else { x.total_cmp(&y) }
        });
        for (at, j) in order.into_iter().take(k).enumerate() {
            let to = (o * k + at) * inner + i;
            (places[to], found[to]) = (place(j), j as i64);
        }
    }
    Ok(vec![x.picked(dims.clone(), places.into_iter()).into(), Tensor::longs(dims, found).into()])
}
