//! IQ2_XXS, IQ2_XS, IQ2_S: x ≈ d·(½ + scale)/4·(±v), groups of eight elements from a grid, v of 8, 25, 43. Reading only.
//!
//! ```text
//! IQ2_XXS  0    2                              66
//!          ├ d ─┼ 8 × { 4 × u8 point, u32 }  ──┤   u32: 4 × 7 signs, then 4 bits scale of the 32 elements
//! IQ2_XS   0    2              66         74
//!          ├ d ─┼ 32 × u16 ────┼ scales ──┤        u16: 9 bits point, 7 signs; a nibble of scale for each 16 elements
//! IQ2_S    0    2             34             66         74         82
//!          ├ d ─┼ 32 × u8 ────┼ 32 × signs ──┼ high ────┼ scales ──┤   high: two more bits of each point
//! ```

use super::grids::{IQ2_S, IQ2_VALUES, IQ2_XS, IQ2_XXS, digits8, even_signs, sign};
use crate::quant::BlockType;
use crate::quant::codec::decode_blocks;
use crate::quant::number::from_f16;

const N: usize = 256;
const GROUPS: usize = N / 8;
const XXS_BYTES: usize = BlockType::IQ2_XXS.block_bytes();
const XS_BYTES: usize = BlockType::IQ2_XS.block_bytes();
const S_BYTES: usize = BlockType::IQ2_S.block_bytes();
const _: () = assert!(XXS_BYTES == 2 + N / 4 && XS_BYTES == 2 + N / 4 + 8 && S_BYTES == 2 + N / 4 + 8 + 8);

/// Writes a group of eight.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, point: u16, signs: u8, scale: f32) {
    for (j, (o, digit)) in out.as_chunks_mut::<8>().0[g].iter_mut().zip(digits8(point)).enumerate() {
        *o = scale * f32::from(IQ2_VALUES[usize::from(digit)]) * sign(signs, j);
    }
}

/// The scale of a group from a nibble.
#[inline(always)]
fn scale(d: f32, nibble: u32) -> f32 {
    d * (0.5 + nibble as f32) * 0.25
}

pub(in crate::quant) fn decode_xxs(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<XXS_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for (i, part) in b[2..].as_chunks::<8>().0.iter().enumerate() {
            let word = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
            for l in 0..4 {
                let signs = even_signs((word >> (7 * l)) as u8);
                group(out, 4 * i + l, IQ2_XXS[usize::from(part[l])], signs, scale(d, word >> 28));
            }
        }
    });
}

pub(in crate::quant) fn decode_xs(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<XS_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let word = u16::from_le_bytes([b[2 + 2 * g], b[3 + 2 * g]]);
            let nibble = b[XS_BYTES - 8 + g / 4] >> (4 * (g / 2 % 2)) & 15;
            let signs = even_signs((word >> 9) as u8);
            group(out, g, IQ2_XS[usize::from(word & 511)], signs, scale(d, nibble.into()));
        }
    });
}

pub(in crate::quant) fn decode_s(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<S_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let high = usize::from(b[S_BYTES - 16 + g / 4] >> (2 * (g % 4)) & 3);
            let nibble = b[S_BYTES - 8 + g / 4] >> (4 * (g / 2 % 2)) & 15;
            let point = IQ2_S[usize::from(b[2 + g]) | high << 8];
            group(out, g, point, b[2 + GROUPS + g], scale(d, nibble.into()));
        }
    });
}
