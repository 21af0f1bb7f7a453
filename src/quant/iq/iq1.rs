//! IQ1_S, IQ1_M: x ≈ d·(2·scale + 1)·(t ± ⅛), groups of eight digits −1, 0, 1 from a grid.
//!
//! ```text
//! IQ1_S  0    2           34            50
//!        ├ d ─┼ 32 × u8 ──┼ 8 × u16 ────┤    u16: 4 × 3 high bits of points, 3 bits scale, sign of the shift
//! IQ1_M  0           32            48           56
//!        ├ 32 × u8 ──┼ 16 × u8 ────┼ 4 × u16 ───┤
//!        u8: two nibbles, each 3 high bits of a point and the sign of its shift
//!        u16: 4 × 3 bits scale of 16 elements, then four bits of d (f16), lowest first
//! ```

use super::grids::{IQ1, digits8};
use super::ternary::{MINUS, PLUS, SHIFT, Split, points_of, sort, sums_of};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, max_abs, nearest_int, sum_of_squares, to_f16};

const N: usize = 256;
const GROUPS: usize = N / 8;
const S_BYTES: usize = BlockType::IQ1_S.block_bytes();
const M_BYTES: usize = BlockType::IQ1_M.block_bytes();
const _: () = assert!(S_BYTES == 2 + GROUPS + 16 && M_BYTES == GROUPS + 16 + 8);

/// Writes a group of eight.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, point: usize, negative: bool, scale: f32) {
    let shift = if negative { -SHIFT } else { SHIFT };
    for (o, digit) in out.as_chunks_mut::<8>().0[g].iter_mut().zip(digits8(IQ1[point])) {
        *o = scale * ((i32::from(digit) - 1) as f32 + shift);
    }
}

pub(in crate::quant) fn decode_s(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<S_BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let at = 2 + GROUPS + g / 4 * 2;
            let word = usize::from(u16::from_le_bytes([b[at], b[at + 1]]));
            let point = usize::from(b[2 + g]) | (word >> (3 * (g % 4)) & 7) << 8;
            group(out, g, point, word & 0x8000 != 0, d * (2 * (word >> 12 & 7) + 1) as f32);
        }
    });
}

pub(in crate::quant) fn decode_m(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<M_BYTES, N>(src, dst, |b, out| {
        let word = |i: usize| u16::from_le_bytes([b[M_BYTES - 8 + 2 * i], b[M_BYTES - 7 + 2 * i]]);
        let d = (0..4).fold(0u16, |d, i| d | (word(i) >> 12) << (4 * i));
        let d = from_f16(d.to_le_bytes());
        for g in 0..GROUPS {
            let nibble = usize::from(b[GROUPS + g / 2] >> (4 * (g % 2)) & 15);
            let point = usize::from(b[g]) | (nibble & 7) << 8;
            let scale = word(g / 8) >> (3 * (g / 2 % 4)) & 7;
            group(out, g, point, nibble & 8 != 0, d * f32::from(2 * scale + 1));
        }
    });
}

/// Weights of a sub-block's elements.
fn weights<const S: usize>(x: &[f32; S], importance: Option<&[f32; S]>, floor: f32) -> [f32; S] {
    match importance {
        Some(w) => std::array::from_fn(|i| w[i] * (floor + x[i] * x[i]).sqrt()),
        None => x.map(|v| v * v),
    }
}

