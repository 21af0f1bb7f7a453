//! Matrix products on the CPU with weights in any encoding: rows are read and decoded in blocks, multiplied, and dropped.
//!
//! Each thread takes blocks of rows of the weight. Memory: one block for each thread, whatever the matrix. The order of all sums depends on
//! the number of columns only, so a token's result does not depend on the other tokens of the batch, on threads or on blocks.

use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::task::{Task, locked};
use crate::transform::decode;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use std::ops::Range;
use std::sync::Mutex;

/// Rows of a block.
const ROWS: usize = 256;
/// Elements of a block: rows of wide matrices come in smaller blocks.
const ELEMS: usize = 1 << 20;
/// With at most so many tokens a product is a series of dot products.
const FEW: usize = 4;

/// What a thread keeps between blocks.
#[derive(Default)]
struct Buffers {
    raw: Vec<u8>,
    floats: Vec<f32>,
}

/// x · Wᵀ for rows `rows` of `weight`: tokens × rows, row-major. `x` is tokens × columns.
///
/// # Errors
/// Those of reading the weight.
pub(super) fn product(x: &[f32], weight: &TensorEntry, rows: Range<u64>, task: Task<'_>) -> Result<Vec<f32>> {
    let columns = usize::try_from(weight.cols()).unwrap_or(usize::MAX).max(1);
    let tokens = x.len() / columns;
    let count = usize::try_from(rows.end - rows.start).unwrap_or(usize::MAX);
    let mut out = vec![0f32; tokens * count];
    let Ok(x) = ArrayView2::from_shape((tokens, columns), &x[..tokens * columns]) else { return Ok(out) };
    let Ok(mut whole) = ArrayViewMut2::from_shape((tokens, count), &mut out) else { return Ok(Vec::new()) };
    let block = (ELEMS / columns).clamp(16, ROWS);
    let parts: Vec<_> = whole.axis_chunks_iter_mut(Axis(1), block).map(|part| Mutex::new(Some(part))).collect();
    let quiet = Task { progress: &|_, _| {}, ..task };
    quiet.each::<Buffers, ModelError>(parts.len(), |number, buffers| {
        let Some(mut part) = locked(&parts[number]).take() else { return Ok(()) };
        let first = rows.start + (number * block) as u64;
        let piece = Piece::rows(weight, first..first + part.ncols() as u64);
        buffers.floats.resize(part.ncols() * columns, 0.0);
        decode(weight, &piece, &mut buffers.raw, &mut buffers.floats)?;
        check_finite(&buffers.floats, weight, first)?;
        if tokens <= FEW {
            for (token, mut row) in x.rows().into_iter().zip(part.rows_mut()) {
                let token = token.to_slice().unwrap_or(&[]);
                for (out, weights) in row.iter_mut().zip(buffers.floats.chunks_exact(columns)) {
                    *out = dot(token, weights);
                }
            }
        } else if let Ok(weights) = ArrayView2::from_shape((part.ncols(), columns), &buffers.floats) {
            general_mat_mul(1.0, &x, &weights.t(), 0.0, &mut part);
        }
        Ok(())
    })?;
    drop(parts);
    Ok(out)
}

/// A dot product with 16 sums, which the compiler puts into lanes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// Refuses values that are NaN or infinite, naming the tensor and the place. `first` is the row they begin with.
///
/// # Errors
/// The first such value.
pub(super) fn check_finite(values: &[f32], entry: &TensorEntry, first: u64) -> Result<()> {
    // A sum that is finite has only finite terms.
    if values.chunks(64).all(|c| c.iter().map(|v| v * 0.0).sum::<f32>() == 0.0) {
        return Ok(());
    }
    let at = values.iter().position(|v| !v.is_finite()).unwrap_or(0) as u64;
    let columns = entry.cols().max(1);
    let value = values.get(at as usize).copied().unwrap_or(f32::NAN);
    let what = format!("the weight at row {}, column {} is {value}", first + at / columns, at % columns);
    Err(ModelError::bad(what).field(&entry.name).with_hint(
        "The network cannot be run with such a weight: look for where it came from, in training or in a conversion.",
    ))
}
