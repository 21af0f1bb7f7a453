//! Q4_1: x ≈ d·q + m.
//!
//! ```text
//! 0    2    4                   20
//! ├ d ─┼ m ─┼ 16 bytes nibbles ─┤     d, m: f16
//! ```

use super::{N, WEIGHTED, affine_lanes, block_weights, mean_square, pack_nibbles, unpack_nibbles};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{c_int, from_f16, inverse_or_zero, min_max, to_f16};
use crate::quant::search::affine;
use crate::quant::simd::{Isa, Rows, within};

const BYTES: usize = BlockType::Q4_1.block_bytes();
const _: () = assert!(BYTES == 2 + 2 + N / 2);

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    let floor = if weights.is_some() { mean_square(x) } else { 0.0 };
    encode_part(x, weights, floor, dst);
}

/// [`encode_row`] for a part of a row whose mean square is `floor`.
pub(in crate::quant) fn encode_part(x: &[f32], weights: Option<&[f32]>, floor: f32, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, |x, importance, out| {
        let mut l = [0u8; N];
        let (d, m) = match importance {
            None => plain(x, &mut l),
            Some(w) => {
                let found = affine(15, x, &block_weights(x, w, floor), &mut l, WEIGHTED);
                (found.scale, -found.min)
            }
        };
        write(out, d, m, &l);
    });
}

/// [`encode_row`] for many rows: with weights a block in each lane, else with the lanes inside a block.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    if rows.weights.is_some() {
        return affine_lanes(s, 15, rows, write);
    }
    for (b, x) in rows.blocks().iter().enumerate() {
        let (min, max) = within::min_max(s, x);
        let d = (max - min) / 15.0;
        let (id, half, offset) = (s.splat(inverse_or_zero(d)), s.splat(0.5), s.splat(min));
        let mut l = [0u8; N];
        within::cut(s, x, &mut l, |v| (v - offset) * id + half);
        for l in &mut l {
            *l = (*l as i8).min(15) as u8;
        }
        write(rows.out(b), d, min, &l);
    }
}

#[inline(always)]
pub(in crate::quant) fn write(out: &mut [u8; BYTES], d: f32, m: f32, l: &[u8; N]) {
    out[..2].copy_from_slice(&to_f16(d));
    out[2..4].copy_from_slice(&to_f16(m));
    pack_nibbles(l, &mut out[4..]);
}

#[inline(always)]
fn plain(x: &[f32; N], l: &mut [u8; N]) -> (f32, f32) {
    let (min, max) = min_max(x);
    let d = (max - min) / 15.0;
    let id = inverse_or_zero(d);
    for (l, &v) in l.iter_mut().zip(x) {
        *l = (c_int((v - min) * id + 0.5) as i8).min(15) as u8;
    }
    (d, min)
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let (d, m) = (from_f16([b[0], b[1]]), from_f16([b[2], b[3]]));
    for (o, q) in out.iter_mut().zip(unpack_nibbles(&b[4..])) {
        *o = f32::from(q) * d + m;
    }
}