pub(in crate::quant) fn encode_row_s(x: &[f32], weights_row: Option<&[f32]>, dst: &mut [u8]) {
    const ALL_ZERO: f32 = 1e-12;
    encode_blocks::<N, S_BYTES>(x, weights_row, dst, |x, importance, out| {
        *out = [0; S_BYTES];
        let floor = 2.0 * sum_of_squares(x) / N as f32;
        let (mut scales, mut minus, mut max) = ([0f32; 8], [false; 8], 0f32);
        let mut words = [0u16; 8];
        for (j, x) in x.as_chunks::<32>().0.iter().enumerate() {
            let w = weights(x, importance.map(|w| &w.as_chunks::<32>().0[j]), floor);
            if max_abs(x) < ALL_ZERO {
                continue;
            }
            let order = sort(x);
            let Some((mut split, shift)) = best_split(x, &w, &order) else { continue };
            minus[j] = split.turn_positive() != (shift == MINUS);
            let shift = if minus[j] { MINUS } else { PLUS };
            let digits = split.digits(&order);
            let points: [u16; 4] = points_of(x, &w, &digits, split.scale, [shift; 4], &mut scales[j]);
            for (k, point) in points.into_iter().enumerate() {
                out[2 + 4 * j + k] = point as u8;
                words[j] |= (point >> 8) << (3 * k);
            }
            max = if max > scales[j] { max } else { scales[j] };
        }
        let mut codes = [0u16; 8];
        if max != 0.0 {
            let d = max / 15.0;
            let id = 1.0 / d;
            // The factor is the reference's: it lowers the error a little.
            out[..2].copy_from_slice(&to_f16(d * 1.125));
            codes = std::array::from_fn(|j| {
                let l = nearest_int(0.5 * (id * scales[j] - 1.0)).clamp(0, 7) as u16;
                l | u16::from(minus[j]) << 3
            });
        }
        for (j, word) in words.into_iter().enumerate() {
            out[2 + GROUPS + 2 * j..][..2].copy_from_slice(&(word | codes[j] << 12).to_le_bytes());
        }
    });
}

/// The best split of a sub-block of 32 with one shift for all, over every pair of cuts in the sorted order.
fn best_split(x: &[f32; 32], w: &[f32; 32], order: &[u8; 32]) -> Option<(Split, [f32; 3])> {
    const S: usize = 32;
    let (mut sx, mut sw) = ([0f32; S + 1], [0f32; S + 1]);
    for (j, &i) in order.iter().enumerate() {
        let i = usize::from(i);
        sx[j + 1] = sx[j] + w[i] * x[i];
        sw[j + 1] = sw[j] + w[i];
    }
    let (mut best, mut score) = (None, -f32::MAX);
    for i in 0..=S {
        for j in i..=S {
            let (x0, x1, x2) = (sx[i] - sx[0], sx[j] - sx[i], sx[S] - sx[j]);
            let (w0, w1, w2) = (sw[i] - sw[0], sw[j] - sw[i], sw[S] - sw[j]);
            for v in [PLUS, MINUS] {
                let qx = x0 * v[0] + x1 * v[1] + x2 * v[2];
                let q2 = w0 * v[0] * v[0] + w1 * v[1] * v[1] + w2 * v[2] * v[2];
                if q2 > 0.0 && qx * qx > score * q2 {
                    let scale = qx / q2;
                    score = scale * qx;
                    best = Some((Split { cuts: (i, j), scale, turned: false }, v));
                }
            }
        }
    }
    best
}

