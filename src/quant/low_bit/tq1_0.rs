//! TQ1_0: x ≈ d·(t − 1), t a ternary digit, d the largest magnitude of 256 elements.
//!
//! ```text
//! 0                     32                    48                   52   54
//! ├ 32 bytes, 5 digits ─┼ 16 bytes, 5 digits ─┼ 4 bytes, 4 digits ─┼ d ─┤     d: f16
//! ```
//!
//! A byte holds its digits as the fraction 0.t₀t₁t₂t₃t₄ in base 3, times 256 and rounded up, so that multiplying by three
//! brings out digit after digit. Digits of a byte are elements one group width (32, 16, 4) apart.

use super::ternary::{self, Packing};
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::low_bit;
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::{Isa, Lanes};

const N: usize = 256;
const BYTES: usize = 32 + 16 + 4 + 2;

/// The format.
pub(in crate::quant) struct Tq1;

/// What brings each digit of a byte to its top.
const POWERS: [u8; 5] = [1, 3, 9, 27, 81];

/// (first byte, bytes = distance between a byte's digits, digits, first element) of each group.
const GROUPS: [(usize, usize, usize, usize); 3] = [(0, 32, 5, 0), (32, 16, 5, 160), (48, 4, 4, 240)];

impl Packing<N, BYTES> for Tq1 {
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
}

impl Codec<N, BYTES> for Tq1 {
    const IMPORTANCE: Importance = Importance::Ignored;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[BYTES - 2];

    fn encode(rows: Rows<'_>) {
        ternary::encode::<Self, N, BYTES>(rows);
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        ternary::encode_lanes::<Self, I, N, BYTES>(s, rows);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        for (at, width, digits, first) in GROUPS {
            for (n, power) in POWERS.into_iter().enumerate().take(digits) {
                for m in 0..width {
                    let digit = (u16::from(b[at + m].wrapping_mul(power)) * 3) >> 8;
                    out[first + n * width + m] = (i32::from(digit) - 1) as f32 * d;
                }
            }
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; BYTES], out: &mut [f32; N]) {
        let (d, one) = (s.splat(from_f16([b[BYTES - 2], b[BYTES - 1]])), s.splat(1.0));
        let out = out.as_chunks_mut::<16>().0;
        for (n, power) in POWERS.into_iter().enumerate() {
            for m in 0..2 {
                ((I::F::of_codes(s.bytes(&digits::<16>(&b[16 * m..], power))) - one) * d).store(&mut out[2 * n + m]);
            }
            ((I::F::of_codes(s.bytes(&digits::<16>(&b[32..], power))) - one) * d).store(&mut out[10 + n]);
        }
        let mut last = [0; 16];
        for (n, last) in last.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            last.copy_from_slice(&digits::<4>(&b[48..], POWERS[n]));
        }
        ((I::F::of_codes(s.bytes(&last)) - one) * d).store(&mut out[15]);
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        low_bit::search(rows, -1, 1, Self::write);
    }
}

/// One digit of each of the first `W` bytes.
#[inline(always)]
fn digits<const W: usize>(b: &[u8], power: u8) -> [u8; W] {
    let mut digits = [0; W];
    for (digit, b) in digits.iter_mut().zip(b) {
        *digit = ((u16::from(b.wrapping_mul(power)) * 3) >> 8) as u8;
    }
    digits
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
