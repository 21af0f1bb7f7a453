//! Attention.

use super::norm::softmax;
use super::walk::{Places, stretched};
use super::{Args, Data, Evaluated, Tensor, shape};
use crate::graph::Elem;

/// A tensor with batch, heads, sequence and elements of a head.
///
/// # Errors
/// Other shapes.
pub(crate) fn heads(t: &Tensor, heads: Option<i64>) -> Result<Tensor, String> {
    match (t.dims.as_slice(), heads.and_then(|h| usize::try_from(h).ok())) {
        ([_, _, _, _], _) => Ok(t.clone()),
        (&[batch, sequence, all], Some(n)) if n > 0 && all.is_multiple_of(n) => {
            Ok(shape::transpose(&t.shaped([batch, sequence, n, all / n]), &[0, 2, 1, 3]))
        }
        (dims, n) => Err(format!("the shape {dims:?} does not fit {n:?} heads")),
    }
}

/// The opposite of [`heads`], for a tensor with four dimensions.
pub(crate) fn joined(t: &Tensor) -> Tensor {
    let t = shape::transpose(t, &[0, 2, 1, 3]);
    let dims = vec![t.dims[0], t.dims[1], t.dims[2] * t.dims[3]];
    t.shaped(dims)
}

/// What is added to the scores: masks, the causal order and windows, as minus infinity where nothing is to be seen.
struct Bias {
    dims: [usize; 4],
    values: Vec<f64>,
}

impl Bias {
    fn of(c: &Args<'_>, dims: [usize; 4], past: Option<usize>) -> Result<Self, String> {
        let [batch, heads, queries, keys] = dims;
        let mut values = vec![0.0; c.count(&dims)?];
        if let Some(mask) = c.given(3)? {
            let mask = padded(mask, keys)?;
            if super::walk::broadcast(&mask.dims, &dims)? != dims {
                return Err(format!("a mask of {:?} does not broadcast to {dims:?}", mask.dims));
            }
            let own = mask.to_numbers()?;
            let places = Places::new(&dims, stretched(&mask.dims, &dims), 0);
            let hidden = |m: f64| if m == 0.0 { f64::NEG_INFINITY } else { 0.0 };
            let of = |m: f64| if mask.elem == Elem::Bool { hidden(m) } else { m };
            values.iter_mut().zip(places).for_each(|(v, i)| *v += of(own[i]));
        }
        let lengths = c.ints_if(6)?;
        if lengths.as_ref().is_some_and(|l| l.len() != batch) {
            return Err("it does not have one length for each sequence".to_owned());
        }
        let (causal, left, right) =
            (c.flag("is_causal", false), c.int("left_window_size", -1), c.int("right_window_size", -1));
        for (at, v) in values.iter_mut().enumerate() {
            let (b, i, j) = (at / (heads * queries * keys), (at / keys % queries) as i64, (at % keys) as i64);
            let length = lengths.as_ref().map(|l| l[b]);
            // How many keys come before the first query.
            let before = match (past, length) {
                (Some(past), _) => past as i64,
                (None, Some(length)) => length.saturating_sub(queries as i64),
                (None, None) => 0,
            };
            let distance = i.saturating_add(before) - j;
            let hidden = (causal && distance < 0)
                || (left >= 0 && distance > left)
                || (right >= 0 && -distance > right)
                || length.is_some_and(|l| j >= l);
            if hidden {
                *v = f64::NEG_INFINITY;
            }
        }
        Ok(Self { dims, values })
    }

    fn row(&self, b: usize, h: usize, i: usize) -> &[f64] {
        let [_, heads, queries, keys] = self.dims;
        &self.values[((b * heads + h) * queries + i) * keys..][..keys]
    }
}

/// A mask for fewer keys hides the others.
fn padded(mask: &Tensor, keys: usize) -> Result<Tensor, String> {
    let axis = mask.rank().checked_sub(1).ok_or("its mask has no dimensions")?;
    let n = mask.dims[axis];
    if n >= keys || n == 1 {
        return Ok(mask.clone());
    }
    let mut dims = mask.dims.clone();
    dims[axis] = keys - n;
    let all: usize = dims.iter().product();
    let fill =
        if mask.elem == Elem::Bool { Data::Int(vec![0; all]) } else { return float_padded(mask, dims, all, axis) };
    shape::concat(&[mask, &Tensor::new(mask.elem, dims, fill)], axis)
}

fn float_padded(mask: &Tensor, dims: Vec<usize>, all: usize, axis: usize) -> Result<Tensor, String> {
    let fill = Tensor::numbers(mask.elem, dims, vec![f64::NEG_INFINITY; all]);
    shape::concat(&[mask, &fill], axis)
}

