//! TQ2_0: x ≈ d·(q − 1), d the largest magnitude of 256 elements.
//!
//! ```text
//! 0                64   66
//! ├ 64 bytes, 4×2 ─┼ d ─┤     d: f16; byte 32·h + j holds elements 128·h + j, +32, +64, +96 from low to high bits
//! ```

use super::ternary;
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};
use crate::quant::simd::{Isa, Rows, within};

const N: usize = 256;
const BYTES: usize = BlockType::TQ2_0.block_bytes();
const _: () = assert!(BYTES == N / 4 + 2);

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
    ((q + 1) & 3) as u8
}

#[inline(always)]
fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
    for (l, out) in l.as_chunks::<128>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        for (j, o) in out.iter_mut().enumerate() {
            *o = l[j] | l[j + 32] << 2 | l[j + 64] << 4 | l[j + 96] << 6;
        }
    }
    out[BYTES - 2..].copy_from_slice(&to_f16(d));
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
    for (q, out) in b.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<128>().0) {
        for (n, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            for (o, &q) in out.iter_mut().zip(q) {
                *o = (i32::from(q >> (2 * n) & 3) - 1) as f32 * d;
            }
        }
    }
}
