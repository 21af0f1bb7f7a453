//! The grid of a job: kinds of tensor down, layers across.

use crate::job::TensorState;
use crate::model::{OutputIndex, Role};
use crate::quant::Encoding;

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
}

impl GridRow {
    /// Tensors done and in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.cells.iter().filter(|c| matches!(c, TensorState::Done(_))).count(), self.cells.len())
    }

    /// Mean dB over the tensors that have one, and the layer of the worst.
    pub(crate) fn quality(&self) -> Option<(f64, usize, f64)> {
        let known = self.cells.iter().enumerate().filter_map(|(i, c)| match c {
            TensorState::Done(Some(db)) => Some((i, *db)),
            _ => None,
        });
        let all: Vec<(usize, f64)> = known.collect();
        let worst = all.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((all.iter().map(|(_, d)| d).sum::<f64>() / all.len() as f64, worst.0, worst.1))
    }
}

/// Key of a row: output and kind.
pub(crate) type RowKey = (OutputIndex, String);
