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
use super::split_lanes::{BestSplit, OneShift, ShiftOfHalves};
use super::ternary::{Found, MINUS, PLUS, SHIFT, Split, points_of, sort, sums_of};
use super::ternary_lanes::search_lanes;
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::grid::{self, Layout};
use crate::quant::number::{from_f16, max_abs, nearest_int, sum_of_squares, to_f16};
use crate::quant::simd::{Isa, Lanes, MAX_LANES};

const N: usize = 256;
const GROUPS: usize = N / 8;
const S_BYTES: usize = 2 + GROUPS + 16;
const M_WORDS: usize = GROUPS + 16;
const M_BYTES: usize = M_WORDS + 8;

/// A sub-block whose largest magnitude is smaller counts as all zero.
const S_ALL_ZERO: f32 = 1e-12;
const M_ALL_ZERO: f32 = 1e-7;

/// IQ1_S.
pub(in crate::quant) struct Iq1S;

impl Codec<N, S_BYTES> for Iq1S {
    const IMPORTANCE: Importance = Importance::Required;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x: &[f32; N], importance: Option<&[f32; N]>, out| {
            let floor = floor(x);
            let found = std::array::from_fn(|j| {
                let x = &x.as_chunks::<32>().0[j];
                if max_abs(x) < S_ALL_ZERO {
                    return None;
                }
                let w = weights(x, importance.map(|w| &w.as_chunks::<32>().0[j]), floor);
                let order = sort(x);
                let (mut split, shift) = best_split(x, &w, &order)?;
                let minus = split.turn_positive() != (shift == MINUS);
                Some(points_of(x, &w, &split.digits(&order), split.scale, [minus; 4]))
            });
            write_s(out, &found);
        });
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        encode_lanes::<I, OneShift, 32, 4, 8, S_BYTES>(s, rows, S_ALL_ZERO, |out, found, _, _| write_s(out, found));
    }

    #[inline(always)]
    fn decode_block(b: &[u8; S_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let at = 2 + GROUPS + g / 4 * 2;
            let word = usize::from(u16::from_le_bytes([b[at], b[at + 1]]));
            let point = usize::from(b[2 + g]) | (word >> (3 * (g % 4)) & 7) << 8;
            group(out, g, point, word & 0x8000 != 0, d * (2 * (word >> 12 & 7) + 1) as f32);
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; S_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (j, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let at = 2 + GROUPS + j / 2 * 2;
            let word = usize::from(u16::from_le_bytes([b[at], b[at + 1]]));
            let point = |g: usize| usize::from(b[2 + g]) | (word >> (3 * (g % 4)) & 7) << 8;
            let minus = word >> 15;
            two_groups(
                s,
                out,
                [point(2 * j), point(2 * j + 1)],
                minus | minus << 1,
                d * (2 * (word >> 12 & 7) + 1) as f32,
            );
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        let nibbles = Layout::of_nibbles(32, Self::decode_block, |j| (2 + GROUPS + 2 * j + 1, 4));
        grid::search(&Layout { bits: 3, ..nibbles }, rows);
    }
}

/// IQ1_M.
pub(in crate::quant) struct Iq1M;

impl Codec<N, M_BYTES> for Iq1M {
    const DECODES_IN_LANES: bool = true;
    /// The scale is spread over four words.
    const F16_SCALES: &'static [usize] = &[];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x: &[f32; N], importance: Option<&[f32; N]>, out| {
            let floor = floor(x);
            let subs = x.as_chunks::<16>().0;
            let w: [[f32; 16]; 16] =
                std::array::from_fn(|j| weights(&subs[j], importance.map(|w| &w.as_chunks::<16>().0[j]), floor));
            let found = std::array::from_fn(|j| {
                let x = &subs[j];
                if max_abs(x) < M_ALL_ZERO {
                    return None;
                }
                let order = sort(x);
                let (mut split, minus) = best_split_of_halves(x, &w[j], &order)?;
                let turned = split.turn_positive();
                Some(points_of(x, &w[j], &split.digits(&order), split.scale, minus.map(|minus| minus != turned)))
            });
            write_m(out, &found, subs, &w);
        });
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        encode_lanes::<I, ShiftOfHalves, 16, 2, 16, M_BYTES>(s, rows, M_ALL_ZERO, write_m);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; M_BYTES], out: &mut [f32; N]) {
        let word = |i: usize| u16::from_le_bytes([b[M_WORDS + 2 * i], b[M_WORDS + 1 + 2 * i]]);
        let d = m_scale(b);
        for g in 0..GROUPS {
            let nibble = usize::from(b[GROUPS + g / 2] >> (4 * (g % 2)) & 15);
            let point = usize::from(b[g]) | (nibble & 7) << 8;
            let scale = word(g / 8) >> (3 * (g / 2 % 4)) & 7;
            group(out, g, point, nibble & 8 != 0, d * f32::from(2 * scale + 1));
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; M_BYTES], out: &mut [f32; N]) {
        let word = |i: usize| u16::from_le_bytes([b[M_WORDS + 2 * i], b[M_WORDS + 1 + 2 * i]]);
        let d = m_scale(b);
        for (j, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let high = usize::from(b[GROUPS + j]);
            let points = [usize::from(b[2 * j]) | (high & 7) << 8, usize::from(b[2 * j + 1]) | (high >> 4 & 7) << 8];
            let scale = word(j / 4) >> (3 * (j % 4)) & 7;
            two_groups(s, out, points, high >> 3 & 1 | high >> 6 & 2, d * f32::from(2 * scale + 1));
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        let layout = Layout {
            sub: 16,
            bits: 3,
            decode: Self::decode_block,
            d: m_scale,
            put_d: put_m_scale,
            code: |j| (M_WORDS + 2 * (j / 4) + 3 * (j % 4) / 8, (3 * (j % 4) % 8) as u32),
        };
        grid::search(&layout, rows);
    }

    /// The two highest nibbles hold the exponent.
    #[inline(always)]
    fn has_bad_scale(block: &[u8; M_BYTES]) -> bool {
        block[M_WORDS + 7] & 0x70 == 0x70 && block[M_WORDS + 5] & 0xc0 == 0xc0
    }

    #[inline(always)]
    fn multiply_scales(block: &mut [u8; M_BYTES], factor: f32) {
        put_m_scale(block, m_scale(block) * factor);
    }
}

