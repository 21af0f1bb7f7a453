//! Rules of inference that several operators share.

use super::call::{Call, Out, Outs, axis_of};
use crate::graph::{Dim, MAX_INTS};

/// One output like the first input.
pub(crate) fn same(c: &Call<'_>) -> Outs {
    Ok(vec![Out { shape: c.shape(0).map(<[Dim]>::to_vec), ..Out::default() }])
}

/// As [`same`], and the elements are the same, too.
pub(crate) fn same_elements(c: &Call<'_>) -> Outs {
    let mut out = same(c)?;
    out[0].ints = c.ints(0).map(<[Dim]>::to_vec);
    Ok(out)
}

/// The shape that two shapes broadcast to.
///
/// # Errors
/// Shapes that do not fit each other.
pub(crate) fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, String> {
    let rank = a.len().max(b.len());
    let at = |s: &[Dim], i: usize| (i + s.len()).checked_sub(rank).map_or(Dim::Known(1), |i| s[i].clone());
    let one = |(x, y): (Dim, Dim)| match (&x, &y) {
        (Dim::Known(1), _) => Ok(y),
        (_, Dim::Known(1)) => Ok(x),
        _ if x.same(&y) => Ok(x),
        (Dim::Known(p), Dim::Known(q)) => Err(format!("dimensions {p} and {q} do not fit each other")),
        // A number other than 1 decides; the other dimension is it or 1.
        (Dim::Known(_), _) => Ok(x),
        (_, Dim::Known(_)) => Ok(y),
        _ => Ok(Dim::Unknown),
    };
    (0..rank).map(|i| one((at(a, i), at(b, i)))).collect()
}

/// The shape that all inputs broadcast to; `None` if one is not known.
///
/// # Errors
/// Shapes that do not fit each other.
pub(crate) fn broadcast_all(c: &Call<'_>) -> Result<Option<Vec<Dim>>, String> {
    let mut shape = Vec::new();
    for (i, input) in c.inputs.iter().enumerate() {
        match (input, c.shape(i)) {
            (None, _) => {}
            (Some(_), None) => return Ok(None),
            (_, Some(s)) => shape = broadcast(&shape, s)?,
        }
    }
    Ok(Some(shape))
}

/// One output with the shape that all inputs broadcast to.
pub(crate) fn elementwise(c: &Call<'_>) -> Outs {
    Ok(vec![Out { shape: broadcast_all(c)?, ..Out::default() }])
}

/// As [`elementwise`] for two inputs, with elements.
pub(crate) fn arithmetic(c: &Call<'_>, f: impl Fn(&Dim, &Dim) -> Dim) -> Outs {
    let mut out = elementwise(c)?;
    if let (Some(a), Some(b)) = (c.ints(0), c.ints(1)) {
        out[0].ints = paired(a, b, f);
    }
    Ok(out)
}

/// Elements of two lists of one length, or of a list and a single element.
pub(crate) fn paired(a: &[Dim], b: &[Dim], f: impl Fn(&Dim, &Dim) -> Dim) -> Option<Vec<Dim>> {
    match (a.len(), b.len()) {
        (n, m) if n == m => Some(a.iter().zip(b).map(|(x, y)| f(x, y)).collect()),
        (_, 1) => Some(a.iter().map(|x| f(x, &b[0])).collect()),
        (1, _) => Some(b.iter().map(|y| f(&a[0], y)).collect()),
        _ => None,
    }
}

/// 1 or 0, or unknown.
pub(crate) fn truth(known: Option<bool>) -> Dim {
    known.map_or(Dim::Unknown, |t| Dim::Known(t.into()))
}

/// Reductions: axes are an attribute, or an input in later versions; all axes if none are given.
pub(crate) fn reduce(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let keep = c.int("keepdims", 1) != 0;
    let Ok(axes) = c.list_or_input("axes", 1) else {
        return Ok(vec![if keep { Out::rank(shape.len()) } else { Out::unknown() }]);
    };
    let axes = axes.unwrap_or_default();
    if axes.is_empty() && c.int("noop_with_empty_axes", 0) != 0 {
        return same(c);
    }
    let all = axes.is_empty();
    let axes: Vec<usize> = axes.iter().map(|a| axis_of(*a, shape.len())).collect::<Result<_, _>>()?;
    let reduced = |i: &usize| all || axes.contains(i);
    let one = |i: usize| match (reduced(&i), keep) {
        (false, _) => Some(shape[i].clone()),
        (true, true) => Some(Dim::Known(1)),
        (true, false) => None,
    };
    Ok(vec![Out::shape((0..shape.len()).filter_map(one).collect())])
}

/// `ArgMax` and `ArgMin`.
pub(crate) fn arg_reduce(c: &Call<'_>) -> Outs {
    let Some(shape) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let axis = axis_of(c.int("axis", 0), shape.len())?;
    let mut out = shape.to_vec();
    if c.int("keepdims", 1) != 0 {
        out[axis] = Dim::Known(1);
    } else {
        out.remove(axis);
    }
    Ok(vec![Out::shape(out)])
}

