//! Q3_K: x ≈ d·(scale − 32)·(q − 4), sixteen sub-blocks of 16, levels of three bits.
//!
//! ```text
//! 0                   32               96        108  110
//! ├ 32 bytes top bit ─┼ 64 bytes, 4×2 ─┼ scales ─┼ d ─┤     d: f16; levels: see `two_bits`; scales: see `scales`
//! ```
//!
//! Bit k of top-bit byte j belongs to element 32·k + j.

use super::scales::{pack16, unpack16};
use super::{N, mean_square, sub, sub_mut, sum, two_bits, weighted};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, nearest_int, signed_max_abs, to_f16};
use crate::quant::search::{symmetric, symmetric_3bit};

const S: usize = 16;
const SUBS: usize = N / S;
const BYTES: usize = BlockType::Q3_K.block_bytes();
const LEVELS: usize = N / 8;
const SCALES: usize = LEVELS + N / 4;
const _: () = assert!(BYTES == SCALES + 12 + 2);

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, encode_block);
}

fn encode_block(x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; BYTES]) {
    let mut l = [0u8; N];
    let mut scales = [0f32; SUBS];
    let mut q_scales = [0u8; SUBS];
    let d = match importance {
        None => {
            for j in 0..SUBS {
                scales[j] = symmetric_3bit(4, sub::<S, _>(x, j), sub_mut(&mut l, j));
            }
            let max = signed_max_abs(&scales);
            if max == 0.0 {
                0.0
            } else {
                let inverse = -32.0 / max;
                q_scales = scales.map(|s| ((nearest_int(inverse * s) as i8).clamp(-32, 31) + 32) as u8);
                1.0 / inverse
            }
        }
        Some(importance) => {
            let floor = mean_square(x, 2.0);
            let mut weight_sums = [0f32; SUBS];
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let w = weighted(x, sub(importance, j), floor);
                weight_sums[j] = sum(&w);
                scales[j] = symmetric(4, x, &w, sub_mut(&mut l, j));
            }
            symmetric(32, &scales, &weight_sums, &mut q_scales)
        }
    };
    let d = to_f16(d);
    out[SCALES..SCALES + 12].copy_from_slice(&pack16(&q_scales));
    out[SCALES + 12..].copy_from_slice(&d);
    let d = from_f16(d);
    for j in 0..SUBS {
        let d = d * (i32::from(q_scales[j]) - 32) as f32;
        if d != 0.0 {
            for (l, &v) in sub_mut::<S, _>(&mut l, j).iter_mut().zip(sub::<S, _>(x, j)) {
                *l = (nearest_int(v / d).clamp(-4, 3) + 4) as u8;
            }
        }
    }
    let top = &mut out[..LEVELS];
    top.fill(0);
    for k in 0..8 {
        for (t, &l) in top.iter_mut().zip(sub::<32, _>(&l, k)) {
            *t |= (l >> 2 & 1) << k;
        }
    }
    if let Some(q) = out[LEVELS..].first_chunk_mut() {
        two_bits::pack(&l, q);
    }
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        let (Some(q), Some(scales)) = (b[LEVELS..].first_chunk(), b[SCALES..].first_chunk()) else { return };
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        let (l, scales) = (two_bits::unpack(q), unpack16(scales));
        for (j, scale) in scales.into_iter().enumerate() {
            let d = d * (i32::from(scale) - 32) as f32;
            let top = &b[S * (j % 2)..];
            for ((o, &q), t) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(&l, j)).zip(top) {
                *o = d * (i32::from(q) - if t >> (j / 2) & 1 == 0 { 4 } else { 0 }) as f32;
            }
        }
    });
}