/// The scale of an IQ1_M block: the high nibbles of its last four words.
#[inline(always)]
fn m_scale(b: &[u8; M_BYTES]) -> f32 {
    from_f16((0..4).fold(0u16, |d, i| d | u16::from(b[M_WORDS + 1 + 2 * i] >> 4) << (4 * i)).to_le_bytes())
}

#[inline(always)]
fn put_m_scale(b: &mut [u8; M_BYTES], d: f32) {
    let d = u16::from_le_bytes(to_f16(d));
    for i in 0..4 {
        let byte = &mut b[M_WORDS + 1 + 2 * i];
        *byte = (*byte & 15) | ((d >> (4 * i) & 15) as u8) << 4;
    }
}

/// Writes a group of eight.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, point: usize, negative: bool, scale: f32) {
    let shift = if negative { -SHIFT } else { SHIFT };
    for (o, digit) in out.as_chunks_mut::<8>().0[g].iter_mut().zip(digits8(IQ1[point])) {
        *o = scale * ((i32::from(digit) - 1) as f32 + shift);
    }
}

/// The digits of each point, a byte each.
static DIGITS: [[u8; 8]; 2048] = {
    let mut all = [[0; 8]; 2048];
    let mut point = 0;
    while point < all.len() {
        let mut i = 0;
        while i < 8 {
            all[point][i] = (IQ1[point] >> (2 * i) & 3) as u8;
            i += 1;
        }
        point += 1;
    }
    all
};

/// What is added to the digits of two groups: a bit for each says that it is negative.
static SHIFTS: [[f32; 16]; 4] = {
    let (mut first, mut second, both) = ([SHIFT; 16], [SHIFT; 16], [-SHIFT; 16]);
    let mut i = 0;
    while i < 8 {
        first[i] = -SHIFT;
        second[8 + i] = -SHIFT;
        i += 1;
    }
    [[SHIFT; 16], first, second, both]
};

/// [`group`] for two groups in sixteen lanes.
#[inline(always)]
fn two_groups<I: Isa>(s: I, out: &mut [f32; 16], points: [usize; 2], minus: usize, scale: f32) {
    let mut digits = [0; 16];
    digits[..8].copy_from_slice(&DIGITS[points[0] % DIGITS.len()]);
    digits[8..].copy_from_slice(&DIGITS[points[1] % DIGITS.len()]);
    let value = I::F::of_codes(s.bytes(&digits)) - s.splat(1.0) + s.load(&SHIFTS[minus % 4]);
    (s.splat(scale) * value).store(out);
}

/// Weights of a sub-block's elements.
#[inline(always)]
fn weights<const S: usize>(x: &[f32; S], importance: Option<&[f32; S]>, floor: f32) -> [f32; S] {
    match importance {
        Some(w) => std::array::from_fn(|i| w[i] * (floor + x[i] * x[i]).sqrt()),
        None => x.map(|v| v * v),
    }
}

/// The floor under the weights of a block.
#[inline(always)]
fn floor(x: &[f32; N]) -> f32 {
    2.0 * sum_of_squares(x) / N as f32
}

