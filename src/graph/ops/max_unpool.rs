//! `MaxUnpool`.

use super::{Infer, Operator, Version};
use crate::graph::eval::{Args, Data, Eval, Evaluated, Tensor, one, pool, shape, walk, window};

/// Schemas: ONNX 1.23, `MaxUnpool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "MaxUnpool",
    versions: &[
        Version {
            since: 9,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T1, I: T2, output_shape?: T2",
            outputs: "output: T1",
            types: "T1 = FLOATS16; T2 = i64",
            attributes: "kernel_shape!: ints, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Nothing,
    eval: Eval::Rule(eval),
};

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, at) = (c.tensor(0)?, c.tensor(1)?);
    let (batch, channels, input) = pool::spatial(x)?;
    let rank = input.len();
    let kernel = window::sizes(c, "kernel_shape", rank, 1)?;
    let (strides, pads) = (window::sizes(c, "strides", rank, 1)?, window::sizes(c, "pads", rank * 2, 0)?);
    let own: Vec<usize> = (0..rank)
        .map(|d| (input[d].saturating_sub(1) * strides[d] + kernel[d]).saturating_sub(pads[d] + pads[d + rank]))
        .collect();
    let own = [&[batch, channels], own.as_slice()].concat();
    let dims = match c.ints_if(2)? {
        Some(dims) => c.dims(&dims)?.0,
        None => own.clone(),
    };
    let n = c.count(&dims)?;
    if dims.len() != own.len() || at.dims != x.dims {
        return Err(format!("indices of {:?} do not fit an input of {:?}", at.dims, x.dims));
    }
    // Indices are those of the output without the one that is asked for.
    let (steps, own_steps) = (walk::strides(&dims), walk::strides(&own));
    let mut places = Vec::with_capacity(x.len());
    for i in at.stored_ints()? {
        let i = shape::index(*i, c.count(&own)?)?;
        let inside = |d: usize| (i / own_steps[d] as usize % own[d], dims[d]);
        if (0..own.len()).any(|d| inside(d).0 >= inside(d).1) {
            return Err(format!("index {i} is outside of {dims:?}"));
        }
        places.push((0..own.len()).map(|d| inside(d).0 * steps[d] as usize).sum::<usize>());
    }
    let mut data = Data::zeros(x.elem, n);
    data.put(places.into_iter().zip(0..), &x.data);
    one(Tensor::new(x.elem, dims, data))
}
