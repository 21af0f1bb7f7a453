//! `GridSample`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::sample::{Kernel, Padding};
use crate::graph::eval::{Args, Eval, Evaluated, Tensor, one, pool, sample};

/// Schemas: ONNX 1.23, `GridSample`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GridSample",
    versions: &[
        Version {
            since: 16,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "align_corners: int = 0, mode: text = bilinear, padding_mode: text = zeros",
            deprecated: false,
        },
        Version {
            since: 20,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "align_corners: int = 0, mode: text = linear, padding_mode: text = zeros",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T1, grid: T2",
            outputs: "Y: T1",
            types: "T1 = ALL16; T2 = FLOATS16",
            attributes: "align_corners: int = 0, mode: text = linear, padding_mode: text = zeros",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let (Some(x), Some(grid)) = (c.shape(0), c.shape(1)) else { return Ok(vec![Out::unknown()]) };
    if x.len() < 3 || grid.len() != x.len() {
        return Err(format!("an input of {} and a grid of {} dimensions", x.len(), grid.len()));
    }
    Ok(vec![Out::shape([&x[..2], &grid[1..grid.len() - 1]].concat())])
}

fn eval(c: &Args<'_>) -> Evaluated {
    let (x, grid) = (c.tensor(0)?, c.tensor(1)?);
    let (batch, channels, input) = pool::spatial(x)?;
    let rank = input.len();
    let fits = grid.rank() == rank + 2 && grid.dims[0] == batch && grid.dims[rank + 1] == rank;
    if !fits || input.contains(&0) {
        return Err(format!("a grid of {:?} does not fit an input of {:?}", grid.dims, x.dims));
    }
    let corners = c.flag("align_corners", false);
    let padding = match c.text("padding_mode", "zeros") {
        "border" => Padding::Border,
        "reflection" => Padding::Reflection(corners),
        _ => Padding::Zeros,
    };
    let kernel = match c.text("mode", "linear") {
        "nearest" => None,
        "cubic" | "bicubic" => Some(Kernel::Cubic(-0.75)),
        _ => Some(Kernel::Linear),
    };
    let dims = [&[batch, channels], &grid.dims[1..=rank]].concat();
    let n = c.count(&dims)?;
    let (values, places) = (x.to_numbers()?, grid.to_numbers()?);
    let (plane, result): (usize, usize) = (input.iter().product(), dims[2..].iter().product());
    let mut out = Vec::with_capacity(n);
    for p in 0..batch * channels {
        c.going()?;
        let image = &values[p * plane..][..plane];
        for at in 0..result {
            // The last dimension comes first in a grid.
            let own = &places[(p / channels * result + at) * rank..][..rank];
            let one_of = |d: usize| {
                let (g, n) = (own[rank - 1 - d], input[d] as f64);
                let place = if corners { (g + 1.0) / 2.0 * (n - 1.0) } else { ((g + 1.0) * n - 1.0) / 2.0 };
                let place = f64::from(place as f32);
                let place = if kernel.is_none() { place.round_ties_even() } else { place };
                padding.coordinate(place, input[d], corners)
            };
            let place: Vec<f64> = (0..rank).map(one_of).collect();
            out.push(sample::at(image, input, &place, kernel, padding));
        }
    }
    one(Tensor::numbers(x.elem, dims, out))
}
