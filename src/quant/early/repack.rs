//! From an early layout to today's of the same levels: nibbles in another order, scales as `f16`.
//!
//! The levels never change. `Q5_0` and `Q5_1` lose nothing; the `f32` scales of the others are rounded to `f16`, and the result has the
//! bytes that today's quantizer writes for the same weights (`formats::ggml` compares them with its files). A scale beyond `f16` becomes
//! infinite; callers refuse it as they refuse every block with such a scale.

use super::f32_at;
use super::nibbles::{HALVES, PAIRS, pack, split};
use crate::quant::BlockType;
use crate::quant::number::to_f16;

/// The type of today with the same levels; `None` for types that are not early ones, and for those that no type of today can hold.
pub(crate) fn repacks_to(ty: BlockType) -> Option<BlockType> {
    Some(match ty {
        BlockType::Q4_0_V1 | BlockType::Q4_0_V2 => BlockType::Q4_0,
        BlockType::Q4_1_V1 | BlockType::Q4_1_V2 => BlockType::Q4_1,
        BlockType::Q5_0_V1 => BlockType::Q5_0,
        BlockType::Q5_1_V1 => BlockType::Q5_1,
        BlockType::Q8_0_V1 => BlockType::Q8_0,
        _ => return None,
    })
}

/// Repacks whole blocks of `ty` into blocks of [`repacks_to`]. False, and nothing is written, if there is no such type or the numbers of
/// blocks differ.
pub(crate) fn repack(ty: BlockType, src: &[u8], dst: &mut [u8]) -> bool {
    let Some(to) = repacks_to(ty) else { return false };
    let blocks = src.len() / ty.block_bytes();
    if src.len() != blocks * ty.block_bytes() || dst.len() != blocks * to.block_bytes() {
        return false;
    }
    let one: fn(&[u8], &mut [u8]) = match ty {
        BlockType::Q4_0_V1 => |b, out| scaled::<PAIRS, 1>(b, out),
        BlockType::Q4_0_V2 => |b, out| scaled::<HALVES, 1>(b, out),
        BlockType::Q4_1_V1 => |b, out| scaled::<PAIRS, 2>(b, out),
        BlockType::Q4_1_V2 => |b, out| scaled::<HALVES, 2>(b, out),
        BlockType::Q5_0_V1 => |b, out| five::<6>(b, out),
        BlockType::Q5_1_V1 => |b, out| five::<8>(b, out),
        _ => |b, out| {
            out[..2].copy_from_slice(&to_f16(f32_at(b)));
            out[2..].copy_from_slice(&b[4..]);
        },
    };
    src.chunks_exact(ty.block_bytes()).zip(dst.chunks_exact_mut(to.block_bytes())).for_each(|(b, out)| one(b, out));
    true
}

/// `SCALES` `f32` numbers, then nibbles.
fn scaled<const PAIRED: bool, const SCALES: usize>(b: &[u8], out: &mut [u8]) {
    for i in 0..SCALES {
        out[2 * i..2 * i + 2].copy_from_slice(&to_f16(f32_at(&b[4 * i..])));
    }
    pack(&split::<PAIRED, 32>(&b[4 * SCALES..]), &mut out[2 * SCALES..]);
}

/// `HEAD` bytes that stay, then nibbles in pairs.
fn five<const HEAD: usize>(b: &[u8], out: &mut [u8]) {
    out[..HEAD].copy_from_slice(&b[..HEAD]);
    pack(&split::<PAIRS, 32>(&b[HEAD..]), &mut out[HEAD..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{dequantize_rows, first_bad_block};

    /// Blocks of any levels whose scales are exact in `f16`.
    fn blocks(ty: BlockType, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..count * ty.block_bytes()).map(|i| (i * 167 + i / 7) as u8).collect();
        let scales = match ty {
            BlockType::Q4_1_V1 | BlockType::Q4_1_V2 => 2,
            BlockType::Q5_0_V1 | BlockType::Q5_1_V1 => 0,
            _ => 1,
        };
        for (n, block) in bytes.chunks_exact_mut(ty.block_bytes()).enumerate() {
            for i in 0..scales {
                let scale = (n as f32 + 1.0) * if i == 0 { -0.125 } else { 0.5 };
                block[4 * i..4 * i + 4].copy_from_slice(&scale.to_le_bytes());
            }
            if scales == 0 {
                block[..2].copy_from_slice(&to_f16(0.25));
                if ty == BlockType::Q5_1_V1 {
                    block[2..4].copy_from_slice(&to_f16(-1.5));
                }
            }
        }
        bytes
    }

    #[test]
    fn repacked_blocks_have_the_values_of_the_early_ones() {
        let mut seen = 0;
        for &ty in BlockType::ALL {
            let Some(to) = repacks_to(ty) else {
                assert!(!repack(ty, &[], &mut []));
                continue;
            };
            seen += 1;
            let src = blocks(ty, 5);
            let mut dst = vec![0; 5 * to.block_bytes()];
            assert!(repack(ty, &src, &mut dst));
            let (mut before, mut after) = (vec![0f32; 160], vec![0f32; 160]);
            dequantize_rows(ty, &src, &mut before).unwrap();
            dequantize_rows(to, &dst, &mut after).unwrap();
            assert_eq!(before, after, "{ty}");
            assert!(!repack(ty, &src[1..], &mut dst) && !repack(ty, &src, &mut dst[1..]));
        }
        assert_eq!(seen, 7);
    }

    #[test]
    fn a_scale_beyond_f16_is_seen_in_the_result() {
        let mut src = blocks(BlockType::Q4_0_V2, 2);
        src[20..24].copy_from_slice(&7e4f32.to_le_bytes());
        let mut dst = vec![0; 36];
        assert!(repack(BlockType::Q4_0_V2, &src, &mut dst));
        assert_eq!(first_bad_block(BlockType::Q4_0, &dst), Some(1));
        assert_eq!(first_bad_block(BlockType::Q4_0_V2, &src), None);
        src[20..24].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(first_bad_block(BlockType::Q4_0_V2, &src), Some(1));
    }
}
