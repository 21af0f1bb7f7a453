//! Sparse COO tensors as plain ones: zeros, and the stored values at their indices.
//!
//! `torch._utils._rebuild_sparse_tensor(layout, (indices, values, size[, is_coalesced]))`: `indices` is an i64 matrix with a row
//! for each sparse dimension, `values` has an element (or a block of the dense dimensions) for each column of it. Coalesced
//! tensors have their indices in order without repetition; that is checked before the first rows are given, in one pass over the
//! indices. After that a row range is found by bisection, so memory does not depend on the number of values.

use super::pickle::{Node, NodeId, TensorRef, Tree};
use super::source::Source;
use crate::model::{ModelError, Result, TensorData, TensorEntry};
use crate::quant::Encoding;
use crate::tensor::{DType, Shape};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Values examined at once.
const BATCH: u64 = 4096;

/// A sparse tensor that gives the rows of the plain one.
struct Sparse {
    path: Arc<PathBuf>,
    /// \[values, sparse dimensions\], i64.
    indices: TensorEntry,
    /// \[values, elements of a block\].
    values: TensorEntry,
    /// The sparse dimensions.
    sizes: Vec<u64>,
    /// Elements of the dense dimensions, per index.
    block: u64,
    /// Elements of a row of the plain tensor.
    cols: u64,
    checked: OnceLock<Result<(), String>>,
}

/// The plain form of a sparse tensor from the arguments of its rebuilder; `None` when it is not a COO tensor of a layout that can
/// be read.
///
/// # Errors
/// Indices or values that leave their storages.
pub(super) fn dense(source: &Source, tree: &Tree, name: &str, args: NodeId) -> Result<Option<TensorEntry>> {
    let Some([_, data, ..]) = tree.sequence(args) else { return Ok(None) };
    let Some([indices, values, size, ..]) = tree.sequence(*data) else { return Ok(None) };
    let (Node::Tensor(indices), Node::Tensor(values)) = (tree.get(*indices), tree.get(*values)) else {
        return Ok(None);
    };
    let size: Option<Vec<u64>> = tree.sequence(*size).and_then(|s| s.iter().map(|n| tree.unsigned(*n)).collect());
    let (Some(size), [dims, count], [rows, dense @ ..]) = (size, indices.size.as_slice(), values.size.as_slice())
    else {
        return Ok(None);
    };
    let sparse = usize::try_from(*dims).unwrap_or(usize::MAX);
    if sparse == 0 || sparse > size.len() || rows != count || size[sparse..] != *dense {
        return Ok(None);
    }
    let Some(block) = dense.iter().try_fold(1u64, |a, &d| a.checked_mul(d)) else { return Ok(None) };
    if Shape(size.clone()).elems().is_none() || !row_major(&values.size[1..], &values.stride[1..]) {
        return Ok(None);
    }
    // One row for each value, so that any run of them can be read.
    let turned = TensorRef {
        size: vec![*count, *dims],
        stride: vec![indices.stride[1], indices.stride[0]],
        ..(**indices).clone()
    };
    let flat = TensorRef { size: vec![*count, block], stride: vec![values.stride[0], 1], ..(**values).clone() };
    let (Ok(indices), Ok(values)) = (source.pickled(tree, name, &turned)?, source.pickled(tree, name, &flat)?) else {
        return Ok(None);
    };
    let Encoding::Plain(dtype) = values.encoding else { return Ok(None) };
    if indices.encoding != Encoding::Plain(DType::I64) {
        return Ok(None);
    }
    let shape = Shape(size);
    let data = Sparse {
        path: Arc::clone(&source.path),
        indices,
        values,
        sizes: shape.0[..sparse].to_vec(),
        block,
        cols: shape.cols(),
        checked: OnceLock::new(),
    };
    Ok(Some(TensorEntry::new(name, shape, dtype, Arc::new(data))))
}

fn row_major(size: &[u64], stride: &[u64]) -> bool {
    let mut expected = 1u64;
    size.iter().zip(stride).rev().all(|(&n, &s)| {
        let fits = n == 1 || s == expected;
        expected = expected.saturating_mul(n);
        fits
    })
}

