//! The range of every weight that gets a scale: one pass over its rows, in pieces, in parallel.

use crate::model::{Cut, Result, TensorEntry};
use crate::quant::affine::{Range, widen, widen_each};
use crate::task::{Task, locked};
use crate::transform::decode;
use std::sync::Mutex;

/// Elements that are decoded at once.
const PIECE: u64 = 1 << 16;
/// Pieces that one thread takes.
const PIECES: u64 = 64;

/// A tensor whose range is wanted: of all elements, or of each channel along an axis.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) entry: TensorEntry,
    pub(super) axis: Option<usize>,
}

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    values: Vec<f32>,
}

/// The ranges of tensors: one for a tensor, or one for each channel.
///
/// # Errors
/// Read errors; that the task was cancelled is left to the caller.
pub(super) fn ranges(wanted: &[Wanted], task: &Task<'_>) -> Result<Vec<Vec<Range>>> {
    let wanted: Vec<Wanted> = wanted.iter().map(behind).collect();
    let found: Vec<Mutex<Vec<Range>>> =
        wanted.iter().map(|w| Mutex::new(vec![Range::default(); channels(w)])).collect();
    let mut jobs = Vec::new();
    for (i, w) in wanted.iter().enumerate() {
        let pieces = Cut::of(&w.entry, PIECE).pieces();
        jobs.extend((0..pieces.div_ceil(PIECES)).map(|j| (i, j * PIECES..(j * PIECES + PIECES).min(pieces))));
    }
    task.each(jobs.len(), |n, scratch: &mut Scratch| -> Result<()> {
        let (i, pieces) = jobs[n].clone();
        let w = &wanted[i];
        let mut own = vec![Range::default(); channels(w)];
        let cut = Cut::of(&w.entry, PIECE);
        for k in pieces {
            if task.is_cancelled() {
                return Ok(());
            }
            let piece = cut.piece(k);
            scratch.values.resize(usize::try_from(piece.elems()).unwrap_or(usize::MAX), 0.0);
            decode(&w.entry, &piece, &mut scratch.bytes, &mut scratch.values)?;
            let width = usize::try_from(piece.width()).unwrap_or(usize::MAX).max(1);
            match channel_rows(w) {
                Channels::One => widen(&mut own[0], &scratch.values),
                Channels::Columns => {
                    let from = piece.cols.start as usize;
                    scratch.values.chunks(width).for_each(|row| widen_each(&mut own[from..from + row.len()], row));
                }
                Channels::Rows { each, count } => {
                    for (row, values) in (piece.rows.start..).zip(scratch.values.chunks(width)) {
                        widen(&mut own[(row / each % count) as usize], values);
                    }
                }
            }
        }
        for (all, own) in locked(&found[i]).iter_mut().zip(own) {
            *all = all.join(own);
        }
        Ok(())
    })?;
    Ok(found.into_iter().map(crate::task::collected).collect())
}

/// How the channels of a tensor lie in its rows.
pub(super) enum Channels {
    /// There is one.
    One,
    /// Each column is one.
    Columns,
    /// `each` rows are of one channel, then those of the next one, of `count`.
    Rows {
        /// Rows of a channel one after the other.
        each: u64,
        /// Number of channels.
        count: u64,
    },
}

fn channel_rows(w: &Wanted) -> Channels {
    layout(&w.entry.shape.0, w.axis)
}

/// How the channels along an axis lie in the rows of a tensor.
pub(super) fn layout(dims: &[u64], axis: Option<usize>) -> Channels {
    match axis {
        None => Channels::One,
        Some(axis) if axis + 1 >= dims.len() => Channels::Columns,
        Some(axis) => {
            let inner = &dims[axis + 1..dims.len() - 1];
            let each = inner.iter().fold(1u64, |a, d| a.saturating_mul(*d)).max(1);
            Channels::Rows { each, count: dims[axis].max(1) }
        }
    }
}

fn channels(w: &Wanted) -> usize {
    w.axis.and_then(|a| w.entry.shape.0.get(a)).map_or(1, |n| usize::try_from(*n).unwrap_or(usize::MAX))
}

/// The columns of a transposed matrix are the rows of the matrix behind it, which are read faster.
fn behind(w: &Wanted) -> Wanted {
    match w.entry.data.transpose_of() {
        Some(inner) if w.entry.shape.rank() == 2 && inner.shape.rank() == 2 => {
            Wanted { entry: inner.clone(), axis: w.axis.map(|a| 1 - a) }
        }
        _ => w.clone(),
    }
}
