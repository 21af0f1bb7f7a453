//! IQ1, IQ2, IQ3: x ≈ d·(2·code + 1)·u, u the points of a grid with their signs.
//!
//! The points stay the reference's. Codes and d are chosen again for them, from several d around the reference's on: with the
//! points fixed the error of a code follows from two sums over its sub-block.

use crate::quant::BlockType;
use crate::quant::codec::Decode;
use crate::quant::iq::{iq1, iq2, iq3};
use crate::quant::number::{from_f16, nearest_int, to_f16};
use crate::quant::simd::Rows;

/// Elements of a block.
const N: usize = 256;

/// The most sub-blocks with a code of their own.
const MOST_SUBS: usize = 16;

/// Where d and the codes of a format stand.
#[derive(Clone, Copy)]
struct Layout {
    /// Elements under a code, and bits of a code.
    sub: usize,
    bits: u32,
    decode: Decode,
    d: fn(&[u8]) -> f32,
    put_d: fn(&mut [u8], f32),
    /// (byte, first bit) of a code; a code may reach into the next byte.
    code: fn(usize) -> (usize, u32),
}

fn layout(ty: BlockType) -> Option<Layout> {
    let d: fn(&[u8]) -> f32 = |b| from_f16([b[0], b[1]]);
    let put_d: fn(&mut [u8], f32) = |b, d| b[..2].copy_from_slice(&to_f16(d));
    let nibbles = |decode, sub, code| Layout { sub, bits: 4, decode, d, put_d, code };
    Some(match ty {
        BlockType::IQ2_XXS => nibbles(iq2::decode_xxs, 32, |j| (2 + 8 * j + 7, 4)),
        BlockType::IQ2_XS => nibbles(iq2::decode_xs, 16, |j| (66 + j / 2, 4 * (j % 2) as u32)),
        BlockType::IQ2_S => nibbles(iq2::decode_s, 16, |j| (74 + j / 2, 4 * (j % 2) as u32)),
        BlockType::IQ3_XXS => nibbles(iq3::decode_xxs, 32, |j| (66 + 4 * j + 3, 4)),
        BlockType::IQ3_S => nibbles(iq3::decode_s, 32, |j| (106 + j / 2, 4 * (j % 2) as u32)),
        BlockType::IQ1_S => Layout { bits: 3, ..nibbles(iq1::decode_s, 32, |j| (34 + 2 * j + 1, 4)) },
        BlockType::IQ1_M => Layout {
            sub: 16,
            bits: 3,
            decode: iq1::decode_m,
            d: iq1_m_scale,
            put_d: put_iq1_m_scale,
            code: |j| (48 + 2 * (j / 4) + 3 * (j % 4) / 8, (3 * (j % 4) % 8) as u32),
        },
        _ => return None,
    })
}

/// The scale of an IQ1_M block: a nibble on top of each of its last four words.
fn iq1_m_scale(b: &[u8]) -> f32 {
    from_f16((0..4).fold(0u16, |d, i| d | u16::from(b[49 + 2 * i] >> 4) << (4 * i)).to_le_bytes())
}

fn put_iq1_m_scale(b: &mut [u8], d: f32) {
    let d = u16::from_le_bytes(to_f16(d));
    for i in 0..4 {
        let byte = &mut b[49 + 2 * i];
        *byte = (*byte & 15) | ((d >> (4 * i) & 15) as u8) << 4;
    }
}

/// Multiplies the scale of an IQ1_M block.
pub(super) fn scale_iq1_m(b: &mut [u8], factor: f32) {
    put_iq1_m_scale(b, iq1_m_scale(b) * factor);
}

/// Improves the formats with a grid.
#[inline(always)]
pub(super) fn grid(ty: BlockType, rows: Rows<'_>) {
    if let Some(layout) = layout(ty) {
        search(layout, ty.block_bytes(), rows);
    }
}

fn search(layout: Layout, bytes: usize, rows: Rows<'_>) {
    let Rows { x, cols, weights, dst, .. } = rows;
    let mut unit = [0f32; N];
    for (b, (x, out)) in x.as_chunks::<N>().0.iter().zip(dst.chunks_exact_mut(bytes)).enumerate() {
        let w = weights.map(|w| &w.as_chunks::<N>().0[b % (cols / N)]);
        let own = (layout.d)(out);
        let subs = N / layout.sub;
        (layout.put_d)(out, 1.0);
        for j in 0..subs {
            put_code(layout, out, j, 0);
        }
        (layout.decode)(out, &mut unit);
        let mut sums = [(0f32, 0f32); MOST_SUBS];
        for (j, s) in sums.iter_mut().enumerate().take(subs) {
            *s = moments(layout.sub, j, x, w, &unit);
        }
        let (d, codes) = best(own, &sums[..subs], (1 << layout.bits) - 1);
        (layout.put_d)(out, d);
        for j in 0..subs {
            put_code(layout, out, j, codes[j]);
        }
    }
}

fn put_code(layout: Layout, out: &mut [u8], j: usize, code: u8) {
    let (byte, bit) = (layout.code)(j);
    let mask = ((1u16 << layout.bits) - 1) << bit;
    let word = u16::from(code) << bit;
    out[byte] = (out[byte] & !(mask as u8)) | word as u8;
    if mask > 0xff {
        out[byte + 1] = (out[byte + 1] & !((mask >> 8) as u8)) | (word >> 8) as u8;
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
fn best(own: f32, sums: &[(f32, f32)], top: i32) -> (f32, [u8; MOST_SUBS]) {
    /// Starts at these multiples of the reference's d.
    const STARTS: [f32; 9] = [1.0, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3];
    let (mut best, mut found) = (f32::MAX, (own, [0; MOST_SUBS]));
    for start in STARTS {
        let mut d = from_f16(to_f16(own * start));
        for _ in 0..3 {
            let mut codes = [0u8; MOST_SUBS];
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
