//! Reductions along axes.

use super::walk::{Places, strides};
use super::{Args, Data, Evaluated, Tensor, one};
use crate::graph::ops::axis_of;

/// The elements of a tensor in groups: one group for each element of the reduced tensor.
pub(crate) struct Groups {
    /// Dimensions that are kept, the others being 1.
    pub wide: Vec<usize>,
    /// Dimensions that are kept, without the others.
    pub narrow: Vec<usize>,
    kept: (Vec<usize>, Vec<isize>),
    reduced: (Vec<usize>, Vec<isize>),
}

impl Groups {
    /// Groups along these axes.
    pub(crate) fn new(dims: &[usize], axes: &[usize]) -> Self {
        let own = strides(dims);
        let of = |wanted: bool| -> (Vec<usize>, Vec<isize>) {
            (0..dims.len()).filter(|d| axes.contains(d) == wanted).map(|d| (dims[d], own[d])).unzip()
        };
        let wide = (0..dims.len()).map(|d| if axes.contains(&d) { 1 } else { dims[d] }).collect();
        let (kept, reduced) = (of(false), of(true));
        Self { wide, narrow: kept.0.clone(), kept, reduced }
    }

    /// The dimensions of the reduced tensor.
    pub(crate) fn dims(&self, keep: bool) -> Vec<usize> {
        if keep { self.wide.clone() } else { self.narrow.clone() }
    }

    /// Calls `each` with the places of each group.
    pub(crate) fn each(&self, mut each: impl FnMut(Places)) {
        for start in Places::new(&self.kept.0, self.kept.1.clone(), 0) {
            each(Places::new(&self.reduced.0, self.reduced.1.clone(), start));
        }
    }
}

/// The axes of a reduction: an attribute or an input; all if none is given. `None` if the input is to stay as it is.
fn axes(c: &Args<'_>, rank: usize) -> Result<Option<Vec<usize>>, String> {
    let given = c.list_or_input("axes", 1)?.unwrap_or_default();
    if given.is_empty() {
        return Ok(if c.flag("noop_with_empty_axes", false) { None } else { Some((0..rank).collect()) });
    }
    given.iter().map(|a| axis_of(*a, rank)).collect::<Result<_, _>>().map(Some)
}

/// A reduction with one function for floats and one for integers.
///
/// # Errors
/// Axes out of range; a tensor without numbers.
pub(crate) fn reduce(c: &Args<'_>, f: fn(&[f64]) -> f64, whole: fn(&[i128]) -> i128) -> Evaluated {
    let x = c.tensor(0)?;
    // Without axes to reduce, each element is a group.
    let axes = axes(c, x.rank())?.unwrap_or_default();
    let groups = Groups::new(&x.dims, &axes);
    let dims = groups.dims(c.flag("keepdims", true));
    if matches!(*x.data, Data::Int(_)) {
        let v = x.to_ints()?;
        let (mut out, mut group) = (Vec::new(), Vec::new());
        groups.each(|places| {
            group.clear();
            group.extend(places.map(|i| v[i]));
            out.push(whole(&group));
        });
        return one(Tensor::ints(x.elem, dims, out));
    }
    let v = x.to_numbers()?;
    let (mut out, mut group) = (Vec::new(), Vec::new());
    groups.each(|places| {
        group.clear();
        group.extend(places.map(|i| v[i]));
        out.push(f(&group));
    });
    one(Tensor::numbers(x.elem, dims, out))
}

/// The sum of integers, which wraps.
pub(crate) fn whole_sum(v: &[i128]) -> i128 {
    v.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// The logarithm of the sum of exponentials.
pub(crate) fn log_sum_exp(v: &[f64]) -> f64 {
    let top = v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_infinite() { top } else { top + v.iter().map(|x| (x - top).exp()).sum::<f64>().ln() }
}

/// The place of the extreme along an axis: `ArgMax` and `ArgMin`. `better` says whether the second element replaces the first.
///
/// # Errors
/// An axis out of range or without elements; a tensor without numbers.
pub(crate) fn arg(c: &Args<'_>, better: fn(f64, f64) -> bool) -> Evaluated {
    let x = c.tensor(0)?;
    let axis = c.axis(0, x.rank())?;
    if x.dims[axis] == 0 {
        return Err("it takes the minimum or maximum of no elements".to_owned());
    }
    let last = c.flag("select_last_index", false);
    let v = x.to_numbers()?;
    let groups = Groups::new(&x.dims, &[axis]);
    let mut out = Vec::new();
    groups.each(|places| {
        let (mut best, mut at) = (f64::NAN, 0);
        for (k, i) in places.enumerate() {
            if k == 0 || better(best, v[i]) || (last && v[i] == best) {
                (best, at) = (v[i], k as i64);
            }
        }
        out.push(at);
    });
    one(Tensor::longs(groups.dims(c.flag("keepdims", true)), out))
}
