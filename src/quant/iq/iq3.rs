//! IQ3_XXS, IQ3_S: groups of four elements from a grid with signs.
//!
//! ```text
//! IQ3_XXS  0    2                66            98
//!          ├ d ─┼ 64 × u8 point ─┼ 8 × u32 ────┤    u32: 4 × 7 signs, then 4 bits scale of the 32 elements
//!          x ≈ d·(½ + scale)/2·(±v), v of 4, 12, … 52, 62
//! IQ3_S    0    2                66       74            106      110
//!          ├ d ─┼ 64 × u8 point ─┼ high ──┼ 32 × signs ─┼ scales ┤    high: the ninth bit of each point
//!          x ≈ d·(1 + 2·scale)·(±v), v odd up to 15; a nibble of scale for each 32 elements
//! ```

use super::grids::{IQ3_S, IQ3_S_VALUES, IQ3_XXS, IQ3_XXS_VALUES, digits4, even_signs, sign};
use super::nearest::Grid;
use super::scale_lanes;
use super::search::{Found, How, Redo, scale_codes};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::grid::{self, Layout};
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::Isa;
use std::sync::LazyLock;

const N: usize = 256;
const GROUPS: usize = N / 8;
const XXS_BYTES: usize = 2 + N / 4 + 32;
const S_HIGH: usize = 2 + N / 4;
const S_SIGNS: usize = S_HIGH + 8;
const S_SCALES: usize = S_SIGNS + 32;
const S_BYTES: usize = S_SCALES + 4;

static XXS_GRID: LazyLock<Grid<4>> = LazyLock::new(|| new_grid(&IQ3_XXS, 2));
static S_GRID: LazyLock<Grid<4>> = LazyLock::new(|| new_grid(&IQ3_S, 3));

fn new_grid(points: &[u16], distances: usize) -> Grid<4> {
    Grid::new(points, 7, distances)
}

const XXS: How = How {
    levels: 8,
    steps: 15,
    step: 0.2,
    all_zero: 1e-8,
    even_signs: true,
    start_fitted: false,
    redo: Redo::Moved,
    floor: 2.0,
    plain: |square, _| square,
};
const S: How = How { steps: 9, all_zero: 0.0, even_signs: false, redo: Redo::AllIfMoved, ..XXS };

/// IQ3_XXS.
pub(in crate::quant) struct Iq3Xxs;

impl Codec<N, XXS_BYTES> for Iq3Xxs {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out| {
            write_xxs(out, &XXS.search_all::<32, 4, 8>(x, importance, &XXS_GRID));
        });
    }

    /// A candidate scale is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        scale_lanes::encode::<I, 32, 4, 8, XXS_BYTES>(s, rows, &XXS_GRID, XXS, write_xxs);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; XXS_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let at = 2 + N / 4 + g / 4 * 4;
            let word = u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
            let points = [b[2 + 2 * g], b[3 + 2 * g]].map(|p| IQ3_XXS[usize::from(p)]);
            let scale = d * (0.5 + (word >> 28) as f32) * 0.5;
            group(out, g, points, &IQ3_XXS_VALUES, even_signs((word >> (7 * (g % 4))) as u8), scale);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        grid::search(&Layout::of_nibbles(32, Self::decode_block, |j| (2 + N / 4 + 4 * j + 3, 4)), rows);
    }
}

/// IQ3_S.
pub(in crate::quant) struct Iq3S;

impl Codec<N, S_BYTES> for Iq3S {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out| {
            write_s(out, &S.search_all::<32, 4, 8>(x, importance, &S_GRID));
        });
    }

    /// A candidate scale is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        scale_lanes::encode::<I, 32, 4, 8, S_BYTES>(s, rows, &S_GRID, S, write_s);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; S_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let high = usize::from(b[S_HIGH + g / 4]) >> (2 * (g % 4));
            let points = [0, 1].map(|i| IQ3_S[usize::from(b[2 + 2 * g + i]) | (high >> i & 1) << 8]);
            let nibble = b[S_SCALES + g / 8] >> (4 * (g / 4 % 2)) & 15;
            let scale = d * (1 + 2 * i32::from(nibble)) as f32;
            group(out, g, points, &IQ3_S_VALUES, b[S_SIGNS + g], scale);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        grid::search(&Layout::of_nibbles(32, Self::decode_block, |j| (S_SCALES + j / 2, 4 * (j % 2) as u32)), rows);
    }
}

/// Writes a group of eight from two points.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, points: [u16; 2], values: &[u8; 8], signs: u8, scale: f32) {
    let digits = points.map(digits4);
    for (j, o) in out.as_chunks_mut::<8>().0[g].iter_mut().enumerate() {
        *o = scale * f32::from(values[usize::from(digits[j / 4][j % 4])]) * sign(signs, j);
    }
}

fn write_xxs(out: &mut [u8; XXS_BYTES], found: &[Option<Found>; 8]) {
    *out = [0; XXS_BYTES];
    let found = found.map(Option::unwrap_or_default);
    let Some((d, codes)) = scale_codes(&found) else { return };
    // The factor is the reference's: it lowers the error a little.
    out[..2].copy_from_slice(&to_f16(d * 1.0125));
    for (j, f) in found.iter().enumerate() {
        let mut word = u32::from(codes[j]) << 28;
        for k in 0..4 {
            word |= u32::from(f.signs[k]) << (7 * k);
        }
        out[2 + N / 4 + 4 * j..][..4].copy_from_slice(&word.to_le_bytes());
        for k in 0..8 {
            out[2 + 8 * j + k] = f.points[k] as u8;
        }
    }
}

fn write_s(out: &mut [u8; S_BYTES], found: &[Option<Found>; 8]) {
    *out = [0; S_BYTES];
    // A sub-block of zeros does not advance the reference's write position: what follows it in the block is written one
    // place early (all but the high bits). Equal bytes need the same.
    for (place, (j, f)) in found.iter().enumerate().filter_map(|(j, f)| Some((j, f.as_ref()?))).enumerate() {
        for k in 0..8 {
            out[2 + 8 * place + k] = f.points[k] as u8;
            out[S_HIGH + j] |= ((f.points[k] >> 8) as u8) << k;
        }
        out[S_SIGNS + 4 * place..][..4].copy_from_slice(&f.signs);
    }
    let found = found.map(Option::unwrap_or_default);
    let Some((d, codes)) = scale_codes(&found) else { return };
    out[..2].copy_from_slice(&to_f16(d * 1.033));
    for (j, code) in codes.into_iter().enumerate() {
        out[S_SCALES + j / 2] |= code << (4 * (j % 2));
    }
}
