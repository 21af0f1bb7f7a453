//! A plan together with what carries it out: lazy tensors and file layouts.

use super::Plan;
use crate::formats::{FilePlan, LayoutGraph, LayoutTensor};
use crate::model::{FormatId, Metadata, OpenedFile, Result, SourceChecks, TensorEntry};
use crate::quant::{Effort, Encoding};
use crate::transform::Imatrix;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A plan that the engine can run.
#[derive(Debug)]
pub struct Prepared {
    /// What will be done, for people and `plan.json`.
    pub plan: Plan,
    /// How, one entry an output of the plan.
    pub outputs: Vec<PreparedOutput>,
    /// Every file that decides the output, as it was before it was read. Nothing is published if one of them changes.
    pub inputs: Vec<OpenedFile>,
    /// The permission bits that outputs may have: a user who may not read a source may not read an output.
    pub mode: u32,
    /// Checksums that the source carries for its own bytes.
    pub checks: SourceChecks,
    /// Threads that may work at once, so that the run takes no more memory than it may.
    pub threads: usize,
}

impl Prepared {
    /// Compares the checksums of the source's bytes: to be called after the last read and before anything is published. Reads what is
    /// left of runs that were read in part; returns early when `cancel` is set.
    ///
    /// # Errors
    /// A bad-file error that names the file and the place; I/O errors.
    pub(crate) fn verify_sources(&self, cancel: &AtomicBool) -> Result<()> {
        self.checks.finish(cancel)
    }
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
    /// The graph, for formats of graphs.
    pub graph: Option<LayoutGraph>,
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
    pub(crate) fn layout(&self) -> LayoutTensor {
        LayoutTensor {
            name: self.entry.name.clone(),
            shape: self.entry.shape.clone(),
            encoding: self.encoding,
            layer: self.entry.layer(),
        }
    }

    /// Rows that share one row of importance: those of one expert, where experts are stacked.
    pub(crate) fn rows_each(&self) -> u64 {
        (self.entry.rows() / self.entry.stacked().max(1)).max(1)
    }

    /// The importance of the columns for row `row`; `None` where no matrix covers the tensor.
    pub(crate) fn importance_of_row(&self, row: u64) -> Option<&[f32]> {
        let cols = usize::try_from(self.entry.cols()).ok()?;
        self.importance.as_ref()?.columns_of_row(&self.entry.name, cols, self.rows_each(), row)
    }
}
