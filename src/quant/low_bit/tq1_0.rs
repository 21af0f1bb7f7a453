//! TQ1_0: x ≈ d·(t − 1), t a ternary digit, d the largest magnitude of 256 elements.
//!
//! ```text
//! 0                     32                    48                   52   54
//! ├ 32 bytes, 5 digits ─┼ 16 bytes, 5 digits ─┼ 4 bytes, 4 digits ─┼ d ─┤     d: f16
//! ```
//!
//! A byte holds its digits as the fraction 0.t₀t₁t₂t₃t₄ in base 3, times 256 and rounded up, so that multiplying by three
//! brings out digit after digit. Digits of a byte are elements one group width (32, 16, 4) apart.

use super::ternary;
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};
use crate::quant::simd::{Isa, Rows, within};

const N: usize = 256;
const BYTES: usize = BlockType::TQ1_0.block_bytes();
const _: () = assert!(BYTES == 32 + 16 + 4 + 2);

/// (first byte, bytes = distance between a byte's digits, digits, first element) of each group.
const GROUPS: [(usize, usize, usize, usize); 3] = [(0, 32, 5, 0), (32, 16, 5, 160), (48, 4, 4, 240)];

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
    (q + 1) as u8
}

#[inline(always)]
fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
    pack::<32, 5>(l, &mut out[..32]);
    pack::<16, 5>(&l[160..], &mut out[32..48]);
    pack::<4, 4>(&l[240..], &mut out[48..52]);
    out[BYTES - 2..].copy_from_slice(&to_f16(d));
}

/// Packs `W` bytes of `D` digits each.
#[inline(always)]
fn pack<const W: usize, const D: usize>(l: &[u8], out: &mut [u8]) {
    let mut q = [0u8; W];
    for n in 0..D {
        for m in 0..W {
            q[m] = q[m].wrapping_mul(3).wrapping_add(l[n * W + m]);
        }
    }
    for (o, &q) in out.iter_mut().zip(&q) {
        let q = if D == 4 { q.wrapping_mul(3) } else { q };
        *o = (u16::from(q) * 256).wrapping_add(242).div_euclid(243) as u8;
    }
}

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        for (at, width, digits, first) in GROUPS {
            for (n, power) in POWERS.into_iter().enumerate().take(digits) {
                for m in 0..width {
                    let digit = (u16::from(b[at + m].wrapping_mul(power)) * 3) >> 8;
                    out[first + n * width + m] = (i32::from(digit) - 1) as f32 * d;
                }
            }
        }
    });
}
