//! `Split`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, shape};

/// Schemas: ONNX 1.23, `Split`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Split",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T, split?: T",
            outputs: "outputs...+: T",
            types: "T = FLOATS",
            attributes: "axis: int, split: ints",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "input: T",
            outputs: "outputs+: T",
            types: "T = ALL",
            attributes: "axis: int = 0, split: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "input: T",
            outputs: "outputs+: T",
            types: "T = ALL",
            attributes: "axis: int = 0, split: ints",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, split?: i64",
            outputs: "outputs+: T",
            types: "T = ALL16",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "input: T, split?: i64",
            outputs: "outputs+: T",
            types: "T = ALL16",
            attributes: "axis: int = 0, num_outputs: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let n = c.node.outputs.len();
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown(); n]) };
    let axis = axis_of(c.int("axis", 0), shape.len())?;
    let sizes: Vec<Dim> = match c.list("split").map(|l| l.iter().map(|n| Dim::Known(*n)).collect()) {
        Some(list) => list,
        None if c.input(1).is_some() => c.ints(1).map_or_else(|| vec![Dim::Unknown; n], <[Dim]>::to_vec),
        None => {
            let parts = Dim::Known(c.int("num_outputs", n as i64));
            // The last one is smaller where they are not equal.
            let part = shape[axis].divided_up(&parts);
            let last = shape[axis].minus(&part.times(&Dim::Known(n as i64 - 1)));
            let mut sizes = vec![part; n.saturating_sub(1)];
            sizes.push(last);
            sizes
        }
    };
    if sizes.len() != n {
        return Err(format!("{} sizes for {n} outputs", sizes.len()));
    }
    let sum = sizes.iter().fold(Dim::Known(0), |a, d| a.plus(d));
    if sum.differs(&shape[axis]) {
        return Err(format!("parts of {sum} elements together for {}", shape[axis]));
    }
    let one = |size: Dim| {
        let mut out = shape.to_vec();
        out[axis] = size;
        Out::shape(out)
    };
    Ok(sizes.into_iter().map(one).collect())
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.axis(0, x.rank())?;
    let all = x.dims[axis];
    let sizes: Vec<usize> = match c.list_or_input("split", 1)? {
        Some(sizes) => c.sizes(&sizes)?,
        None => {
            let n = c.int_attr("num_outputs").map_or(c.node.outputs.len(), |n| usize::try_from(n).unwrap_or(0));
            if n == 0 || n > c.node.outputs.len() {
                return Err(format!("it splits into {n} parts, and has {} outputs", c.node.outputs.len()));
            }
            let each = all.div_ceil(n);
            (0..n).map(|i| each.min(all.saturating_sub(i * each))).collect()
        }
    };
    if sizes.iter().fold(0, |a: usize, s| a.saturating_add(*s)) != all {
        return Err(format!("parts of {sizes:?} do not make {all} elements"));
    }
    let mut from = 0;
    let mut next = |n: usize| {
        from += n;
        shape::part(x, axis, from - n, from)
    };
    Ok(sizes.into_iter().map(|n| next(n).into()).collect())
}
