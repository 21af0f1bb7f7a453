//! Numbers that are not finite: in rows, and in the scales of blocks, which llama-quantize refuses to write
//! (`ggml_validate_row_data`).

use super::block_type::BlockType;

/// The index of the first NaN or infinity, if there is one. The reference refuses the blocks that such a value leads to; callers
/// check their rows with this and the blocks with [`first_bad_block`], and name the place in an error.
pub(crate) fn first_non_finite(values: &[f32]) -> Option<usize> {
    const CHUNK: usize = 64;
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = |x: &f32| x.to_bits() & EXPONENT == EXPONENT;
    for (c, chunk) in values.chunks(CHUNK).enumerate() {
        // A branch-free pass over the chunk first: this runs over every weight of a model.
        if chunk.iter().fold(false, |any, x| any | bad(x)) {
            return chunk.iter().position(bad).map(|i| c * CHUNK + i);
        }
    }
    None
}

/// The index of the first block with a scale or minimum that is NaN or infinite, if there is one. Finite elements give such a
/// block if they are too large for an `f16` scale (about 8·10⁶ in Q8_0).
///
/// Bytes after the last whole block are ignored.
pub(crate) fn first_bad_block(ty: BlockType, bytes: &[u8]) -> Option<usize> {
    ty.functions().and_then(|f| (f.first_bad_block)(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{can_quantize, quantize_rows};

    #[test]
    fn scales_beyond_f16_are_found_and_others_not() {
        let mut row = [1e3f32; 512];
        row[300] = -2e3;
        let weights = [1f32; 512];
        let skip = [BlockType::Q8_1, BlockType::Q8_K, BlockType::MXFP4, BlockType::NVFP4];
        for &ty in BlockType::ALL.iter().filter(|t| can_quantize(**t) && !skip.contains(t)) {
            let mut out = vec![0; 512 / ty.block_elems() * ty.block_bytes()];
            quantize_rows(ty, &row, 512, Some(&weights), &mut out).unwrap();
            assert_eq!(first_bad_block(ty, &out), None, "{ty}");
            for &at in ty.functions().unwrap().f16_scales {
                let mut bad = out.clone();
                let block = bad.len() - ty.block_bytes();
                bad[block + at..][..2].copy_from_slice(&[0, 0xfc]);
                assert_eq!(first_bad_block(ty, &bad), Some(512 / ty.block_elems() - 1), "{ty} at {at}");
            }
        }
        row[500] = 3e38;
        let mut out = vec![0; 16 * 34];
        quantize_rows(BlockType::Q8_0, &row, 512, None, &mut out).unwrap();
        assert_eq!(first_bad_block(BlockType::Q8_0, &out), Some(15));
        let mut shattered = [0u8; 56];
        [shattered[53], shattered[55]] = [0xc0, 0x70];
        assert_eq!(first_bad_block(BlockType::IQ1_M, &shattered), Some(0));
        assert_eq!(first_bad_block(BlockType::MXFP4, &[0xff; 17]), Some(0));
    }
}
