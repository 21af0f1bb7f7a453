//! The grid of a job: kinds of tensor down, layers across.

use crate::job::TensorState;
use crate::model::{OutputIndex, Role};
use crate::quant::{Encoding, Sums};

/// One row of the grid: a kind of tensor of one output.
#[derive(Clone, Debug, Default)]
pub struct GridRow {
    /// Role.
    pub role: Role,
    /// Cells by layer; a kind that belongs to no layer has one.
    pub cells: Vec<TensorState>,
    /// True when cells are layers.
    pub layered: bool,
    /// Encoding in the output of the latest tensor seen.
    pub to: Encoding,
    /// Bytes over all its tensors.
    pub bytes: u64,
    /// Error and signal over its tensors that lost anything.
    pub(super) pooled: Sums,
}

impl GridRow {
    /// Tensors done and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.cells.iter().filter(|c| matches!(c, TensorState::Done(_))).count(), self.cells.len())
    }

    /// Signal over error of all tensors that lost anything, as one figure: the ratio of the sums, as in a comparison, and not the mean of the
    /// ratios, which hides the worst. With it the layer of the worst, and its dB.
    pub(crate) fn quality(&self) -> Option<(f64, usize, f64)> {
        let known = self.cells.iter().enumerate().filter_map(|(i, c)| match c {
            TensorState::Done(Some(db)) => Some((i, *db)),
            _ => None,
        });
        let worst = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((self.pooled.sqnr_db().unwrap_or(worst.1), worst.0, worst.1))
    }
}

/// Key of a row: output and kind.
pub(crate) type RowKey = (OutputIndex, String);
