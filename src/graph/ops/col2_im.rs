//! `Col2Im`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;
use crate::graph::eval::window::Windows;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, walk};

/// Schemas: ONNX 1.23, `Col2Im`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Col2Im",
    versions: &[Version {
        since: 18,
        inputs: "input: T, image_shape: i64, block_shape: i64",
        outputs: "output: T",
        types: "T = ALL16",
        attributes: "dilations: ints, pads: ints, strides: ints",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some([batch, columns, _]), Some(image), Some(block)) = (c.shape(0), c.ints(1), c.ints(2)) else {
        return Ok(vec![Out::unknown()]);
    };
    let channels = columns.divided_exactly(&Dim::product(block));
    Ok(vec![Out::shape([&[batch.clone(), channels], image].concat())])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let ((image, _), (kernel, _)) = (c.dims(&c.ints(1)?)?, c.dims(&c.ints(2)?)?);
    let windows = Windows::of(c, &image, kernel)?;
    let (taps, result): (usize, usize) = (windows.kernel.iter().product(), windows.output.iter().product());
    let &[batch, all, blocks] = x.dims.as_slice() else { return Err("its input should have 3 dimensions".to_owned()) };
    if !all.is_multiple_of(taps) || blocks != result {
        return Err(format!("an input of {:?} does not fit {taps} elements in each of {result} windows", x.dims));
    }
    let channels = all / taps;
    let dims = [&[batch, channels], image.as_slice()].concat();
    let mut out = vec![0.0; c.count(&dims)?];
    let (values, plane): (Vec<f64>, usize) = (x.to_numbers()?, image.iter().product());
    for p in 0..batch * channels {
        let mut at = 0;
        walk::each_index(&windows.output, |window| {
            windows.visit(window, |place, tap| out[p * plane + place] += values[(p * taps + tap) * blocks + at]);
            at += 1;
        });
    }
    one(Tensor::numbers(x.elem, dims, out))
}
