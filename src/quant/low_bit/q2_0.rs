//! Q2_0: x ≈ d·(q − 1), d the largest magnitude of 64 elements.
//!
//! ```text
//! 0    2                18
//! ├ d ─┼ 16 bytes, 4×2 ─┤     d: f16; byte j holds elements 4·j … 4·j + 3 from low to high bits
//! ```

use super::ternary;
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};
use crate::quant::simd::{Isa, Rows, within};

const N: usize = 64;
const BYTES: usize = BlockType::Q2_0.block_bytes();
const _: () = assert!(BYTES == 2 + N / 4);

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let d = max_abs(x);
        let id = inverse_or_zero(d);
        write(out, d, &x.map(|v| level(round_away(v * id))));
    });
}

/// [`encode_row`] for many rows, compiled for the instruction set.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    for (b, x) in rows.blocks().iter().enumerate() {
        let d = within::max_abs(s, x);
        write(rows.out(b), d, &ternary(x, inverse_or_zero(d), level));
    }
}

#[inline(always)]
fn level(q: i32) -> u8 {
    (q + 1).clamp(0, 3) as u8
}

#[inline(always)]
fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
    out[..2].copy_from_slice(&to_f16(d));
    for (o, l) in out[2..].iter_mut().zip(l.as_chunks::<4>().0) {
        *o = l[0] | l[1] << 2 | l[2] << 4 | l[3] << 6;
    }
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let d = from_f16([b[0], b[1]]);
    let values = [-d, 0.0 * d, d, 2.0 * d];
    for (out, &q) in out.as_chunks_mut::<4>().0.iter_mut().zip(&b[2..]) {
        *out = [q & 3, q >> 2 & 3, q >> 4 & 3, q >> 6].map(|q| values[usize::from(q)]);
    }
}
