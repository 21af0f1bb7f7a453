//! Constants in half precision: rows that are converted when they are read.

use super::Half;
use crate::model::{Piece, Result, TensorData, TensorEntry};
use crate::tensor::encode_f32;
use crate::transform::decode;
use std::ops::Range;
use std::sync::Arc;

/// Elements that are converted at once.
const CHUNK: u64 = 1 << 16;

#[derive(Debug)]
struct HalfRows {
    source: TensorEntry,
    half: Half,
}

/// The tensor in half precision.
pub(super) fn halved(source: &TensorEntry, half: Half) -> TensorEntry {
    let data = Arc::new(HalfRows { source: source.clone(), half });
    let mut entry = TensorEntry::new(source.name.clone(), source.shape.clone(), half.dtype(), data);
    entry.class = source.class;
    entry
}

/// Values in half precision. Finite ones that the type does not reach become its largest.
pub(super) fn encode(values: &mut [f32], half: Half, dst: &mut [u8]) {
    let most = half.largest();
    for v in values.iter_mut().filter(|v| v.abs() > most && v.is_finite()) {
        *v = v.clamp(-most, most);
    }
    encode_f32(half.dtype(), values, dst);
}

impl TensorData for HalfRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.fill(&Piece::rows(&self.source, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.fill(&Piece::part(&self.source, row, bytes.start / 2..bytes.end / 2), dst)
    }
}

impl HalfRows {
    fn fill(&self, piece: &Piece, mut dst: &mut [u8]) -> Result<()> {
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        for part in piece.split(CHUNK, true) {
            values.resize(usize::try_from(part.elems()).unwrap_or(usize::MAX), 0.0f32);
            decode(&self.source, &part, &mut bytes, &mut values)?;
            let (now, later) = dst.split_at_mut(values.len() * 2);
            encode(&mut values, self.half, now);
            dst = later;
        }
        Ok(())
    }
}

/// How many finite values of a tensor the type does not reach.
///
/// # Errors
/// Read errors.
pub(super) fn beyond(source: &TensorEntry, half: Half) -> Result<u64> {
    let (mut bytes, mut values, mut count) = (Vec::new(), Vec::new(), 0);
    for part in Piece::rows(source, 0..source.rows()).split(CHUNK, true) {
        values.resize(usize::try_from(part.elems()).unwrap_or(usize::MAX), 0.0f32);
        decode(source, &part, &mut bytes, &mut values)?;
        count += values.iter().filter(|v| v.abs() > half.largest() && v.is_finite()).count() as u64;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_type_does_not_reach_become_its_largest() {
        let values = [1.0f32, 70000.0, -3.4e38, f32::INFINITY, 65503.0];
        let mut bytes = [0u8; 10];
        encode(&mut values.clone(), Half::F16, &mut bytes);
        let words: Vec<u16> = bytes.chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(words, [0x3c00, 0x7bff, 0xfbff, 0x7c00, 0x7bff]);
        encode(&mut [f32::MIN, 1.0], Half::Bf16, &mut bytes[..4]);
        assert_eq!(bytes[..4], [0x7f, 0xff, 0x80, 0x3f]);
    }
}
