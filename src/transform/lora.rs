//! Adds a LoRA adapter to its base: tensors that compute W + s · B · Aᵀ as their rows are read.

use super::decode;
use crate::arch::{self, LoraPair};
use crate::model::{Model, ModelError, Piece, Result, TensorData, TensorEntry, Warning};
use crate::tensor::{DType, encode_f32};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Most elements of A of one tensor, which is read whole with each piece of the base; rank 256 of a row of 65,536 has fewer.
const MOST: u64 = 1 << 25;

/// The base with the adapter added.
///
/// # Errors
/// An adapter of another base; see [`arch::lora`].
pub(crate) fn merge_lora(base: &Model, adapter: &Model) -> Result<Model> {
    let (scale, pairs) = arch::lora(base, adapter)?;
    let count = pairs.len();
    let mut by_name: HashMap<_, LoraPair> = pairs.into_iter().map(|p| (p.base.clone(), p)).collect();
    let mut merged = base.clone();
    for t in &mut merged.tensors {
        let Some(pair) = by_name.remove(&t.name) else { continue };
        if pair.a.shape.elems().is_none_or(|n| n > MOST) {
            let what = format!("its A of shape {} is larger than in any real adapter", pair.a.shape);
            return Err(ModelError::limit(what).in_file(&adapter.path).field(pair.a.name.as_str()));
        }
        let data = Arc::new(Merged { base: t.clone(), a: pair.a, b: pair.b, scale });
        *t = TensorEntry { encoding: DType::F32.into(), data, storage: None, ..t.clone() };
    }
    merged.opened.extend(adapter.opened.iter().cloned());
    let text = format!(
        "{count} tensors get the adapter's change and are f32; rows of query and key are brought to the order of the base, which llama.cpp did not do"
    );
    merged.warnings.push(Warning::new("lora.merged", text));
    Ok(merged)
}

/// W + s · B · Aᵀ, as f32.
#[derive(Debug)]
struct Merged {
    base: TensorEntry,
    /// \[in, r\].
    a: TensorEntry,
    /// \[out, r\].
    b: TensorEntry,
    scale: f32,
}

impl TensorData for Merged {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.compute(&Piece::rows(&self.base, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.compute(&Piece::part(&self.base, row, bytes.start / 4..bytes.end / 4), dst)
    }
}

impl Merged {
    fn compute(&self, piece: &Piece, dst: &mut [u8]) -> Result<()> {
        // Whole blocks of the base around a part of a row.
        let (unit, _) = self.base.encoding.unit();
        let around = if piece.is_part() {
            let end = piece.cols.end.next_multiple_of(unit).min(self.base.cols());
            Piece::part(&self.base, piece.rows.start, piece.cols.start / unit * unit..end)
        } else {
            piece.clone()
        };
        let mut scratch = Vec::new();
        let mut values = vec![0f32; around.elems() as usize];
        decode(&self.base, &around, &mut scratch, &mut values)?;
        let rank = self.a.cols() as usize;
        let mut read = |t: &TensorEntry, rows: Range<u64>| {
            let mut out = vec![0f32; (rows.end - rows.start) as usize * rank];
            decode(t, &Piece::rows(t, rows), &mut scratch, &mut out).map(|()| out)
        };
        let cols = if around.is_part() { around.cols.clone() } else { 0..self.base.cols() };
        let (a, b) = (read(&self.a, cols.clone())?, read(&self.b, around.rows.clone())?);
        let width = (cols.end - cols.start).max(1) as usize;
        for (row, b) in values.chunks_exact_mut(width).zip(b.chunks_exact(rank.max(1))) {
            for (w, a) in row.iter_mut().zip(a.chunks_exact(rank.max(1))) {
                let sum: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                *w += self.scale * sum;
            }
        }
        let skip = (piece.cols.start - around.cols.start) as usize;
        encode_f32(DType::F32, &values[skip..skip + dst.len() / 4], dst);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::skipped;
    use std::path::Path;

    fn golden(name: &str) -> Option<Model> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("../shared/golden/ggml").join(name);
        if !path.exists() {
            skipped(&format!("golden data ggml/{name} absent"));
            return None;
        }
        Some(arch::open(&path).unwrap())
    }

    #[test]
    fn an_adapter_is_added_to_the_base_it_belongs_to() {
        let (Some(base), Some(adapter)) = (golden("llama/a.ggjt3.f32.bin"), golden("lora/ggml-adapter-model.bin"))
        else {
            return;
        };
        let merged = merge_lora(&base, &adapter).unwrap();
        let floats = |t: &TensorEntry, rows: Range<u64>| -> Vec<f32> {
            let mut out = vec![0f32; ((rows.end - rows.start) * t.cols()) as usize];
            decode(t, &Piece::rows(t, rows), &mut Vec::new(), &mut out).unwrap();
            out
        };
        let mut changed = 0;
        for pair in arch::lora(&base, &adapter).unwrap().1 {
            let (before, after) = (base.tensor(&pair.base).unwrap(), merged.tensor(&pair.base).unwrap());
            let (scale, rank) = (arch::lora(&base, &adapter).unwrap().0, pair.a.cols() as usize);
            let (a, b) = (floats(&pair.a, 0..pair.a.rows()), floats(&pair.b, 0..pair.b.rows()));
            let (w, got) = (floats(before, 0..before.rows()), floats(after, 0..after.rows()));
            let cols = before.cols() as usize;
            for (at, (w, got)) in w.iter().zip(&got).enumerate() {
                let (o, i) = (at / cols, at % cols);
                let sum: f64 = (0..rank).map(|k| f64::from(a[i * rank + k]) * f64::from(b[o * rank + k])).sum();
                assert!((f64::from(*w) + f64::from(scale) * sum - f64::from(*got)).abs() < 1e-5, "{} {at}", pair.base);
                changed += usize::from(w != got);
            }
            let mut part = Vec::new();
            after.read_piece(&Piece::part(after, 3, 5..9), &mut part).unwrap();
            assert_eq!(part, after.read(3..4).unwrap()[20..36]);
        }
        assert!(changed > 1000, "{changed}");
        assert!(merge_lora(&base, &base).unwrap_err().to_string().contains("not an adapter"));
        if let Some(other) = golden("llama/b.ggjt3.f16.bin") {
            assert!(merge_lora(&other, &adapter).unwrap_err().hint().is_some());
        }
    }
}
