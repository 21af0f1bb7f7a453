//! Q5_0: x ≈ d·(q − 16).
//!
//! ```text
//! 0    2               6                   22
//! ├ d ─┼ 32 high bits ─┼ 16 bytes nibbles ─┤     d: f16
//! ```

use super::{
    N, add_fifth_bits, block_weights, mean_square, pack_fifth_bits, pack_nibbles, symmetric_lanes, unpack_nibbles,
};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{c_int, from_f16, inverse_or_zero, signed_max_abs, to_f16};
use crate::quant::search::symmetric;
use crate::quant::simd::{Isa, Rows, within};

const BYTES: usize = BlockType::Q5_0.block_bytes();
const _: () = assert!(BYTES == 2 + 4 + N / 2);

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    let floor = if weights.is_some() { mean_square(x) } else { 0.0 };
    encode_part(x, weights, floor, dst);
}

/// [`encode_row`] for a part of a row whose mean square is `floor`.
pub(in crate::quant) fn encode_part(x: &[f32], weights: Option<&[f32]>, floor: f32, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, |x, importance, out| {
        let mut l = [0u8; N];
        let d = match importance {
            None => plain(x, &mut l),
            Some(w) => symmetric(16, x, &block_weights(x, w, floor), &mut l),
        };
        write(out, d, &l);
    });
}

/// [`encode_row`] for many rows: with weights a block in each lane, else with the lanes inside a block.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    if rows.weights.is_some() {
        return symmetric_lanes(s, 16, rows, write);
    }
    for (b, x) in rows.blocks().iter().enumerate() {
        let d = within::signed_max_abs(s, x) / -16.0;
        let (id, half) = (s.splat(inverse_or_zero(d)), s.splat(16.5));
        let mut l = [0u8; N];
        within::cut(s, x, &mut l, |v| v * id + half);
        for l in &mut l {
            *l = (*l as i8).min(31) as u8;
        }
        write(rows.out(b), d, &l);
    }
}

#[inline(always)]
pub(in crate::quant) fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
    out[..2].copy_from_slice(&to_f16(d));
    out[2..6].copy_from_slice(&pack_fifth_bits(l));
    pack_nibbles(l, &mut out[6..]);
}

#[inline(always)]
fn plain(x: &[f32; N], l: &mut [u8; N]) -> f32 {
    let d = signed_max_abs(x) / -16.0;
    let id = inverse_or_zero(d);
    for (l, &v) in l.iter_mut().zip(x) {
        *l = (c_int(v * id + 16.5) as i8).min(31) as u8;
    }
    d
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let d = from_f16([b[0], b[1]]);
    let mut l = unpack_nibbles(&b[6..]);
    add_fifth_bits(&mut l, [b[2], b[3], b[4], b[5]]);
    for (o, q) in out.iter_mut().zip(l) {
        *o = (i32::from(q) - 16) as f32 * d;
    }
}
