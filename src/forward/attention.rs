//! Attention on the CPU: scores of a block of queries, capped, masked, their softmax, and the mean of the values.
//!
//! Threads take one head of one sequence at a time. Memory: a block of queries × keys for each thread.

use crate::model::{ModelError, Result};
use crate::task::{Task, locked};
use candle_core::Tensor;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, Axis, Slice, s};
use std::ops::Range;
use std::sync::Mutex;

/// Queries whose scores are computed together.
const BLOCK: usize = 256;

/// Sizes and rules of attention in one layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Elements of a query and of a key.
    pub key_size: usize,
    /// Elements of a value.
    pub value_size: usize,
    /// The factor of scores.
    pub scale: f32,
    /// Scores are capped softly at this value.
    pub cap: Option<f32>,
    /// Tokens a token sees, itself included.
    pub window: Option<usize>,
    /// False if all tokens see each other.
    pub causal: bool,
}

impl Attention {
    /// Checks that queries, keys and values (tokens × width) have the widths that the heads need.
    ///
    /// # Errors
    /// They have not.
    pub(super) fn check_widths(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<()> {
        let widths = [self.heads * self.key_size, self.kv_heads * self.key_size, self.kv_heads * self.value_size];
        let found = [q.dim(1)?, k.dim(1)?, v.dim(1)?];
        if found == widths {
            return Ok(());
        }
        let what = format!("queries, keys and values of {found:?} elements, not of {widths:?} as the heads need");
        Err(ModelError::bad(what))
    }
}

/// The sequences of a batch: which rows of queries, which rows of keys.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// Rows of its queries.
    pub queries: Range<usize>,
    /// Rows of its keys and values; the last ones belong to the queries.
    pub keys: Range<usize>,
}

/// Attention of each sequence to itself: tokens × (heads · value size).
///
/// # Errors
/// Never, but cancelled tasks leave zeros.
pub(super) fn attend(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    sequences: &[Sequence],
    how: &Attention,
    task: Task<'_>,
) -> Result<Vec<f32>> {
    let (q_width, k_width, v_width) =
        (how.heads * how.key_size, how.kv_heads * how.key_size, how.kv_heads * how.value_size);
    let view = |data, width: usize, len: usize| ArrayView2::from_shape((len / width.max(1), width), data);
    let (Ok(q), Ok(k), Ok(v)) = (view(q, q_width, q.len()), view(k, k_width, k.len()), view(v, v_width, v.len()))
    else {
        return Ok(Vec::new());
    };
    let heads: Vec<Mutex<Vec<f32>>> = (0..sequences.len() * how.heads).map(|_| Mutex::default()).collect();
    let quiet = Task { progress: &|_, _| {}, ..task };
    quiet.each::<Vec<f32>, crate::model::ModelError>(heads.len(), |number, scratch| {
        let (sequence, head) = (&sequences[number / how.heads], number % how.heads);
        let shared = head * how.kv_heads / how.heads;
        let q = q.slice(s![sequence.queries.clone(), head * how.key_size..(head + 1) * how.key_size]);
        let k = k.slice(s![sequence.keys.clone(), shared * how.key_size..(shared + 1) * how.key_size]);
        let v = v.slice(s![sequence.keys.clone(), shared * how.value_size..(shared + 1) * how.value_size]);
        *locked(&heads[number]) = one_head(&q, &k, &v, how, scratch);
        Ok(())
    })?;
    let mut out = vec![0f32; q.nrows() * how.heads * how.value_size];
    let width = how.heads * how.value_size;
    for (number, values) in heads.into_iter().enumerate() {
        let (sequence, head) = (&sequences[number / how.heads], number % how.heads);
        let values = crate::task::collected(values);
        for (row, value) in sequence.queries.clone().zip(values.chunks_exact(how.value_size)) {
            let at = row * width + head * how.value_size;
            out[at..at + how.value_size].copy_from_slice(value);
        }
    }
    Ok(out)
}

/// Attention of one head of one sequence: queries × value size.
fn one_head(
    q: &ArrayView2<'_, f32>,
    k: &ArrayView2<'_, f32>,
    v: &ArrayView2<'_, f32>,
    how: &Attention,
    scratch: &mut Vec<f32>,
) -> Vec<f32> {
    let (queries, keys) = (q.nrows(), k.nrows());
    let past = keys - queries.min(keys);
    let mut out = vec![0f32; queries * how.value_size];
    let Ok(mut result) = ndarray::ArrayViewMut2::from_shape((queries, how.value_size), &mut out) else {
        return Vec::new();
    };
    for (number, block) in q.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
        let first = number * BLOCK;
        // The keys that some query of the block sees.
        let end = if how.causal { (past + first + block.nrows()).min(keys) } else { keys };
        let start = match how.window {
            Some(window) if how.causal => (past + first + 1).saturating_sub(window),
            _ => 0,
        };
        scratch.clear();
        scratch.resize(block.nrows() * (end - start), 0.0);
        let Ok(mut scores) = ndarray::ArrayViewMut2::from_shape((block.nrows(), end - start), scratch) else {
            continue;
        };
        general_mat_mul(how.scale, &block, &k.slice(s![start..end, ..]).t(), 0.0, &mut scores);
        for (i, mut row) in scores.rows_mut().into_iter().enumerate() {
            let at = past + first + i;
            let seen = if how.causal { (at + 1).min(end) - start } else { end - start };
            let hidden =
                how.window.filter(|_| how.causal).map_or(0, |w| (at + 1).saturating_sub(w).saturating_sub(start));
            if let Some(row) = row.as_slice_mut() {
                softmax(row, hidden, seen, how.cap);
            }
        }
        let scores = scores.view();
        let values = v.slice(s![start..end, ..]);
        let mut part = result.slice_axis_mut(Axis(0), Slice::from(first..first + block.nrows()));
        general_mat_mul(1.0, &scores, &values, 0.0, &mut part);
    }
    out
}

/// Scores from `hidden` to `seen` become their softmax, the others zero.
fn softmax(row: &mut [f32], hidden: usize, seen: usize, cap: Option<f32>) {
    let (before, rest) = row.split_at_mut(hidden.min(seen));
    let (scores, after) = rest.split_at_mut(seen - hidden.min(seen));
    before.fill(0.0);
    after.fill(0.0);
    if let Some(cap) = cap {
        scores.iter_mut().for_each(|s| *s = cap * (*s / cap).tanh());
    }
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0f64;
    for s in scores.iter_mut() {
        *s = (*s - most).exp();
        sum += f64::from(*s);
    }
    let factor = (1.0 / sum) as f32;
    scores.iter_mut().for_each(|s| *s *= factor);
}
