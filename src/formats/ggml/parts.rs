//! LLaMA models of several files: `model.bin`, `model.bin.1`, … (2, 4 and 8 of them for 13B, 30B and 65B), as the model parallelism of the
//! original checkpoints left them.
//!
//! Every part has the whole header and the whole vectors. Of `tok_embeddings`, `wo` and `w2` a part has some columns, of other matrices some
//! rows (`n_parts` and `split_type` in `llama.cpp` until 2023-03-30).

use super::choose::{Chosen, choose};
use crate::model::{ConcatRows, MetaValue, ModelError, Result, TensorData, TensorEntry};
use crate::tensor::Shape;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most parts of a model; 65B has eight.
const MOST: u64 = 64;

/// The first part of a set by the name of any of its parts: `x.bin` of `x.bin.3`.
pub(super) fn first_of(path: &Path) -> PathBuf {
    let numbered = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| e.len() <= 2 && !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()));
    if numbered { path.with_extension("") } else { path.to_owned() }
}

/// How many files a model has: the width of the network over the columns that the first part has of the embedding.
pub(super) fn count(first: &Chosen) -> Result<u64> {
    let width = first.metadata.get("ggml.n_embd").and_then(MetaValue::as_u64);
    let embedding = first.records.iter().find(|t| t.name.as_str() == "tok_embeddings.weight");
    let (Some(width), Some(embedding)) = (width.filter(|_| first.family == "llama"), embedding) else { return Ok(1) };
    let cols = embedding.shape.cols();
    if cols >= width {
        return Ok(1);
    }
    if !width.is_multiple_of(cols) || width / cols > MOST {
        let what = format!("its {cols} columns are no part of the width {width}");
        return Err(ModelError::bad(what).in_file(first.reader.path()).field(embedding.name.as_str()));
    }
    Ok(width / cols)
}

/// Opens the other parts of a set.
///
/// # Errors
/// Missing parts; parts of another model.
pub(super) fn others(path: &Path, first: &Chosen, count: u64) -> Result<Vec<Chosen>> {
    let path_of = |i: u64| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{i}"));
        PathBuf::from(name)
    };
    let paths: Vec<PathBuf> = (1..count).map(path_of).collect();
    // The first part counts, too.
    let all: Vec<PathBuf> = [path.to_owned()].into_iter().chain(paths.iter().cloned()).collect();
    super::super::shards::all_present(&all)?;
    let mut parts = Vec::new();
    for path in paths {
        let part = choose(&path)?;
        let alike = part.metadata == first.metadata
            && part.era == first.era
            && part.records.len() == first.records.len()
            && part.records.iter().zip(&first.records).all(|(a, b)| a.name == b.name && a.encoding == b.encoding);
        if !alike {
            let what = "its header or its tensors are not those of the first part";
            let hint = "Check that all files belong to the same model.";
            return Err(ModelError::bad(what).in_file(&path).with_hint(hint));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// Joins the parts of one tensor.
///
/// # Errors
/// Parts that do not fit together.
pub(super) fn join(parts: Vec<TensorEntry>) -> Result<TensorEntry> {
    let Some(first) = parts.first().cloned() else { return Err(ModelError::bad("a tensor without parts")) };
    let bad = |what: &str| ModelError::bad(what.to_owned()).field(first.name.as_str());
    if first.shape.rank() < 2 {
        return Ok(first);
    }
    if first.shape.rank() > 2 || parts.iter().any(|p| p.shape != first.shape) {
        return Err(bad("its parts have different shapes, or more than two dimensions"));
    }
    let n = parts.len() as u64;
    let (rows, cols) = (first.rows(), first.cols());
    let by_columns = ["tok_embeddings.", ".attention.wo.", ".feed_forward.w2."];
    let (shape, data): (_, Arc<dyn TensorData>) = if by_columns.iter().any(|p| first.name.contains(p)) {
        (Shape(vec![rows, cols.saturating_mul(n)]), Arc::new(ConcatCols { parts }))
    } else {
        (Shape(vec![rows.saturating_mul(n), cols]), Arc::new(ConcatRows { parts }))
    };
    Ok(TensorEntry { shape, data, ..first })
}

/// Matrices of the same number of rows and columns side by side.
#[derive(Debug)]
struct ConcatCols {
    parts: Vec<TensorEntry>,
}

impl TensorData for ConcatCols {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let width = self.parts.first().map_or(0, TensorEntry::row_bytes) as usize;
        let whole = (width * self.parts.len()).max(1);
        let mut buffer = vec![0; dst.len() / self.parts.len().max(1)];
        for (i, part) in self.parts.iter().enumerate() {
            part.data.read_rows(rows.clone(), &mut buffer)?;
            for (row, piece) in dst.chunks_exact_mut(whole).zip(buffer.chunks_exact(width.max(1))) {
                row[i * width..(i + 1) * width].copy_from_slice(piece);
            }
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let width = self.parts.first().map_or(0, TensorEntry::row_bytes);
        let mut done = 0;
        for (i, part) in self.parts.iter().enumerate() {
            let base = i as u64 * width;
            let (from, to) = (bytes.start.max(base), bytes.end.min(base + width));
            if from < to {
                let len = (to - from) as usize;
                part.data.read_part(row, from - base..to - base, &mut dst[done..done + len])?;
                done += len;
            }
        }
        if done == dst.len() { Ok(()) } else { Err(ModelError::bad("column range out of bounds of the joined parts")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, Piece};
    use crate::tensor::DType;

    #[test]
    fn columns_of_parts_are_side_by_side() {
        let part = |from: u8| {
            let bytes: Vec<u8> = (0..6u8).flat_map(|i| f32::from(from + i).to_le_bytes()).collect();
            TensorEntry::new("tok_embeddings.weight", [3, 2], DType::F32, Arc::new(MemoryRows { bytes, row_bytes: 8 }))
        };
        let whole = join(vec![part(0), part(10)]).unwrap();
        let values = |b: Vec<u8>| -> Vec<f32> { b.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect() };
        let want = [0., 1., 10., 11., 2., 3., 12., 13., 4., 5., 14., 15.];
        assert_eq!(whole.shape.0, [3, 4]);
        assert_eq!(values(whole.read_all().unwrap()), want);
        let mut piece = Vec::new();
        whole.read_piece(&Piece::part(&whole, 1, 1..4), &mut piece).unwrap();
        assert_eq!(values(piece), [3., 12., 13.]);
    }

    #[test]
    fn a_part_leads_to_the_first() {
        for (path, first) in [("d/x.bin.1", "d/x.bin"), ("x.bin", "x.bin"), ("x.bin.01", "x.bin"), ("x.123", "x.123")] {
            assert_eq!(first_of(Path::new(path)), Path::new(first));
        }
    }
}
