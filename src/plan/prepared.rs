//! A plan together with what carries it out: lazy tensors and file layouts.

use super::Plan;
use crate::formats::{FilePlan, LayoutTensor};
use crate::model::{FormatId, Metadata, TensorEntry};
use crate::quant::{Effort, Encoding};
use crate::transform::Imatrix;
use std::path::PathBuf;
use std::sync::Arc;

/// A plan that the engine can run.
#[derive(Debug)]
pub struct Prepared {
    /// What will be done, for people and `plan.json`.
    pub plan: Plan,
    /// How, one entry an output of the plan.
    pub outputs: Vec<PreparedOutput>,
    /// Every file the source consists of; none of them may be written to.
    pub inputs: Vec<PathBuf>,
    /// Threads that may work at once, so that the run takes no more memory than it may.
    pub threads: usize,
}

/// One output that the engine can write.
#[derive(Debug)]
pub struct PreparedOutput {
    /// The format to write.
    pub format: FormatId,
    /// Files with the place of everything.
    pub files: Vec<FilePlan>,
    /// How hard to search for the blocks' scales.
    pub effort: Effort,
    /// Tensors in output order; slots point into this list.
    pub tensors: Vec<PreparedTensor>,
    /// The metadata written.
    pub metadata: Metadata,
    /// Files of an earlier output that go away when this one is published (`force` on a folder with other shards).
    pub stale: Vec<PathBuf>,
}

/// One tensor to write.
#[derive(Clone, Debug)]
pub struct PreparedTensor {
    /// The source rows, already renamed and rearranged.
    pub entry: TensorEntry,
    /// The encoding to write.
    pub encoding: Encoding,
    /// Importance of the columns, when an imatrix covers the tensor.
    pub importance: Option<Arc<Imatrix>>,
}

impl PreparedTensor {
    /// The tensor as a layout sees it.
    pub fn layout(&self) -> LayoutTensor {
        LayoutTensor { name: self.entry.name.clone(), shape: self.entry.shape.clone(), encoding: self.encoding }
    }

    /// Rows that share one row of importance: those of one expert, where experts are stacked.
    pub fn rows_each(&self) -> u64 {
        (self.entry.rows() / self.entry.stacked().max(1)).max(1)
    }

    /// The importance of the columns for row `row`; `None` where no matrix covers the tensor.
    pub fn importance_of_row(&self, row: u64) -> Option<&[f32]> {
        let cols = usize::try_from(self.entry.cols()).ok()?;
        self.importance.as_ref()?.columns_of_row(&self.entry.name, cols, self.rows_each(), row)
    }
}
