//! Q4_K: x ≈ (d·scale)·q − (dmin·min), levels of four bits.
//!
//! ```text
//! 0    2       4         16                   144
//! ├ d ─┼ dmin ─┼ scales ─┼ 128 bytes nibbles ─┤     d, dmin: f16; scales: see `scales`
//! ```

use super::N;
use super::with_min::{self, HEADER, pack_nibbles, unpack_nibbles};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::search::Candidates;
use crate::quant::simd::{Isa, Rows};

const BYTES: usize = BlockType::Q4_K.block_bytes();
const _: () = assert!(BYTES == HEADER + N / 2);

const PLAIN: Candidates = Candidates { rmin: -1.0, rdelta: 0.1, steps: 20, absolute: false, weighted: false };

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, |x, importance, out| {
        let mut header = [0; HEADER];
        let l = with_min::encode(15, x, importance, PLAIN, &mut header);
        write(&header, &l, out);
    });
}

/// [`encode_row`] for many rows, a sub-block in each lane.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<S: Isa>(s: S, rows: Rows<'_>) {
    with_min::encode_lanes(s, 15, PLAIN, rows, |rows, b, header, l| write(header, l, rows.out(b)));
}

#[inline(always)]
pub(in crate::quant) fn write(header: &[u8; HEADER], l: &[u8; N], out: &mut [u8; BYTES]) {
    out[..HEADER].copy_from_slice(header);
    pack_nibbles(l, &mut out[HEADER..]);
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    if let Some((header, q)) = b.split_first_chunk() {
        with_min::decode(header, &unpack_nibbles(q), out);
    }
}
