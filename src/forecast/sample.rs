//! A sample of a tensor's rows: a few short runs, evenly spread, the same ones every time.

use super::Subject;
use crate::model::{ModelError, PART_ALIGN, Piece, Result, TensorEntry};
use crate::quant::first_non_finite;
use crate::transform::decode;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Maximum elements of a sample, except that it has at least one row. With this many the noise of a type is measured to
/// about two percent (0.1 dB) on tensors of real models.
const ELEMS: u64 = 32 << 10;

/// Runs of neighbouring rows in a sample: enough to meet rows of every part, few enough for tensors that are read through a
/// transposition, where each run reads the whole matrix.
const RUNS: u64 = 8;

/// Longest row that is sampled whole. Of a longer one short parts are taken: memory does not depend on shapes.
const LONGEST_ROW: u64 = 256 << 10;

/// Sampled rows, or parts of rows, of one tensor.
pub(super) struct Sample<'a> {
    /// Elements of a row of the tensor: what decides whether a type fits it.
    pub row_len: u64,
    /// Elements of a row of the sample.
    pub cols: usize,
    /// The rows' values.
    pub values: Vec<f32>,
    /// The position of each run in `values`, with the importance of its columns; a run never crosses from one stacked expert
    /// to the next.
    pub runs: Vec<(Range<usize>, Option<&'a [f32]>)>,
    /// Elements of the tensor for each one of the sample.
    pub scale: f64,
}

impl<'a> Sample<'a> {
    /// Reads the sample of a tensor.
    ///
    /// # Errors
    /// Those of reading; values that are NaN or infinite, which no block format holds.
    pub(super) fn of(subject: &'a Subject) -> Result<Self> {
        let entry = &subject.entry;
        let rows_each = (entry.rows() / entry.stacked().max(1)).max(1);
        let row_len = entry.cols();
        let columns = usize::try_from(row_len).unwrap_or(usize::MAX);
        let pieces: Vec<Piece> = if row_len > LONGEST_ROW {
            parts_of(entry, ELEMS / RUNS, RUNS)
        } else {
            let runs = runs_of(entry.rows(), rows_each, ELEMS / row_len.max(1), RUNS);
            runs.into_iter().map(|rows| Piece::rows(entry, rows)).collect()
        };
        let cols = pieces.first().map_or(columns, |p| p.width() as usize);
        let (mut values, mut runs, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        for piece in pieces {
            let at = values.len();
            values.resize(at + piece.elems() as usize, 0.0);
            decode(entry, &piece, &mut scratch, &mut values[at..])?;
            if let Some(i) = first_non_finite(&values[at..]) {
                let (row, col) = piece.place(i);
                let what = format!("{} at row {row}, column {col} cannot be quantized", values[at + i]);
                return Err(ModelError::bad(what).field(&entry.name).with_hint("The training run may have diverged."));
            }
            let importance = subject
                .importance
                .as_ref()
                .and_then(|m| m.columns_of_row(&entry.name, columns, rows_each, piece.rows.start))
                .and_then(|w| w.get(piece.cols.start as usize..piece.cols.end as usize));
            runs.push((at..values.len(), importance));
        }
        let scale = entry.shape.elems().unwrap_or(0) as f64 / values.len().max(1) as f64;
        Ok(Self { row_len, cols, values, runs, scale })
    }

    /// A hash of everything that a score depends on.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let bytes = |floats: &[f32]| floats.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        hash.update((self.cols as u64).to_le_bytes());
        hash.update(self.scale.to_le_bytes());
        for (run, importance) in &self.runs {
            hash.update(bytes(&self.values[run.clone()]));
            hash.update([u8::from(importance.is_some())]);
            hash.update(bytes(importance.unwrap_or_default()));
        }
        hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
    }
}

/// At most `most` parts of about `long` elements, whole blocks in every type and all of the same length, spread evenly over a
/// tensor whose rows are longer.
pub(super) fn parts_of(entry: &TensorEntry, long: u64, most: u64) -> Vec<Piece> {
    let long = (long / PART_ALIGN * PART_ALIGN).max(PART_ALIGN);
    let (each, rows) = (entry.cols() / long, entry.rows());
    let all = u128::from(each) * u128::from(rows);
    let parts = all.min(u128::from(most));
    let part = |k: u128| {
        // The middle of the k-th of equal shares of all parts that there are.
        let at = (2 * k + 1) * all / (2 * parts);
        let (row, within) = ((at / u128::from(each)) as u64, (at % u128::from(each)) as u64 * long);
        Piece::part(entry, row, within..within + long)
    };
    (0..parts).map(part).collect()
}

/// About `wanted` of `rows` rows in at most `most` runs, none across a multiple of `rows_each`.
pub(super) fn runs_of(rows: u64, rows_each: u64, wanted: u64, most: u64) -> Vec<Range<u64>> {
    let wanted = wanted.clamp(1, rows.max(1));
    let runs = most.min(wanted);
    let long = wanted / runs;
    let mut out: Vec<Range<u64>> = Vec::new();
    for k in 0..runs {
        // The middle of the k-th of equal parts; parts are at least as long as runs.
        let middle = (u128::from(2 * k + 1) * u128::from(rows) / u128::from(2 * runs)) as u64;
        let start = middle.saturating_sub(long / 2).min(rows - long);
        let end = (start + long).min((start / rows_each + 1) * rows_each).min(rows);
        let start = start.max(out.last().map_or(0, |r| r.end));
        if start < end {
            out.push(start..end);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_long_rows_are_spread_over_all_rows() {
        let entry = |rows: u64, cols: u64| TensorEntry {
            shape: [rows, cols].into(),
            ..crate::model::MemoryRows::f32_vector("t", &[0.0])
        };
        for (rows, cols) in [(1, 1 << 34), (3, 300_001), (1 << 20, 1 << 20), (1, 256)] {
            let parts = parts_of(&entry(rows, cols), 4096.min(cols), 8);
            assert!((1..=8).contains(&parts.len()));
            let mut next = 0;
            for p in &parts {
                assert!(p.first_elem() >= next && p.cols.end <= cols && p.rows.end <= rows, "{parts:?}");
                assert!(p.cols.start.is_multiple_of(PART_ALIGN) && p.width() == parts[0].width());
                next = p.first_elem() + p.elems();
            }
        }
    }

    #[test]
    fn runs_are_spread_apart_and_stay_within_their_matrix() {
        for (rows, each, wanted) in [(1, 1, 9), (4096, 4096, 16), (4096, 32, 64), (10, 10, 10), (7, 3, 100), (9, 9, 0)]
        {
            let runs = runs_of(rows, each, wanted, RUNS);
            assert!(!runs.is_empty() && runs.len() as u64 <= RUNS, "{rows} {each} {wanted}");
            let mut last = 0;
            for r in &runs {
                assert!(r.start >= last && r.start < r.end && r.end <= rows, "{runs:?}");
                assert_eq!(r.start / each, (r.end - 1) / each, "{runs:?}");
                last = r.end;
            }
        }
        assert_eq!(runs_of(4096, 4096, 16, RUNS)[0], 255..257);
        assert_eq!(runs_of(16, 16, 16, RUNS).iter().map(|r| r.end - r.start).sum::<u64>(), 16);
    }
}
