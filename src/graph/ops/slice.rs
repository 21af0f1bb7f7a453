//! `Slice`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of};
use crate::graph::Dim;
use crate::graph::eval::{Args, Eval, Evaluated, one, shape, walk};

/// Schemas: ONNX 1.23, `Slice`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Slice",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "axes: ints, ends!: ints, starts!: ints",
            deprecated: false,
        },
        Version {
            since: 10,
            inputs: "data: T, starts: Tind, ends: Tind, axes?: Tind, steps?: Tind",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T, starts: Tind, ends: Tind, axes?: Tind, steps?: Tind",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, starts: Tind, ends: Tind, axes?: Tind, steps?: Tind",
            outputs: "output: T",
            types: "T = ALL16; Tind = i32 i64",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(eval),
};

fn infer(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let lists = |name: &str, at: usize| match c.list(name) {
        Some(l) => Some(l.iter().map(|n| Dim::Known(*n)).collect::<Vec<Dim>>()),
        None => c.ints(at).map(<[Dim]>::to_vec),
    };
    let (Some(starts), Some(ends)) = (lists("starts", 1), lists("ends", 2)) else {
        // The axes alone say which dimensions stay as they are.
        let Ok(Some(axes)) = c.list_or_input("axes", 3) else { return Ok(vec![Out::rank(shape.len())]) };
        let axes: Vec<usize> = axes.iter().map(|a| axis_of(*a, shape.len())).collect::<Result<_, _>>()?;
        let one = |(i, d): (usize, &Dim)| if axes.contains(&i) { Dim::Unknown } else { d.clone() };
        return Ok(vec![Out::shape(shape.iter().enumerate().map(one).collect())]);
    };
    let every: Vec<i64> = (0..starts.len() as i64).collect();
    let Ok(axes) = c.list_or_input("axes", 3) else { return Ok(vec![Out::rank(shape.len())]) };
    let axes = axes.unwrap_or(every);
    let steps = match c.input(4) {
        None => vec![Dim::Known(1); starts.len()],
        Some(_) => c.ints(4).map_or_else(|| vec![Dim::Unknown; starts.len()], <[Dim]>::to_vec),
    };
    if starts.len() != ends.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("starts, ends, axes and steps do not have the same length".to_owned());
    }
    let mut out = shape.to_vec();
    let mut ints = None;
    for (i, axis) in axes.iter().enumerate() {
        let at = axis_of(*axis, shape.len())?;
        out[at] = sliced(&shape[at], &starts[i], &ends[i], &steps[i]);
        if let (1, 1, Some(list)) = (shape.len(), axes.len(), c.ints(0)) {
            ints = picked(list, starts[i].known(), ends[i].known(), steps[i].known());
        }
    }
    Ok(vec![Out::shape(out).with_ints(ints)])
}

/// Elements that are left of a dimension.
fn sliced(dim: &Dim, start: &Dim, end: &Dim, step: &Dim) -> Dim {
    let Some(step) = step.known().filter(|s| *s != 0) else { return Dim::Unknown };
    if let (Some(n), Some(start), Some(end)) = (dim.known(), start.known(), end.known()) {
        let (from, to) = bounds(n, start, end, step);
        let len = if step > 0 { to.saturating_sub(from) } else { from.saturating_sub(to) };
        return Dim::Known(if len <= 0 { 0 } else { (len - 1) / step.saturating_abs() + 1 });
    }
    if step != 1 {
        return Dim::Unknown;
    }
    // A symbol with numbers: from the beginning or the end, assuming that there are as many elements.
    let far = |d: &Dim| d.known().is_some_and(|n| n >= i64::from(i32::MAX)) || d.same(dim);
    let zero = Dim::Known(0);
    match (start.known(), end.known()) {
        (Some(s), _) if s >= 0 && far(end) => {
            if s == 0 {
                dim.clone()
            } else {
                dim.minus(start)
            }
        }
        (Some(s), _) if s < 0 && far(end) => zero.minus(start),
        (Some(0), Some(e)) if e < 0 => dim.plus(end),
        (Some(0), None) => end.clone(),
        (None, None) => end.minus(start),
        _ => Dim::Unknown,
    }
}

/// Where a slice of `n` elements begins and ends.
fn bounds(n: i64, start: i64, end: i64, step: i64) -> (i64, i64) {
    let wrap = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
    if step > 0 {
        (wrap(start).clamp(0, n), wrap(end).clamp(0, n))
    } else {
        (wrap(start).clamp(-1, n - 1), wrap(end).clamp(-1, n - 1))
    }
}

fn picked(list: &[Dim], start: Option<i64>, end: Option<i64>, step: Option<i64>) -> Option<Vec<Dim>> {
    let (step, n) = (step.filter(|s| *s != 0)?, list.len() as i64);
    let (mut at, to) = bounds(n, start?, end?, step);
    let mut out = Vec::new();
    while if step > 0 { at < to } else { at > to } {
        out.push(list.get(usize::try_from(at).ok()?)?.clone());
        at = at.saturating_add(step);
    }
    Some(out)
}

fn eval(c: &Args<'_>) -> Evaluated {
    let x = c.tensor(0)?;
    let need = |name: &str, at: usize| c.list_or_input(name, at)?.ok_or_else(|| format!("its {name} are missing"));
    let (starts, ends) = (need("starts", 1)?, need("ends", 2)?);
    let axes = c.list_or_input("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = c.ints_if(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("its starts, ends, axes and steps differ in length".to_owned());
    }
    let (mut dims, mut strides, mut first) = (x.dims.clone(), walk::strides(&x.dims), 0usize);
    for (i, axis) in shape::axes(&axes, x.rank())?.into_iter().enumerate() {
        let (n, step) = (x.dims[axis] as i64, steps[i]);
        let from_end = |at: i64| if at < 0 { at.saturating_add(n) } else { at };
        let (from, to) = (from_end(starts[i]), from_end(ends[i]));
        let (from, count) = match step {
            0 => return Err("a step is 0".to_owned()),
            1.. => {
                let (from, to) = (from.clamp(0, n), to.clamp(0, n));
                (from, (to - from).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
            }
            _ => {
                let (from, to) = (from.clamp(-1, n - 1), to.clamp(-1, n - 1));
                (from, (from - to).max(0).unsigned_abs().div_ceil(step.unsigned_abs()))
            }
        };
        dims[axis] = count as usize;
        if count > 0 {
            first += from as usize * strides[axis] as usize;
        }
        strides[axis] = strides[axis].saturating_mul(step as isize);
    }
    one(x.picked(dims.clone(), walk::Places::new(&dims, strides, first)))
}
