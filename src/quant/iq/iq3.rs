//! IQ3_XXS, IQ3_S: groups of four elements from a grid with signs. Reading only.
//!
//! ```text
//! IQ3_XXS  0    2                66            98
//!          ├ d ─┼ 64 × u8 point ─┼ 8 × u32 ────┤    u32: 4 × 7 signs, then 4 bits scale of the 32 elements
//!          x ≈ d·(½ + scale)/2·(±v), v of 4, 12, … 52, 62
//! IQ3_S    0    2                66       74            106      110
//!          ├ d ─┼ 64 × u8 point ─┼ high ──┼ 32 × signs ─┼ scales ┤    high: the ninth bit of each point
//!          x ≈ d·(1 + 2·scale)·(±v), v odd up to 15; a nibble of scale for each 32 elements
//! ```

use super::grids::{IQ3_S, IQ3_S_VALUES, IQ3_XXS, IQ3_XXS_VALUES, digits4, even_signs, sign};
use crate::quant::BlockType;
use crate::quant::codec::decode_blocks;
use crate::quant::number::from_f16;

const N: usize = 256;
const GROUPS: usize = N / 8;
const XXS_BYTES: usize = BlockType::IQ3_XXS.block_bytes();
const S_BYTES: usize = BlockType::IQ3_S.block_bytes();
const _: () = assert!(XXS_BYTES == 2 + N / 4 + 32 && S_BYTES == 2 + N / 4 + 8 + 32 + 4);

/// Writes a group of eight from two points.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, points: [u16; 2], values: &[u8; 8], signs: u8, scale: f32) {
    let digits = points.map(digits4);
    for (j, o) in out.as_chunks_mut::<8>().0[g].iter_mut().enumerate() {
        *o = scale * f32::from(values[usize::from(digits[j / 4][j % 4])]) * sign(signs, j);
    }
}

pub(in crate::quant) fn decode_xxs(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<XXS_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let at = 2 + N / 4 + g / 4 * 4;
            let word = u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
            let points = [b[2 + 2 * g], b[3 + 2 * g]].map(|p| IQ3_XXS[usize::from(p)]);
            let scale = d * (0.5 + (word >> 28) as f32) * 0.5;
            group(out, g, points, &IQ3_XXS_VALUES, even_signs((word >> (7 * (g % 4))) as u8), scale);
        }
    });
}

pub(in crate::quant) fn decode_s(src: &[u8], dst: &mut [f32]) {
    const HIGH: usize = 2 + N / 4;
    const SIGNS: usize = HIGH + 8;
    const SCALES: usize = SIGNS + 32;
    decode_blocks::<S_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let high = usize::from(b[HIGH + g / 4]) >> (2 * (g % 4));
            let points = [0, 1].map(|i| IQ3_S[usize::from(b[2 + 2 * g + i]) | (high >> i & 1) << 8]);
            let nibble = b[SCALES + g / 8] >> (4 * (g / 4 % 2)) & 15;
            let scale = d * (1 + 2 * i32::from(nibble)) as f32;
            group(out, g, points, &IQ3_S_VALUES, b[SIGNS + g], scale);
        }
    });
}
