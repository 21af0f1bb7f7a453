//! Chunks that divide the first dimension of a tensor, and the tensor that they are together.

use super::metadata::Chunk;
use crate::model::{ConcatRows, MemoryRows, ModelError, Result, TensorData, TensorEntry};
use crate::tensor::{DType, Shape};
use std::ops::Range;
use std::sync::Arc;

/// No dimension of a tensor without elements is larger.
const MAX_EMPTY: u64 = 1 << 28;

/// The chunks in the order of the first dimension, without empty ones; `None` if they do not divide it without gap and overlap, or divide
/// another dimension.
pub(crate) fn rows<'c>(size: &[u64], chunks: &'c [Chunk]) -> Option<Vec<&'c Chunk>> {
    let Some((&total, rest)) = size.split_first() else {
        return match chunks {
            [one] if one.sizes.is_empty() && one.offsets.is_empty() => Some(vec![one]),
            _ => None,
        };
    };
    let mut order: Vec<&Chunk> = chunks.iter().filter(|c| !c.sizes.contains(&0)).collect();
    order.sort_by_key(|c| c.offsets.first().copied());
    if size.contains(&0) {
        return order.is_empty().then_some(order);
    }
    let mut at = 0u64;
    for chunk in &order {
        let (&first, others) = chunk.offsets.split_first()?;
        let (&n, sizes) = chunk.sizes.split_first()?;
        if first != at || sizes != rest || others.len() != rest.len() || others.iter().any(|o| *o != 0) {
            return None;
        }
        at = at.checked_add(n)?;
    }
    (at == total).then_some(order)
}

/// The tensor of parts that are stacked by rows.
///
/// # Errors
/// A tensor without elements that has a dimension beyond all reason.
pub(crate) fn join(name: &str, size: &[u64], dtype: DType, mut parts: Vec<TensorEntry>) -> Result<TensorEntry> {
    let shape = Shape(size.to_vec());
    if parts.is_empty() {
        if size.iter().any(|d| *d > MAX_EMPTY) {
            return Err(ModelError::bad(format!("an empty tensor of shape [{shape}]")).field(name));
        }
        let row_bytes = shape.cols() * dtype.size_bytes() as u64;
        return Ok(TensorEntry::new(name, shape, dtype, Arc::new(MemoryRows { bytes: Vec::new(), row_bytes })));
    }
    if parts.len() == 1 {
        return Ok(parts.remove(0).renamed(name));
    }
    let data: Arc<dyn TensorData> = match size.len() {
        1 => Arc::new(Joined { parts }),
        _ => Arc::new(ConcatRows { parts }),
    };
    Ok(TensorEntry::new(name, shape, dtype, data))
}

/// Vectors one after the other: a single row.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The vectors, of the same element type.
    pub parts: Vec<TensorEntry>,
}

impl TensorData for Joined {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        if rows.is_empty() && dst.is_empty() {
            return Ok(());
        }
        self.read_part(rows.start, 0..dst.len() as u64, dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let (mut base, mut done) = (0u64, 0usize);
        for part in &self.parts {
            let end = base.saturating_add(part.row_bytes());
            let (from, to) = (bytes.start.max(base), bytes.end.min(end));
            if from < to {
                let n = usize::try_from(to - from).unwrap_or(usize::MAX);
                let place = dst.get_mut(done..done.saturating_add(n)).ok_or_else(beyond)?;
                part.data.read_part(0, from - base..to - base, place)?;
                done += n;
            }
            base = end;
        }
        if row != 0 || done != dst.len() { Err(beyond()) } else { Ok(()) }
    }
}

fn beyond() -> ModelError {
    ModelError::bad("range out of bounds of the joined tensors")
}
