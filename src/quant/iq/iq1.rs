//! IQ1_S, IQ1_M: x ≈ d·(2·scale + 1)·(t ± ⅛), groups of eight digits −1, 0, 1 from a grid. Reading only.
//!
//! ```text
//! IQ1_S  0    2           34            50
//!        ├ d ─┼ 32 × u8 ──┼ 8 × u16 ────┤    u16: 4 × 3 high bits of points, 3 bits scale, sign of the shift
//! IQ1_M  0           32            48           56
//!        ├ 32 × u8 ──┼ 16 × u8 ────┼ 4 × u16 ───┤
//!        u8: two nibbles, each 3 high bits of a point and the sign of its shift
//!        u16: 4 × 3 bits scale of 16 elements, then four bits of d (f16), lowest first
//! ```

use super::grids::{IQ1, digits8};
use crate::quant::BlockType;
use crate::quant::codec::decode_blocks;
use crate::quant::number::from_f16;

const N: usize = 256;
const GROUPS: usize = N / 8;
const SHIFT: f32 = 0.125;
const S_BYTES: usize = BlockType::IQ1_S.block_bytes();
const M_BYTES: usize = BlockType::IQ1_M.block_bytes();
const _: () = assert!(S_BYTES == 2 + GROUPS + 16 && M_BYTES == GROUPS + 16 + 8);

/// Writes a group of eight.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, point: usize, negative: bool, scale: f32) {
    let shift = if negative { -SHIFT } else { SHIFT };
    for (o, digit) in out.as_chunks_mut::<8>().0[g].iter_mut().zip(digits8(IQ1[point])) {
        *o = scale * ((i32::from(digit) - 1) as f32 + shift);
    }
}

pub(in crate::quant) fn decode_s(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<S_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let at = 2 + GROUPS + g / 4 * 2;
            let word = usize::from(u16::from_le_bytes([b[at], b[at + 1]]));
            let point = usize::from(b[2 + g]) | (word >> (3 * (g % 4)) & 7) << 8;
            group(out, g, point, word & 0x8000 != 0, d * (2 * (word >> 12 & 7) + 1) as f32);
        }
    });
}

pub(in crate::quant) fn decode_m(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<M_BYTES, N>(src, dst, |b, out| {
        let word = |i: usize| u16::from_le_bytes([b[M_BYTES - 8 + 2 * i], b[M_BYTES - 7 + 2 * i]]);
        let d = (0..4).fold(0u16, |d, i| d | (word(i) >> 12) << (4 * i));
        let d = from_f16(d.to_le_bytes());
        for g in 0..GROUPS {
            let nibble = usize::from(b[GROUPS + g / 2] >> (4 * (g % 2)) & 15);
            let point = usize::from(b[g]) | (nibble & 7) << 8;
            let scale = word(g / 8) >> (3 * (g / 2 % 4)) & 7;
            group(out, g, point, nibble & 8 != 0, d * f32::from(2 * scale + 1));
        }
    });
}