/// `Attention`.
///
/// # Errors
/// Tensors that do not fit each other.
pub(crate) fn attention(c: &Args<'_>) -> Evaluated {
    let flat = c.tensor(0)?.rank() == 3;
    let q = heads(c.tensor(0)?, c.int_attr("q_num_heads"))?;
    let mut k = heads(c.tensor(1)?, c.int_attr("kv_num_heads"))?;
    let mut v = heads(c.tensor(2)?, c.int_attr("kv_num_heads"))?;
    let past = c.given(4)?.and_then(|t| t.dims.get(2)).copied();
    for (t, at) in [(&mut k, 4), (&mut v, 5)] {
        if let Some(past) = c.given(at)? {
            *t = shape::concat(&[past, &*t], 2)?;
        }
    }
    let (&[batch, q_heads, queries, size], &[_, kv_heads, keys, k_size], &[_, v_heads, v_keys, v_size]) =
        (q.dims.as_slice(), k.dims.as_slice(), v.dims.as_slice())
    else {
        return Err("its inputs do not have 4 dimensions".to_owned());
    };
    let fits = k.dims[0] == batch && v.dims[0] == batch && size == k_size && keys == v_keys && kv_heads == v_heads;
    if !fits || kv_heads == 0 || !q_heads.is_multiple_of(kv_heads) {
        return Err(format!(
            "queries of {:?}, keys of {:?} and values of {:?} do not fit each other",
            q.dims, k.dims, v.dims
        ));
    }
    let scale = c.float("scale", 1.0 / (size as f64).sqrt());
    let cap = c.float("softcap", 0.0);
    let mode = c.int("qk_matmul_output_mode", 0);
    let bias = Bias::of(c, [batch, q_heads, queries, keys], past)?;
    let (qs, ks, vs) = (q.to_numbers()?, k.to_numbers()?, v.to_numbers()?);
    let y_dims = [batch, q_heads, queries, v_size];
    let mut y = vec![0.0; c.count(&y_dims)?];
    let mut shown = Vec::with_capacity(if c.wants(3) { bias.values.len() } else { 0 });
    for row in 0..batch * q_heads * queries {
        c.going()?;
        let (b, h, i) = (row / (q_heads * queries), row / queries % q_heads, row % queries);
        let own = b * kv_heads + h / (q_heads / kv_heads);
        let query = &qs[row * size..][..size];
        let score = |j: usize| {
            let key = &ks[(own * keys + j) * size..][..size];
            query.iter().zip(key).map(|(a, b)| a * b).sum::<f64>() * scale
        };
        let raw: Vec<f64> = (0..keys).map(score).collect();
        let capped: Vec<f64> = raw.iter().map(|s| if cap > 0.0 { (s / cap).tanh() * cap } else { *s }).collect();
        let hidden = bias.row(b, h, i);
        let biased: Vec<f64> = capped.iter().zip(hidden).map(|(s, b)| s + b).collect();
        let mut p = biased.clone();
        if hidden.iter().all(|b| *b == f64::NEG_INFINITY) {
            p.fill(0.0);
        } else {
            softmax(&mut p);
        }
        let out = &mut y[row * v_size..][..v_size];
        for (j, p) in p.iter().enumerate().filter(|(_, p)| **p != 0.0) {
            let value = &vs[(own * keys + j) * v_size..][..v_size];
            out.iter_mut().zip(value).for_each(|(o, v)| *o += p * v);
        }
        if c.wants(3) {
            shown.extend(match mode {
                0 => raw,
                1 => capped,
                2 => biased,
                _ => p,
            });
        }
    }
    let y = Tensor::numbers(q.elem, y_dims, y);
    let y = if flat { joined(&y) } else { y };
    let shown = if c.wants(3) { Tensor::numbers(q.elem, bias.dims, shown) } else { Tensor::floats([0], Vec::new()) };
    Ok(vec![y.into(), k.into(), v.into(), shown.into()])
}

/// The scores of `FlexAttention` before they are changed.
pub(super) struct Scores {
    /// Of each query and key, for each query head, in the type of the softmax.
    pub(super) scores: Tensor,
    /// The values of each query head.
    pub(super) values: Tensor,
    /// The type of the output.
    pub(super) elem: Elem,
}

/// Queries times keys, heads of keys and values repeated for the queries that share them.
pub(super) fn scores(c: &Args<'_>) -> Result<Scores, String> {
    let (q, k, v) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    let (&[_, q_heads, _, size], &[batch, heads, _, _], &[_, v_heads, _, _]) =
        (q.dims.as_slice(), k.dims.as_slice(), v.dims.as_slice())
    else {
        return Err("its inputs do not have 4 dimensions".to_owned());
    };
    if heads == 0 || v_heads != heads || !q_heads.is_multiple_of(heads) {
        return Err(format!("{q_heads} heads of queries do not fit {heads} of keys and {v_heads} of values"));
    }
    let repeated = |t: &Tensor| -> Result<Tensor, String> {
        let (one, times) = (t.dims[2] * t.dims[3], q_heads / heads);
        let dims = vec![batch, q_heads, t.dims[2], t.dims[3]];
        c.count(&dims)?;
        let places = (0..batch * q_heads).flat_map(move |h| (h / times * one)..(h / times + 1) * one);
        Ok(t.picked(dims, places))
    };
    let precision = match c.elem_attr("softmax_precision")? {
        Some(elem) => elem,
        None if q.elem == Elem::F64 => Elem::F64,
        None => Elem::F32,
    };
    let wide = |t: &Tensor| super::quantize::cast(t, precision, true, "up");
    let scale = c.float("scale", 1.0 / (size as f64).sqrt());
    let keys = shape::transpose(&wide(&repeated(k)?)?, &[0, 1, 3, 2]);
    let products = super::product::product(c, &wide(q)?, &keys)?;
    let scaled = products.to_numbers()?.into_iter().map(|s| s * scale).collect();
    let scores = Tensor::numbers(precision, products.dims.clone(), scaled);
    Ok(Scores { scores, values: repeated(v)?, elem: v.elem })
}