impl Sparse {
    fn count(&self) -> u64 {
        self.indices.shape.0[0]
    }

    /// The places of a run of values, counted in blocks.
    ///
    /// # Errors
    /// I/O errors; an index outside of the tensor.
    fn places(&self, range: Range<u64>) -> Result<Vec<u64>> {
        let bytes = self.indices.read(range)?;
        let width = self.sizes.len() * 8;
        bytes.chunks_exact(width).map(|row| self.place(row)).collect()
    }

    fn place(&self, row: &[u8]) -> Result<u64> {
        let indices = row.chunks_exact(8).map(|c| c.try_into().map_or(-1, i64::from_le_bytes));
        let mut place = 0u64;
        for (index, &size) in indices.zip(&self.sizes) {
            let index = u64::try_from(index).ok().filter(|i| *i < size);
            let index = index.ok_or_else(|| self.bad("an index of the sparse tensor is out of bounds"))?;
            place = place.saturating_mul(size).saturating_add(index);
        }
        Ok(place)
    }

    fn bad(&self, what: &str) -> ModelError {
        ModelError::bad(what).in_file(&self.path)
    }

    /// Passes over all indices once: inside, in order, none twice.
    fn check(&self) -> Result<()> {
        let checked = self.checked.get_or_init(|| {
            let mut last = None;
            let mut at = 0;
            while at < self.count() {
                let end = self.count().min(at + BATCH);
                for place in self.places(at..end).map_err(|e| e.to_string())? {
                    if last.is_some_and(|l| l >= place) {
                        return Err("the sparse tensor is not coalesced: its indices are not in order or repeat".into());
                    }
                    last = Some(place);
                }
                at = end;
            }
            Ok(())
        });
        let hint = "Call `coalesce()` on it, or `to_dense()`, and save the checkpoint again.";
        checked.as_ref().copied().map_err(|what| ModelError::bad(what.as_str()).in_file(&self.path).with_hint(hint))
    }

    /// The first value at or after a place.
    fn first_at(&self, place: u64) -> Result<u64> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.places(middle..middle + 1)?.first().copied().unwrap_or(u64::MAX);
            if found < place { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}

impl TensorData for Sparse {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.fill(rows.start.saturating_mul(self.cols)..rows.end.saturating_mul(self.cols), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let (first, size) = (row.saturating_mul(self.cols), self.element_bytes()?);
        self.fill(first.saturating_add(bytes.start / size)..first.saturating_add(bytes.end / size), dst)
    }
}

impl Sparse {
    /// Bytes of one value; not zero.
    fn element_bytes(&self) -> Result<u64> {
        match self.values.encoding {
            Encoding::Plain(d) => Ok(d.size_bytes() as u64),
            Encoding::Block(_) => Err(self.bad("sparse values in blocks")),
        }
    }

    /// Fills `dst` with a range of the dense tensor's elements.
    fn fill(&self, elements: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.check()?;
        dst.fill(0);
        let size = self.element_bytes()?;
        let (start, end) = (elements.start, elements.end);
        if self.block == 0 || start >= end {
            return Ok(());
        }
        let mut at = self.first_at(start / self.block)?;
        while at < self.count() {
            let to = self.count().min(at + BATCH.div_ceil(self.block).max(1));
            let places = self.places(at..to)?;
            let values = self.values.read(at..to)?;
            for (place, value) in places.iter().zip(values.chunks_exact((self.block * size) as usize)) {
                let first = place.saturating_mul(self.block);
                if first >= end {
                    return Ok(());
                }
                // A block may begin before the first row asked for, or end after the last.
                let (from, until) = (first.max(start), (first + self.block).min(end));
                if from < until {
                    let source = &value[((from - first) * size) as usize..((until - first) * size) as usize];
                    let place = ((from - start) * size) as usize;
                    let target = dst.get_mut(place..place + source.len());
                    target.ok_or_else(|| self.bad("row range out of bounds of the tensor"))?.copy_from_slice(source);
                }
            }
            at = to;
        }
        Ok(())
    }
}
