//! Normalizations, and softmax.

use super::reduce::Groups;
use super::shape::lines;
use super::walk::{Places, around, stretched};
use super::{Args, Evaluated, Tensor, one};
use crate::graph::ops::axis_of;

/// Mean and variance.
pub(crate) fn moments(v: &[f64]) -> (f64, f64) {
    let n = v.len() as f64;
    let mean = v.iter().sum::<f64>() / n;
    (mean, v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n)
}

/// Exponentials that sum to 1. Without a finite element, they are NaN.
pub(crate) fn softmax(line: &mut [f64]) {
    let top = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    line.iter_mut().for_each(|x| *x = (*x - top).exp());
    let sum: f64 = line.iter().sum();
    line.iter_mut().for_each(|x| *x /= sum);
}

/// The logarithms of [`softmax`].
pub(crate) fn log_softmax(line: &mut [f64]) {
    let top = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = line.iter().map(|x| (x - top).exp()).sum();
    line.iter_mut().for_each(|x| *x = *x - top - sum.ln());
}

/// 1 for the first of the largest elements, 0 for the others.
pub(crate) fn hardmax(line: &mut [f64]) {
    let mut best = 0;
    (0..line.len()).for_each(|i| best = if line[i] > line[best] { i } else { best });
    line.iter_mut().enumerate().for_each(|(i, x)| *x = f64::from(u8::from(i == best)));
}

/// Lines along an axis; before version 13 all dimensions from the axis on are one line.
///
/// # Errors
/// An axis out of range; a tensor without numbers.
pub(crate) fn along_axis(c: &Args<'_>, each: fn(&mut [f64])) -> Evaluated {
    let x = c.tensor(0)?;
    if c.version() >= 13 {
        return one(lines(x, c.axis(-1, x.rank())?, each)?);
    }
    let axis = usize::try_from(c.int("axis", 1)).map_or_else(|_| c.axis(1, x.rank()), |a| Ok(a.min(x.rank())))?;
    let inner: usize = x.dims[axis..].iter().product();
    let flat = x.shaped([x.len() / inner.max(1), inner]);
    one(lines(&flat, 1, each)?.shaped(x.dims.clone()))
}

/// Normalized values, and what each group was normalized with.
pub(crate) type Normalized = (Vec<f64>, Vec<(f64, f64)>);

/// Each group of elements normalized: `each` gets a group and gives its factor and what is subtracted before.
///
/// # Errors
/// A tensor without numbers.
pub(crate) fn groups(x: &Tensor, axes: &[usize], each: impl Fn(&[f64]) -> (f64, f64)) -> Result<Normalized, String> {
    let mut values = x.to_numbers()?;
    let (mut group, mut found) = (Vec::new(), Vec::new());
    Groups::new(&x.dims, axes).each(|places| {
        let places: Vec<usize> = places.collect();
        group.clear();
        group.extend(places.iter().map(|i| values[*i]));
        let (shift, factor) = each(&group);
        places.iter().for_each(|i| values[*i] = (values[*i] - shift) * factor);
        found.push((shift, factor));
    });
    Ok((values, found))
}

/// Multiplies with one tensor and adds another; both broadcast to the dimensions.
///
/// # Errors
/// Tensors that do not broadcast to them.
pub(crate) fn affine(
    dims: &[usize],
    values: &mut [f64],
    scale: Option<&Tensor>,
    bias: Option<&Tensor>,
) -> Result<(), String> {
    let mut each = |t: Option<&Tensor>, f: fn(&mut f64, f64)| -> Result<(), String> {
        let Some(t) = t else { return Ok(()) };
        if super::walk::broadcast(&t.dims, dims)? != dims {
            return Err(format!("{:?} does not broadcast to {dims:?}", t.dims));
        }
        let own = t.to_numbers()?;
        let places = Places::new(dims, stretched(&t.dims, dims), 0);
        values.iter_mut().zip(places).for_each(|(v, i)| f(v, own[i]));
        Ok(())
    };
    each(scale, |v, s| *v *= s)?;
    each(bias, |v, b| *v += b)
}

/// `LayerNormalization` and `RMSNormalization`: the dimensions from an axis on are one group.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn layer(c: &Args<'_>, centered: bool) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.axis(-1, x.rank())?;
    let epsilon = c.float("epsilon", 1e-5);
    let axes: Vec<usize> = (axis..x.rank()).collect();
    let (mut values, found) = groups(x, &axes, |v| {
        let (mean, variance) = moments(v);
        let square = v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64;
        if centered { (mean, 1.0 / (variance + epsilon).sqrt()) } else { (0.0, 1.0 / (square + epsilon).sqrt()) }
    })?;
    affine(&x.dims, &mut values, Some(c.tensor(1)?), c.given(2)?)?;
    let dims = Groups::new(&x.dims, &axes).wide;
    let kind = c.elem_attr("stash_type")?.unwrap_or(crate::graph::Elem::F32);
    let (means, factors) = found.into_iter().unzip();
    Ok(vec![
        Tensor::numbers(x.elem, x.dims.clone(), values).into(),
        Tensor::numbers(kind, dims.clone(), means).into(),
        Tensor::numbers(kind, dims, factors).into(),
    ])
}

/// A tensor with one number for each channel, with dimensions that broadcast to the input.
///
/// # Errors
/// It has another number of elements.
pub(crate) fn per_channel(t: &Tensor, dims: &[usize]) -> Result<Tensor, String> {
    if dims.len() < 2 || t.len() != dims[1] {
        return Err(format!("{:?} is not one number for each channel of {dims:?}", t.dims));
    }
    let mut own = vec![1; dims.len()];
    own[1] = t.len();
    Ok(t.shaped(own))
}

/// Each line divided by its norm, `LpNormalization`; a line of zeros stays.
pub(crate) fn unit(line: &mut [f64], p: i64) {
    let norm = if p == 1 { line.iter().map(|x| x.abs()).sum::<f64>() } else { super::pool::norm(line, 2.0) };
    if norm != 0.0 {
        line.iter_mut().for_each(|x| *x /= norm);
    }
}

/// The loss of each place of `NegativeLogLikelihoodLoss`, reduced. `logs` has the classes in dimension 1.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn likelihood(c: &Args<'_>, logs: &Tensor) -> Result<Tensor, String> {
    let target = c.tensor(1)?;
    let (batch, classes, inner) = around(&logs.dims, axis_of(1, logs.rank())?);
    let want = [&logs.dims[..1], &logs.dims[2..]].concat();
    if target.dims != want {
        return Err(format!("its target has the shape {:?}, and should have {want:?}", target.dims));
    }
    let (values, labels) = (logs.to_numbers()?, target.stored_ints()?);
    let weights = c.numbers(2)?;
    let ignored = c.int_attr("ignore_index");
    let (mut losses, mut all) = (Vec::new(), 0.0);
    for (at, label) in labels.iter().enumerate().take(batch * inner) {
        if Some(*label) == ignored {
            losses.push(0.0);
            continue;
        }
        let class = super::shape::index(*label, classes)?;
        let weight = match &weights {
            Some(w) => *w.get(class).ok_or("it has too few weights")?,
            None => 1.0,
        };
        all += weight;
        losses.push(-values[(at / inner * classes + class) * inner + at % inner] * weight);
    }
    let sum: f64 = losses.iter().sum();
    Ok(match c.text("reduction", "mean") {
        "none" => Tensor::numbers(logs.elem, want, losses),
        "sum" => Tensor::numbers(logs.elem, [], vec![sum]),
        _ => Tensor::numbers(logs.elem, [], vec![sum / all]),
    })
}