/// The first input with its axes in another order.
pub(crate) fn permuted(shape: &[Dim], order: &[i64]) -> Result<Vec<Dim>, String> {
    if order.len() != shape.len() {
        return Err(format!("an order of {} axes for {} dimensions", order.len(), shape.len()));
    }
    order.iter().map(|a| Ok(shape[axis_of(*a, shape.len())?].clone())).collect()
}

/// A product of matrices of these shapes, with batches before them.
///
/// # Errors
/// Shapes that cannot be multiplied.
pub(crate) fn matmul_shape(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, String> {
    let (Some(last), Some(_)) = (a.last(), b.last()) else { return Err("a scalar cannot be multiplied".to_owned()) };
    let inner = if b.len() == 1 { &b[0] } else { &b[b.len() - 2] };
    if last.differs(inner) {
        return Err(format!("rows of {last} elements cannot be multiplied with {inner} rows"));
    }
    let batch_a = &a[..a.len().saturating_sub(2)];
    let batch_b = &b[..b.len().saturating_sub(2)];
    let mut shape = broadcast(batch_a, batch_b)?;
    if a.len() > 1 {
        shape.push(a[a.len() - 2].clone());
    }
    if b.len() > 1 {
        shape.push(b[b.len() - 1].clone());
    }
    Ok(shape)
}

/// `MatMul` of the inputs at these places.
pub(crate) fn matmul(c: &Call<'_>, a: usize, b: usize) -> Outs {
    match (c.shape(a), c.shape(b)) {
        (Some(a), Some(b)) => Ok(vec![Out::shape(matmul_shape(a, b)?)]),
        _ => Ok(vec![Out::unknown()]),
    }
}

/// Windows that move over the spatial dimensions of the first input, `[batch, channels, …]`, as in convolutions and pooling.
pub(crate) struct Windows {
    /// Dimensions of the window.
    pub kernel: Vec<Dim>,
    /// Whether a window may begin inside and end outside of the padded input.
    pub ceil: bool,
}

impl Windows {
    /// The spatial dimensions of the output.
    ///
    /// # Errors
    /// Lists that do not have an entry for each dimension.
    pub(crate) fn spatial(&self, c: &Call<'_>, input: &[Dim]) -> Result<Vec<Dim>, String> {
        let n = input.len();
        if self.kernel.len() != n {
            return Err(format!("a window of {} dimensions over {n}", self.kernel.len()));
        }
        let list = |name: &str, default: i64, len: usize| {
            let given = c.list(name).filter(|l| !l.is_empty()).map_or_else(|| vec![default; len], <[i64]>::to_vec);
            if given.len() == len { Ok(given) } else { Err(format!("{} {name} for {n} dimensions", given.len())) }
        };
        let (strides, dilations) = (list("strides", 1, n)?, list("dilations", 1, n)?);
        let pads = list("pads", 0, 2 * n)?;
        let auto = c.text("auto_pad", "NOTSET");
        let one = Dim::Known(1);
        let dim = |i: usize| {
            let stride = Dim::Known(strides[i]);
            if auto.starts_with("SAME") {
                return input[i].divided_up(&stride);
            }
            let padding = if auto == "VALID" { 0 } else { pads[i].saturating_add(pads[i + n]) };
            let reach = self.kernel[i].minus(&one).times(&Dim::Known(dilations[i]));
            let steps = input[i].plus(&Dim::Known(padding)).minus(&reach).minus(&one);
            let mut out = if self.ceil { steps.divided_up(&stride) } else { steps.divided_down(&stride) }.plus(&one);
            // The last window must begin inside of the input or of the padding before it.
            let (Dim::Known(x), Dim::Known(o)) = (&input[i], &out) else { return out };
            if self.ceil && o.saturating_sub(1).saturating_mul(strides[i]) >= x.saturating_add(pads[i]) {
                out = Dim::Known(o - 1);
            }
            out
        };
        if strides.iter().any(|s| *s <= 0) {
            return Err("a stride is not positive".to_owned());
        }
        let dims: Vec<Dim> = (0..n).map(dim).collect();
        match dims.iter().position(|d| d.known().is_some_and(|n| n < 0)) {
            Some(i) => Err(format!("the window is larger than the {} elements of dimension {}", input[i], i + 2)),
            None => Ok(dims),
        }
    }
}

/// `Conv` and its relatives: the weight is at that place.
pub(crate) fn convolution(c: &Call<'_>, weight: usize) -> Outs {
    let Some(x) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    if x.len() < 3 {
        return Err(format!("an input of {} dimensions", x.len()));
    }
    let w = c.shape(weight);
    let kernel = match (c.list("kernel_shape"), w) {
        (Some(k), _) => k.iter().map(|n| Dim::Known(*n)).collect(),
        (None, Some(w)) if w.len() == x.len() => w[2..].to_vec(),
        (None, Some(w)) => return Err(format!("a weight of {} dimensions for {}", w.len(), x.len())),
        (None, None) => return Ok(vec![Out::rank(x.len())]),
    };
    if let Some(w) = w.filter(|w| w.len() == x.len()) {
        let channels = w[1].times(&Dim::Known(c.int("group", 1)));
        if channels.differs(&x[1]) {
            return Err(format!("the weight is for {channels} channels, and the input has {}", x[1]));
        }
    }
    let mut shape = vec![x[0].clone(), w.and_then(|w| w.first()).cloned().unwrap_or_default()];
    shape.extend(Windows { kernel, ceil: false }.spatial(c, &x[2..])?);
    Ok(vec![Out::shape(shape)])
}

/// Pooling over windows.
pub(crate) fn pool(c: &Call<'_>, outputs: usize) -> Outs {
    let Some(x) = c.shape(0) else { return Ok(vec![Out::unknown(); outputs]) };
    let Some(kernel) = c.list("kernel_shape") else { return Ok(vec![Out::rank(x.len()); outputs]) };
    if x.len() < 3 {
        return Err(format!("an input of {} dimensions", x.len()));
    }
    let windows = Windows { kernel: kernel.iter().map(|n| Dim::Known(*n)).collect(), ceil: c.int("ceil_mode", 0) != 0 };
    let mut shape = x[..2].to_vec();
    shape.extend(windows.spatial(c, &x[2..])?);
    Ok(vec![Out::shape(shape); outputs])
}

/// Pooling over all spatial dimensions.
pub(crate) fn global_pool(c: &Call<'_>) -> Outs {
    let Some(x) = c.shape(0) else { return Ok(vec![Out::unknown()]) };
    let one = |(i, d): (usize, &Dim)| if i < 2 { d.clone() } else { Dim::Known(1) };
    Ok(vec![Out::shape(x.iter().enumerate().map(one).collect())])
}

/// A shape whose dimensions are the elements of an input.
pub(crate) fn shape_from(c: &Call<'_>, at: usize) -> Option<Vec<Dim>> {
    if let Some(dims) = c.ints(at) {
        return Some(dims.to_vec());
    }
    let rank = c.shape(at)?.first()?.known()?;
    (0..=64).contains(&rank).then(|| vec![Dim::Unknown; rank as usize])
}

/// Elements for an output of this many, if they are few.
pub(crate) fn filled(shape: &[Dim], value: &Dim) -> Option<Vec<Dim>> {
    let n = Dim::product(shape).known().filter(|n| (0..=MAX_INTS as i64).contains(n))?;
    Some(vec![value.clone(); n as usize])
}

/// Shape `[batch, …]` of the recurrent operators: Y, Y_h and, for LSTM, Y_c.
pub(crate) fn recurrent(c: &Call<'_>, outputs: usize) -> Outs {
    let Some(x) = c.shape(0).filter(|s| s.len() == 3) else { return Ok(vec![Out::unknown(); outputs]) };
    let directions = Dim::Known(if c.text("direction", "forward") == "bidirectional" { 2 } else { 1 });
    let hidden = c.int_if("hidden_size").map_or(Dim::Unknown, Dim::Known);
    let by_batch = c.int("layout", 0) != 0;
    let (sequence, batch) = if by_batch { (&x[1], &x[0]) } else { (&x[0], &x[1]) };
    let (sequence, batch) = (sequence.clone(), batch.clone());
    let all = if by_batch {
        vec![batch.clone(), sequence, directions.clone(), hidden.clone()]
    } else {
        vec![sequence, directions.clone(), batch.clone(), hidden.clone()]
    };
    let last = if by_batch { vec![batch, directions, hidden] } else { vec![directions, batch, hidden] };
    let mut outs = vec![Out::shape(all)];
    outs.resize(outputs, Out::shape(last));
    Ok(outs)
}

/// A shape whose dimensions are multiplied with factors and rounded down, as `Resize` and `Upsample` do.
pub(crate) fn scaled(shape: &[Dim], factors: &[f32], axes: &[i64]) -> Outs {
    if factors.len() != axes.len() {
        return Err(format!("{} factors for {} dimensions", factors.len(), axes.len()));
    }
    let mut out = shape.to_vec();
    for (axis, factor) in axes.iter().zip(factors) {
        let at = axis_of(*axis, shape.len())?;
        let whole = factor.fract() == 0.0 && (0.0..1e9).contains(factor);
        out[at] = match shape[at].known() {
            Some(n) if factor.is_finite() => Dim::Known((n as f32 * factor).floor() as i64),
            None if whole => shape[at].times(&Dim::Known(*factor as i64)),
            _ => Dim::Unknown,
        };
    }
    Ok(vec![Out::shape(out)])
}
