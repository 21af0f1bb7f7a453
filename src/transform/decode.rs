//! Pieces of any encoding as `f32`.

use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::quant::{Encoding, dequantize_rows};
use crate::tensor::decode_f32;

/// Decodes a piece of `entry`, plain or in blocks, into `dst` (one value per element) through `scratch`, which callers reuse.
///
/// # Errors
/// Read errors; unsupported for a block format that cannot be dequantized.
pub(crate) fn decode(entry: &TensorEntry, piece: &Piece, scratch: &mut Vec<u8>, dst: &mut [f32]) -> Result<()> {
    entry.read_piece(piece, scratch)?;
    decode_bytes(entry, scratch, dst)
}

/// Decodes bytes that were read from whole blocks of `entry`.
///
/// # Errors
/// Unsupported for a block format that cannot be dequantized.
pub(crate) fn decode_bytes(entry: &TensorEntry, bytes: &[u8], dst: &mut [f32]) -> Result<()> {
    match entry.encoding {
        Encoding::Plain(dtype) => {
            decode_f32(dtype, bytes, dst);
            Ok(())
        }
        Encoding::Block(ty) => {
            dequantize_rows(ty, bytes, dst).map_err(|e| ModelError::unsupported(e.to_string()).field(&entry.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::quant::{BlockType, quantize_rows};
    use std::sync::Arc;

    #[test]
    fn any_rows_of_a_block_tensor_come_back() {
        let floats: Vec<f32> = (0..4 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut bytes = vec![0; 4 * 2 * 34];
        quantize_rows(BlockType::Q8_0, &floats, 64, None, &mut bytes).unwrap();
        let entry = TensorEntry::new("t", [4, 64], BlockType::Q8_0, Arc::new(MemoryRows { bytes, row_bytes: 68 }));
        let mut scratch = Vec::new();
        let mut whole = vec![0f32; 256];
        decode(&entry, &Piece::rows(&entry, 0..4), &mut scratch, &mut whole).unwrap();
        assert!(whole.iter().zip(&floats).all(|(a, b)| (a - b).abs() < 0.005));
        let mut part = vec![0f32; 128];
        decode(&entry, &Piece::rows(&entry, 1..3), &mut scratch, &mut part).unwrap();
        assert_eq!(part, whole[64..192]);
        decode(&entry, &Piece::part(&entry, 2, 32..64), &mut scratch, &mut part[..32]).unwrap();
        assert_eq!(part[..32], whole[160..192]);
        assert!(decode(&entry, &Piece::rows(&entry, 3..5), &mut scratch, &mut part).is_err());
    }
}
