//! IQ1, IQ2, IQ3: x ≈ d·(2·code + 1)·u, u the points of a grid with their signs.
//!
//! The points stay the reference's. Codes and d are chosen again for them, starting from several d around the reference's: with
//! the points fixed the error of a code follows from two sums over its sub-block.

use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, nearest_int, to_f16};

/// Elements of a block.
const N: usize = 256;

/// The largest number of sub-blocks with a code of their own.
const MAX_SUBS: usize = 16;

/// Where a format of `B` bytes stores d and the codes.
pub(in crate::quant) struct Layout<const B: usize> {
    /// Elements under a code.
    pub(in crate::quant) sub: usize,
    /// Bits of a code.
    pub(in crate::quant) bits: u32,
    /// Decodes a block.
    pub(in crate::quant) decode: fn(&[u8; B], &mut [f32; N]),
    /// Reads d.
    pub(in crate::quant) d: fn(&[u8; B]) -> f32,
    /// Writes d.
    pub(in crate::quant) put_d: fn(&mut [u8; B], f32),
    /// (byte, first bit) of a code; a code may extend into the next byte.
    pub(in crate::quant) code: fn(usize) -> (usize, u32),
}

impl<const B: usize> Layout<B> {
    /// The layout of a block that starts with d as an `f16`, with codes of four bits.
    pub(in crate::quant) const fn of_nibbles(
        sub: usize,
        decode: fn(&[u8; B], &mut [f32; N]),
        code: fn(usize) -> (usize, u32),
    ) -> Self {
        let d: fn(&[u8; B]) -> f32 = |b| from_f16([b[0], b[1]]);
        let put_d: fn(&mut [u8; B], f32) = |b, d| b[..2].copy_from_slice(&to_f16(d));
        Self { sub, bits: 4, decode, d, put_d, code }
    }

    fn put_code(&self, out: &mut [u8; B], j: usize, code: u8) {
        let (byte, bit) = (self.code)(j);
        let mask = ((1u16 << self.bits) - 1) << bit;
        let word = u16::from(code) << bit;
        out[byte] = (out[byte] & !(mask as u8)) | word as u8;
        if mask > 0xff {
            out[byte + 1] = (out[byte + 1] & !((mask >> 8) as u8)) | (word >> 8) as u8;
        }
    }
}

/// Searches every block.
pub(in crate::quant) fn search<const B: usize>(layout: &Layout<B>, mut rows: Rows<'_>) {
    let mut unit = [0f32; N];
    for (b, x) in rows.blocks::<N>().iter().enumerate() {
        let w = rows.importance::<N>(b);
        let out = rows.out::<B>(b);
        let own = (layout.d)(out);
        let subs = N / layout.sub;
        (layout.put_d)(out, 1.0);
        for j in 0..subs {
            layout.put_code(out, j, 0);
        }
        (layout.decode)(out, &mut unit);
        let mut sums = [(0f32, 0f32); MAX_SUBS];
        for (j, s) in sums.iter_mut().enumerate().take(subs) {
            *s = moments(layout.sub, j, x, w, &unit);
        }
        let (d, codes) = best(own, &sums[..subs], (1 << layout.bits) - 1);
        (layout.put_d)(out, d);
        for j in 0..subs {
            layout.put_code(out, j, codes[j]);
        }
    }
}

/// Σ w·x·u and Σ w·u² of sub-block `j`.
fn moments(sub: usize, j: usize, x: &[f32; N], w: Option<&[f32; N]>, unit: &[f32; N]) -> (f32, f32) {
    const LANES: usize = 8;
    let (mut xu, mut u2) = ([0f32; LANES], [0f32; LANES]);
    let at = j * sub..(j + 1) * sub;
    let (x, u) = (x[at.clone()].as_chunks::<LANES>().0, unit[at.clone()].as_chunks::<LANES>().0);
    for (g, (x, u)) in x.iter().zip(u).enumerate() {
        let w = w.map_or(&[1.0; LANES], |w| &w[at.clone()].as_chunks::<LANES>().0[g]);
        for i in 0..LANES {
            let wu = w[i] * u[i];
            xu[i] += wu * x[i];
            u2[i] += wu * u[i];
        }
    }
    (xu.iter().sum(), u2.iter().sum())
}

/// The best d and codes for the sums of the sub-blocks.
fn best(own: f32, sums: &[(f32, f32)], top: i32) -> (f32, [u8; MAX_SUBS]) {
    /// Starts at these multiples of the reference's d.
    const STARTS: [f32; 9] = [1.0, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3];
    let (mut best, mut found) = (f32::MAX, (own, [0; MAX_SUBS]));
    for start in STARTS {
        let mut d = from_f16(to_f16(own * start));
        for _ in 0..3 {
            let mut codes = [0u8; MAX_SUBS];
            let (mut error, mut xa, mut aa) = (0f32, 0f32, 0f32);
            for (code, &(xu, u2)) in codes.iter_mut().zip(sums) {
                // The error is a parabola in d·(2·code + 1) with its minimum at xu / u2.
                *code = nearest_int(0.5 * (xu / (u2 * d) - 1.0)).clamp(0, top) as u8;
                let a = f32::from(2 * *code + 1);
                error += d * a * (d * a * u2 - 2.0 * xu);
                xa += a * xu;
                aa += a * a * u2;
            }
            if error < best {
                (best, found) = (error, (d, codes));
            }
            let next = from_f16(to_f16(xa / aa));
            if next == d || !next.is_finite() {
                break;
            }
            d = next;
        }
    }
    found
}
