//! Pools: windows of the input reduced to one element.

use super::walk::each_index;
use super::window::{Windows, sizes};
use super::{Args, Evaluated, Tensor, one};

/// Batch, channels and spatial dimensions.
///
/// # Errors
/// Fewer than three dimensions.
pub(crate) fn spatial(x: &Tensor) -> Result<(usize, usize, &[usize]), String> {
    match x.dims.as_slice() {
        [n, c, rest @ ..] if !rest.is_empty() => Ok((*n, *c, rest)),
        dims => Err(format!("its input has the shape {dims:?}, without batch, channels and a spatial dimension")),
    }
}

/// The windows of a pool.
///
/// # Errors
/// Attributes that do not fit the input.
pub(crate) fn windows(c: &Args<'_>, x: &Tensor) -> Result<Windows, String> {
    let (_, _, input) = spatial(x)?;
    if c.list("kernel_shape").is_none() {
        return Err("its attribute \"kernel_shape\" is missing".to_owned());
    }
    Windows::of(c, input, sizes(c, "kernel_shape", input.len(), 1)?)
}

/// Each window reduced: `f` gets its elements and how many there are with the padding.
///
/// # Errors
/// Attributes that do not fit the input.
pub(crate) fn pool(c: &Args<'_>, f: impl Fn(&[f64], usize) -> f64) -> Evaluated {
    let x = c.tensor(0)?;
    let (batch, channels, _) = spatial(x)?;
    let w = windows(c, x)?;
    let dims = [&[batch, channels], w.output.as_slice()].concat();
    let n = c.count(&dims)?;
    let values = x.to_numbers()?;
    let plane: usize = w.input.iter().product();
    let (mut out, mut elements) = (Vec::with_capacity(n), Vec::new());
    for p in 0..batch * channels {
        c.going()?;
        let own = &values[p * plane..][..plane];
        each_index(&w.output, |window| {
            elements.clear();
            w.visit(window, |place, _| elements.push(own[place]));
            out.push(f(&elements, w.padded(window)));
        });
    }
    one(Tensor::numbers(x.elem, dims, out))
}

/// Each channel reduced to one element.
///
/// # Errors
/// Fewer than three dimensions.
pub(crate) fn global(c: &Args<'_>, f: impl Fn(&[f64]) -> f64) -> Evaluated {
    let x = c.tensor(0)?;
    let (batch, channels, input) = spatial(x)?;
    let plane: usize = input.iter().product();
    let values = x.to_numbers()?;
    let out = (0..batch * channels).map(|p| f(&values[p * plane..][..plane])).collect();
    let dims = [vec![batch, channels], vec![1; input.len()]].concat();
    one(Tensor::numbers(x.elem, dims, out))
}

/// The norm of elements.
pub(crate) fn norm(v: &[f64], p: f64) -> f64 {
    v.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)
}

/// The largest element of each window, and its place in the whole input.
///
/// # Errors
/// Attributes that do not fit the input.
pub(crate) fn max(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let (batch, channels, _) = spatial(x)?;
    let w = windows(c, x)?;
    let dims = [&[batch, channels], w.output.as_slice()].concat();
    c.count(&dims)?;
    let values = x.to_numbers()?;
    let plane: usize = w.input.iter().product();
    let columns = c.flag("storage_order", false);
    let (mut places, mut found) = (Vec::new(), Vec::new());
    for p in 0..batch * channels {
        c.going()?;
        let own = &values[p * plane..][..plane];
        each_index(&w.output, |window| {
            let mut best: Option<usize> = None;
            w.visit(window, |at, _| {
                if best.is_none_or(|b| own[at] > own[b] || (own[at].is_nan() && !own[b].is_nan())) {
                    best = Some(at);
                }
            });
            places.push(best.map(|b| p * plane + b));
            let index = best.map_or(-1, |b| (p * plane + if columns { turned(b, &w.input) } else { b }) as i64);
            found.push(index);
        });
    }
    // A window without an element has the lowest value.
    let lowest = Tensor::numbers(x.elem, [1], vec![lowest(x.elem)]);
    let y = Tensor::new(x.elem, dims.clone(), x.data.pick_or(places.into_iter(), &lowest.data));
    Ok(vec![y.into(), Tensor::longs(dims, found).into()])
}

fn lowest(elem: crate::graph::Elem) -> f64 {
    use crate::graph::Elem;
    match elem {
        Elem::I8 => -128.0,
        Elem::U8 => 0.0,
        _ => f64::NEG_INFINITY,
    }
}

/// The place of an element if the first dimension were the innermost one.
fn turned(place: usize, dims: &[usize]) -> usize {
    let (mut rest, mut index) = (place, Vec::new());
    for n in dims.iter().rev() {
        index.push(rest % n);
        rest /= n;
    }
    // The index is from the last dimension to the first one.
    dims.iter().rev().zip(index).fold(0, |at, (n, i)| at * n + i)
}
