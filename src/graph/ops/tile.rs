//! `Tile`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::eval::{Args, Eval, Evaluated, one, walk};

/// Schemas: ONNX 1.23, `Tile`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Tile",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T, tiles: T, axis: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "input: T, repeats: T1",
            outputs: "output: T",
            types: "T = ALL; T1 = i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T, repeats: T1",
            outputs: "output: T",
            types: "T = ALL16; T1 = i64",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    match c.ints(1) {
        Some(times) if times.len() == shape.len() && c.version() >= 6 => {
            Ok(vec![Out::shape(shape.iter().zip(times).map(|(d, n)| d.times(n)).collect())])
        }
        _ => Ok(vec![Out::rank(shape.len())]),
    }
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let mut repeats = c.ints(1)?;
    if c.version() < 6 {
        // Version 1 repeats one axis.
        let axis = axis_of(c.int_input(2)?.unwrap_or(0), x.rank())?;
        let times = repeats.first().copied().unwrap_or(1);
        repeats = vec![1; x.rank()];
        repeats[axis] = times;
    }
    let (repeats, _) = c.dims(&repeats)?;
    if repeats.len() != x.rank() {
        return Err(format!("it repeats {} dimensions, and its input has {}", repeats.len(), x.rank()));
    }
    // Each dimension becomes two: the repeats and the elements.
    let strides = walk::strides(&x.dims);
    let (mut wide, mut steps, mut dims) = (Vec::new(), Vec::new(), Vec::new());
    for d in 0..x.rank() {
        wide.extend([repeats[d], x.dims[d]]);
        steps.extend([0, strides[d]]);
        dims.push(x.dims[d].saturating_mul(repeats[d]));
    }
    c.count(&dims)?;
    one(x.picked(dims, walk::Places::new(&wide, steps, 0)))
}
