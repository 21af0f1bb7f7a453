//! Q5_K: x ≈ (d·scale)·q − (dmin·min), levels of five bits.
//!
//! ```text
//! 0    2       4         16                   48                   176
//! ├ d ─┼ dmin ─┼ scales ─┼ 32 bytes top bits ─┼ 128 bytes nibbles ─┤     d, dmin: f16; scales: see `scales`
//! ```
//!
//! Bit k of top-bit byte j belongs to element 32·k + j.

use super::with_min::{self, HEADER, pack_nibbles, unpack_nibbles};
use super::{N, sub, sub_mut};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::search::Candidates;
use crate::quant::simd::{Isa, Rows};

const BYTES: usize = BlockType::Q5_K.block_bytes();
const HIGH: usize = HEADER + N / 8;
const _: () = assert!(BYTES == HIGH + N / 2);

const PLAIN: Candidates = Candidates { rmin: -0.5, rdelta: 0.1, steps: 15, absolute: false, weighted: false };

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, |x, importance, out| {
        let mut header = [0; HEADER];
        let l = with_min::encode(31, x, importance, PLAIN, &mut header);
        write(&header, &l, out);
    });
}

/// [`encode_row`] for many rows, a sub-block in each lane.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<S: Isa>(s: S, rows: Rows<'_>) {
    with_min::encode_lanes(s, 31, PLAIN, rows, |rows, b, header, l| write(header, l, rows.out(b)));
}

#[inline(always)]
pub(in crate::quant) fn write(header: &[u8; HEADER], l: &[u8; N], out: &mut [u8; BYTES]) {
    out[..HEADER].copy_from_slice(header);
    let high = &mut out[HEADER..HIGH];
    high.fill(0);
    for k in 0..8 {
        for (h, &l) in high.iter_mut().zip(sub::<32, _>(l, k)) {
            *h |= (l >> 4 & 1) << k;
        }
    }
    pack_nibbles(l, &mut out[HIGH..]);
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    if let Some((header, q)) = b.split_first_chunk() {
        let mut l = unpack_nibbles(&q[N / 8..]);
        for k in 0..8 {
            for (l, h) in sub_mut::<32, _>(&mut l, k).iter_mut().zip(q) {
                *l |= (h >> k & 1) << 4;
            }
        }
        with_min::decode(header, &l, out);
    }
}