/// Encodes rows, `SUBS` sub-blocks of `S` elements a block, a sub-block in each lane; `write` gets what was found for a
/// block, its bytes, its elements and their weights.
#[inline(always)]
fn encode_lanes<I: Isa, Best: BestSplit<S, G>, const S: usize, const G: usize, const SUBS: usize, const B: usize>(
    s: I,
    mut rows: Rows<'_>,
    all_zero: f32,
    write: impl Fn(&mut [u8; B], &[Option<Found<G>>; SUBS], &[[f32; S]], &[[f32; S]]),
) {
    let blocks = rows.blocks::<N>();
    let together = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(together) {
        let count = together.min(blocks.len() - first);
        let (mut x, mut w) = ([[0f32; S]; MAX_LANES], [[0f32; S]; MAX_LANES]);
        for b in 0..count {
            let floor = floor(&blocks[first + b]);
            let importance = rows.importance::<N>(first + b);
            for (j, sub) in blocks[first + b].as_chunks::<S>().0.iter().enumerate() {
                x[b * SUBS + j] = *sub;
                w[b * SUBS + j] = weights(sub, importance.map(|w| &w.as_chunks::<S>().0[j]), floor);
            }
        }
        let found = search_lanes::<I, Best, S, G>(s, count * SUBS, &x, &w, all_zero);
        for b in 0..count {
            let of_block = b * SUBS..(b + 1) * SUBS;
            let found = std::array::from_fn(|j| found[b * SUBS + j]);
            write(rows.out(first + b), &found, &x[of_block.clone()], &w[of_block]);
        }
    }
}

fn write_s(out: &mut [u8; S_BYTES], found: &[Option<Found<4>>; 8]) {
    *out = [0; S_BYTES];
    let max = found.iter().flatten().fold(0f32, |max, f| if max > f.scale { max } else { f.scale });
    let id = 1.0 / (max / 15.0);
    if max != 0.0 {
        // The factor is the reference's: it lowers the error a little.
        out[..2].copy_from_slice(&to_f16(max / 15.0 * 1.125));
    }
    for (j, found) in found.iter().enumerate() {
        let f = found.unwrap_or_default();
        let mut word = 0u16;
        for (k, point) in f.points.into_iter().enumerate() {
            out[2 + 4 * j + k] = point as u8;
            word |= (point >> 8) << (3 * k);
        }
        if max != 0.0 {
            let l = nearest_int(0.5 * (id * f.scale - 1.0)).clamp(0, 7) as u16;
            word |= (l | u16::from(f.minus[0]) << 3) << 12;
        }
        out[2 + GROUPS + 2 * j..][..2].copy_from_slice(&word.to_le_bytes());
    }
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

fn write_m(out: &mut [u8; M_BYTES], found: &[Option<Found<2>>; 16], subs: &[[f32; 16]], w: &[[f32; 16]]) {
    *out = [0; M_BYTES];
    for (j, f) in found.iter().enumerate().filter_map(|(j, f)| Some((j, f.as_ref()?))) {
        out[2 * j] = f.points[0] as u8;
        out[2 * j + 1] = f.points[1] as u8;
        out[GROUPS + j] = (f.points[0] >> 8 | (f.points[1] >> 8) << 4) as u8;
    }
    let max = found.iter().flatten().fold(0f32, |max, f| if max > f.scale { max } else { f.scale });
    if max == 0.0 {
        return;
    }
    let id = 1.0 / (max / 15.0);
    let mut words = [0u16; 4];
    let mut sums = (0f32, 0f32);
    for (j, f) in found.iter().enumerate() {
        let f = f.unwrap_or_default();
        let l = nearest_int(0.5 * (id * f.scale - 1.0)).clamp(0, 7);
        words[j / 4] |= (l as u16) << (3 * (j % 4));
        out[GROUPS + j] |= u8::from(f.minus[0]) << 3 | u8::from(f.minus[1]) << 7;
        sums_of(&subs[j], &w[j], &f, (2 * l + 1) as f32, &mut sums);
    }
    let d = if sums.1 > 0.0 { sums.0 / sums.1 } else { max / 15.0 };
    for (i, word) in words.into_iter().enumerate() {
        out[M_WORDS + 2 * i..][..2].copy_from_slice(&word.to_le_bytes());
    }
    // The factor is the reference's: it lowers the error a little.
    put_m_scale(out, d * 1.1125);
}

/// The best split of a sub-block of 16 whose halves may have different shifts; also returns which are shifted down.
fn best_split_of_halves(x: &[f32; 16], w: &[f32; 16], order: &[u8; 16]) -> Option<(Split, [bool; 2])> {
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
            for minus in [[false, false], [false, true], [true, false], [true, true]] {
                let [first, second] = minus.map(|minus| if minus { MINUS } else { PLUS });
                let (a, b) = (of(0, first), of(1, second));
                let (qx, q2) = (a.0 + b.0, a.1 + b.1);
                if q2 > 0.0 && qx * qx > score * q2 {
                    let scale = qx / q2;
                    score = scale * qx;
                    best = Some((Split { cuts: (i, j), scale, turned: false }, minus));
                }
            }
        }
    }
    best
}
