//! Scales that are not finite: what llama-quantize refuses to write (`ggml_validate_row_data`).

use super::BlockType;

/// The index of the first block with a scale or minimum that is NaN or infinite, if there is one. Finite elements give such a
/// block where they are beyond what an `f16` scale reaches (about 8·10⁶ in Q8_0).
///
/// Bytes after the last whole block are not looked at.
pub fn first_bad_block(ty: BlockType, bytes: &[u8]) -> Option<usize> {
    const F16_EXPONENT: u8 = 0x7c;
    let mut blocks = bytes.chunks_exact(ty.block_bytes());
    match ty {
        BlockType::MXFP4 => blocks.position(|b| b[0] == 0xff),
        BlockType::NVFP4 => None,
        // The four nibbles of d stand on top of the last four words; the highest holds most of the exponent.
        BlockType::IQ1_M => blocks.position(|b| b[55] & 0x70 == 0x70 && b[53] & 0xc0 == 0xc0),
        _ => {
            let bad = |b: &[u8], at: usize| b[at + 1] & F16_EXPONENT == F16_EXPONENT;
            // One loop for each number of scales: this runs over every block of a model.
            match *f16_offsets(ty) {
                [at] => blocks.position(|b| bad(b, at)),
                [first, second] => blocks.position(|b| bad(b, first) | bad(b, second)),
                _ => None,
            }
        }
    }
}

/// Where a block's little-endian `f16` numbers stand.
pub(super) const fn f16_offsets(ty: BlockType) -> &'static [usize] {
    match ty {
        BlockType::Q4_1 | BlockType::Q5_1 | BlockType::Q8_1 | BlockType::Q4_K | BlockType::Q5_K => &[0, 2],
        BlockType::Q2_K => &[80, 82],
        BlockType::Q3_K => &[108],
        BlockType::Q6_K => &[208],
        BlockType::TQ1_0 => &[52],
        BlockType::TQ2_0 => &[64],
        BlockType::MXFP4 | BlockType::NVFP4 | BlockType::IQ1_M | BlockType::Q8_K => &[],
        _ => &[0],
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantize_rows;
    use super::*;

    #[test]
    fn scales_beyond_f16_are_found_and_others_not() {
        let mut row = [1e3f32; 512];
        row[300] = -2e3;
        let weights = [1f32; 512];
        let skip = [BlockType::Q8_1, BlockType::Q8_K, BlockType::MXFP4, BlockType::NVFP4];
        for &ty in BlockType::ALL.iter().filter(|t| !skip.contains(t)) {
            let mut out = vec![0; 512 / ty.block_elems() * ty.block_bytes()];
            quantize_rows(ty, &row, 512, Some(&weights), &mut out).unwrap();
            assert_eq!(first_bad_block(ty, &out), None, "{ty}");
            for &at in f16_offsets(ty) {
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
