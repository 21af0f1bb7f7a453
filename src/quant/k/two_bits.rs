//! Levels of two bits, four in a byte: byte 32·h + j holds elements 128·h + j, +32, +64, +96 from low to high bits.

use super::super_block::N;
use crate::quant::simd::{Isa, Lanes};

/// Packs the low two bits of each level.
#[inline(always)]
pub(super) fn pack(l: &[u8; N], out: &mut [u8; N / 4]) {
    for (l, out) in l.as_chunks::<128>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        for (j, o) in out.iter_mut().enumerate() {
            *o = (l[j] & 3) | (l[j + 32] & 3) << 2 | (l[j + 64] & 3) << 4 | (l[j + 96] & 3) << 6;
        }
    }
}

/// The levels of the sub-block `j` of sixteen elements, in lanes.
#[inline(always)]
pub(super) fn of_sub<I: Isa>(s: I, q: &[u8], j: usize) -> <I::F as Lanes>::Codes {
    I::F::bits_of(s.bytes(&q[32 * (j / 8) + 16 * (j % 2)..]), 2 * (j / 2 % 4) as u32, 3)
}

/// Inverse of [`pack`].
#[inline(always)]
pub(super) fn unpack(q: &[u8; N / 4]) -> [u8; N] {
    let mut l = [0; N];
    for (q, l) in q.as_chunks::<32>().0.iter().zip(l.as_chunks_mut::<128>().0) {
        for (j, &q) in q.iter().enumerate() {
            l[j] = q & 3;
            l[j + 32] = q >> 2 & 3;
            l[j + 64] = q >> 4 & 3;
            l[j + 96] = q >> 6;
        }
    }
    l
}
