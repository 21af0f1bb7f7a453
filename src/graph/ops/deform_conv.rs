//! `DeformConv`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::window::Windows;
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, conv, one, pool, sample, walk};

/// Schemas: ONNX 1.23, `DeformConv`.
pub(super) static OPERATOR: Operator = Operator {
    name: "DeformConv",
    versions: &[
        Version {
            since: 19,
            inputs: "X: T, W: T, offset: T, B?: T, mask?: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "dilations: ints, group: int = 1, kernel_shape: ints, offset_group: int = 1, pads: ints, strides: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T, W: T, offset: T, B?: T, mask?: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "dilations: ints, group: int = 1, kernel_shape: ints, offset_group: int = 1, pads: ints, strides: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    rules::convolution(c, 1)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, w, offset) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    let bad = || {
        format!(
            "an input of {:?}, weights of {:?} and offsets of {:?} do not fit each other",
            x.dims, w.dims, offset.dims
        )
    };
    let ((batch, channels, input), (outs, per_group, kernel)) = (pool::spatial(x)?, pool::spatial(w)?);
    let size = |name: &str| usize::try_from(c.int(name, 1)).ok().filter(|n| *n > 0).ok_or_else(bad);
    let (groups, offset_groups, rank) = (size("group")?, size("offset_group")?, input.len());
    if per_group.checked_mul(groups) != Some(channels)
        || !outs.is_multiple_of(groups)
        || !channels.is_multiple_of(offset_groups)
    {
        return Err(bad());
    }
    let windows = Windows::of(c, input, kernel.to_vec())?;
    let (taps, plane): (usize, usize) = (kernel.iter().product(), input.iter().product());
    let result: usize = windows.output.iter().product();
    let want = [&[batch, offset_groups * taps * rank], windows.output.as_slice()].concat();
    let mask = c.numbers(4)?;
    if offset.dims != want || mask.as_ref().is_some_and(|m| m.len() != batch * offset_groups * taps * result) {
        return Err(bad());
    }
    let dims = [&[batch, outs], windows.output.as_slice()].concat();
    let mut out = vec![0.0; c.count(&dims)?];
    let (values, weights, offsets) = (x.to_numbers()?, w.to_numbers()?, offset.to_numbers()?);
    for (b, oc) in (0..batch).flat_map(|b| (0..outs).map(move |o| (b, o))) {
        c.going()?;
        for ic in 0..per_group {
            let channel = oc / (outs / groups) * per_group + ic;
            let image = &values[(b * channels + channel) * plane..][..plane];
            let group = b * offset_groups + channel / (channels / offset_groups);
            let mut at = 0;
            walk::each_index(&windows.output, |window| {
                let mut tap = 0;
                walk::each_index(kernel, |element| {
                    let shift: Vec<f64> =
                        (0..rank).map(|d| offsets[((group * taps + tap) * rank + d) * result + at]).collect();
                    let seen = mask.as_ref().map_or(1.0, |m| m[(group * taps + tap) * result + at]);
                    let v = sample::moved(&windows, image, window, element, &shift);
                    out[(b * outs + oc) * result + at] += v * seen * weights[(oc * per_group + ic) * taps + tap];
                    tap += 1;
                });
                at += 1;
            });
        }
    }
    conv::add_bias(&dims, &mut out, c.numbers(3)?)?;
    one(Tensor::numbers(x.elem, dims, out))
}
