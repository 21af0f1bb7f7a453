//! Parts of tensors put together and taken apart.

use super::walk::{Places, around, strides};
use super::{Args, Data, Tensor};
use crate::graph::ops::axis_of;

/// Tensors along an axis.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn concat(parts: &[&Tensor], axis: usize) -> Result<Tensor, String> {
    let first = parts.first().ok_or("it has no inputs")?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for t in parts {
        let fits = t.rank() == dims.len() && (0..dims.len()).all(|d| d == axis || t.dims[d] == dims[d]);
        if !fits || t.elem != first.elem {
            return Err(format!("{} {:?} and {} {:?} cannot be put together", first.elem, first.dims, t.elem, t.dims));
        }
        dims[axis] += t.dims[axis];
    }
    let (outer, along, inner) = around(&dims, axis);
    let mut data = Data::zeros(first.elem, outer * along * inner);
    let mut from = 0;
    for t in parts {
        let n = t.dims[axis] * inner;
        let places = (0..outer).flat_map(|o| (0..n).map(move |i| (o * along * inner + from + i, o * n + i)));
        data.put(places, &t.data);
        from += n;
    }
    Ok(Tensor::new(first.elem, dims, data))
}

/// A part of a tensor along an axis.
pub(crate) fn part(t: &Tensor, axis: usize, from: usize, to: usize) -> Tensor {
    let (steps, mut dims) = (strides(&t.dims), t.dims.clone());
    dims[axis] = to - from;
    let start = from * steps[axis] as usize;
    t.picked(dims.clone(), Places::new(&dims, steps, start))
}

/// The dimensions in another order.
pub(crate) fn transpose(t: &Tensor, perm: &[usize]) -> Tensor {
    let own = strides(&t.dims);
    let dims: Vec<usize> = perm.iter().map(|p| t.dims[*p]).collect();
    t.picked(dims.clone(), Places::new(&dims, perm.iter().map(|p| own[*p]).collect(), 0))
}

/// As if it had the dimensions it broadcasts to.
pub(crate) fn stretch(t: &Tensor, dims: &[usize]) -> Tensor {
    if t.dims == dims { t.clone() } else { t.picked(dims, Places::stretched(&t.dims, dims)) }
}

/// Axes, each once.
///
/// # Errors
/// Axes that are out of range or named twice.
pub(crate) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let found: Vec<usize> = axes.iter().map(|a| axis_of(*a, rank)).collect::<Result<_, _>>()?;
    let twice = (1..found.len()).any(|i| found[..i].contains(&found[i]));
    if twice { Err(format!("its axes {axes:?} name one twice")) } else { Ok(found) }
}

/// The place that an index means along an axis of that length; negative ones count from the end.
///
/// # Errors
/// Indices out of range.
pub(crate) fn index(i: i64, n: usize) -> Result<usize, String> {
    let at = if i < 0 { i.saturating_add(n as i64) } else { i };
    match usize::try_from(at) {
        Ok(at) if at < n => Ok(at),
        _ => Err(format!("index {i} is out of range for {n} elements")),
    }
}

/// Sets each element along an axis from those along the same line, in order.
///
/// # Errors
/// It is no tensor of numbers.
pub(crate) fn lines(t: &Tensor, axis: usize, mut each: impl FnMut(&mut [f64])) -> Result<Tensor, String> {
    let mut values = t.to_numbers()?;
    let (outer, n, inner) = around(&t.dims, axis);
    let mut line = vec![0.0; n];
    for start in (0..outer).flat_map(|o| (0..inner).map(move |i| o * n * inner + i)) {
        (0..n).for_each(|k| line[k] = values[start + k * inner]);
        each(&mut line);
        (0..n).for_each(|k| values[start + k * inner] = line[k]);
    }
    Ok(Tensor::numbers(t.elem, t.dims.clone(), values))
}

/// A running sum or product along an axis, `CumSum` and `CumProd`.
///
/// # Errors
/// An axis out of range; a tensor without numbers.
pub(crate) fn running(
    c: &Args<'_>,
    start: i64,
    f: fn(f64, f64) -> f64,
    whole: fn(i128, i128) -> i128,
) -> Result<Tensor, String> {
    let x = c.tensor(0)?;
    let axis = axis_of(c.int_input(1)?.ok_or("its axis is missing")?, x.rank())?;
    let (exclusive, reverse) = (c.flag("exclusive", false), c.flag("reverse", false));
    let (outer, n, inner) = around(&x.dims, axis);
    let lines = || (0..outer).flat_map(move |o| (0..inner).map(move |i| o * n * inner + i));
    let place = |line: usize, k: usize| line + if reverse { n - 1 - k } else { k } * inner;
    if matches!(*x.data, Data::Int(_)) {
        let mut v = x.to_ints()?;
        for line in lines() {
            let mut sum = i128::from(start);
            for k in 0..n {
                let at = place(line, k);
                let next = whole(sum, v[at]);
                v[at] = if exclusive { sum } else { next };
                sum = next;
            }
        }
        return Ok(Tensor::ints(x.elem, x.dims.clone(), v));
    }
    let mut v = x.to_numbers()?;
    for line in lines() {
        let mut sum = start as f64;
        for k in 0..n {
            let at = place(line, k);
            let next = f(sum, v[at]);
            v[at] = if exclusive { sum } else { next };
            sum = next;
        }
    }
    Ok(Tensor::numbers(x.elem, x.dims.clone(), v))
}