pub(in crate::quant) fn encode_row_m(x: &[f32], weights_row: Option<&[f32]>, dst: &mut [u8]) {
    const ALL_ZERO: f32 = 1e-7;
    /// Sign bits of the shifts of both groups, for each pair of signs.
    const SIGNS: [u8; 4] = [0x00, 0x80, 0x08, 0x88];
    encode_blocks::<N, M_BYTES>(x, weights_row, dst, |x, importance, out| {
        *out = [0; M_BYTES];
        let floor = 2.0 * sum_of_squares(x) / N as f32;
        let (mut scales, mut signs, mut max) = ([0f32; 16], [0usize; 16], 0f32);
        let mut points = [[0u16; 2]; 16];
        let subs = x.as_chunks::<16>().0;
        let w: [[f32; 16]; 16] =
            std::array::from_fn(|j| weights(&subs[j], importance.map(|w| &w.as_chunks::<16>().0[j]), floor));
        for (j, x) in subs.iter().enumerate() {
            if max_abs(x) < ALL_ZERO {
                continue;
            }
            let order = sort(x);
            let Some((mut split, pair)) = best_split_of_halves(x, &w[j], &order) else { continue };
            signs[j] = if split.turn_positive() { 3 - pair } else { pair };
            let digits = split.digits(&order);
            points[j] = points_of(x, &w[j], &digits, split.scale, shifts(signs[j]), &mut scales[j]);
            out[2 * j] = points[j][0] as u8;
            out[2 * j + 1] = points[j][1] as u8;
            out[GROUPS + j] = (points[j][0] >> 8 | (points[j][1] >> 8) << 4) as u8;
            max = if max > scales[j] { max } else { scales[j] };
        }
        if max == 0.0 {
            return;
        }
        let id = 1.0 / (max / 15.0);
        let mut words = [0u16; 4];
        let mut sums = (0f32, 0f32);
        for j in 0..16 {
            let l = nearest_int(0.5 * (id * scales[j] - 1.0)).clamp(0, 7);
            words[j / 4] |= (l as u16) << (3 * (j % 4));
            out[GROUPS + j] |= SIGNS[signs[j]];
            sums_of(&subs[j], &w[j], points[j], shifts(signs[j]), (2 * l + 1) as f32, &mut sums);
        }
        let d = if sums.1 > 0.0 { sums.0 / sums.1 } else { max / 15.0 };
        // The factor is the reference's: it lowers the error a little.
        let d = u16::from_le_bytes(to_f16(d * 1.1125));
        for (i, word) in words.into_iter().enumerate() {
            let word = word | (d >> (4 * i) & 15) << 12;
            out[M_BYTES - 8 + 2 * i..][..2].copy_from_slice(&word.to_le_bytes());
        }
    });
}

/// The shifts of both halves for a pair of signs: ++, +−, −+, −−.
fn shifts(pair: usize) -> [[f32; 3]; 2] {
    [if pair < 2 { PLUS } else { MINUS }, if pair.is_multiple_of(2) { PLUS } else { MINUS }]
}

/// The best split of a sub-block of 16 whose halves may have different shifts; gives the pair of signs too.
fn best_split_of_halves(x: &[f32; 16], w: &[f32; 16], order: &[u8; 16]) -> Option<(Split, usize)> {
    const S: usize = 16;
    let (mut px, mut pw) = ([[0f32; S + 1]; 2], [[0f32; S + 1]; 2]);
    for (j, &i) in order.iter().enumerate() {
        let i = usize::from(i);
        let h = i / 8;
        px[h][j + 1] = px[h][j] + w[i] * x[i];
        pw[h][j + 1] = pw[h][j] + w[i];
        px[1 - h][j + 1] = px[1 - h][j];
        pw[1 - h][j + 1] = pw[1 - h][j];
    }
    // Neighbouring values differ by one for either shift, so a sum over three groups needs only the cuts.
    let change = |v: [f32; 3]| (v[0] * v[0] - v[1] * v[1], v[1] * v[1] - v[2] * v[2]);
    let (mut best, mut score) = (None, -f32::MAX);
    for i in 0..=S {
        for j in i..=S {
            let of = |h: usize, v: [f32; 3]| {
                let (c1, c2) = change(v);
                let qx = px[h][S] * v[2] - (px[h][i] + px[h][j]);
                (qx, pw[h][S] * v[2] * v[2] + pw[h][i] * c1 + pw[h][j] * c2)
            };
            for pair in 0..4 {
                let [first, second] = shifts(pair);
                let (a, b) = (of(0, first), of(1, second));
                let (qx, q2) = (a.0 + b.0, a.1 + b.1);
                if q2 > 0.0 && qx * qx > score * q2 {
                    let scale = qx / q2;
                    score = scale * qx;
                    best = Some((Split { cuts: (i, j), scale, turned: false }, pair));
                }
            }
        }
    }
    best
}
