//! IQ2_XXS, IQ2_XS, IQ2_S: x ≈ d·(½ + scale)/4·(±v), groups of eight elements from a grid, v of 8, 25, 43.
//!
//! ```text
//! IQ2_XXS  0    2                              66
//!          ├ d ─┼ 8 × { 4 × u8 point, u32 }  ──┤   u32: 4 × 7 signs, then 4 bits scale of the 32 elements
//! IQ2_XS   0    2              66         74
//!          ├ d ─┼ 32 × u16 ────┼ scales ──┤        u16: 9 bits point, 7 signs; a nibble of scale for each 16 elements
//! IQ2_S    0    2             34             66         74         82
//!          ├ d ─┼ 32 × u8 ────┼ 32 × signs ──┼ high ────┼ scales ──┤   high: two more bits of each point
//! ```

use super::grids::{IQ2_S, IQ2_VALUES, IQ2_XS, IQ2_XXS, digits8, even_signs, sign};
use super::nearest::Grid;
use super::search::{Found, How, Redo, scale_codes};
use super::search_lanes::encode_lanes;
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::grid::{self, Layout};
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::Isa;
use std::sync::LazyLock;

const N: usize = 256;
const GROUPS: usize = N / 8;
const XXS_BYTES: usize = 2 + N / 4;
const XS_BYTES: usize = 2 + N / 4 + 8;
const S_BYTES: usize = 2 + N / 4 + 8 + 8;

static XXS_GRID: LazyLock<Grid<8>> = LazyLock::new(|| new_grid(&IQ2_XXS, 2));
static XS_GRID: LazyLock<Grid<8>> = LazyLock::new(|| new_grid(&IQ2_XS, 2));
static S_GRID: LazyLock<Grid<8>> = LazyLock::new(|| new_grid(&IQ2_S, 1));

fn new_grid(points: &[u16], distances: usize) -> Grid<8> {
    Grid::new(points, 2, distances)
}

const XXS: How = How {
    levels: 3,
    steps: 6,
    step: 0.1,
    all_zero: 1e-15,
    even_signs: true,
    start_fitted: true,
    redo: Redo::All,
    floor: 1.0,
    plain: |square, floor| 0.25 * floor + square,
};
const XS: How = How { steps: 9, start_fitted: false, redo: Redo::Moved, ..XXS };
const S: How = How { all_zero: 1e-8, even_signs: false, floor: 2.0, ..XS };

/// IQ2_XXS.
pub(in crate::quant) struct Iq2Xxs;

impl Codec<N, XXS_BYTES> for Iq2Xxs {
    const IMPORTANCE: Importance = Importance::Required;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out| {
            write_xxs(out, &XXS.search_all::<32, 8, 8>(x, importance, &XXS_GRID));
        });
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        encode_lanes::<I, 32, 8, 8, XXS_BYTES>(s, rows, &XXS_GRID, XXS, write_xxs);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; XXS_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (i, part) in b[2..].as_chunks::<8>().0.iter().enumerate() {
            let word = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
            for l in 0..4 {
                let signs = even_signs((word >> (7 * l)) as u8);
                group(out, 4 * i + l, IQ2_XXS[usize::from(part[l])], signs, scale(d, word >> 28));
            }
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        grid::search(&Layout::of_nibbles(32, Self::decode_block, |j| (2 + 8 * j + 7, 4)), rows);
    }
}

/// IQ2_XS.
pub(in crate::quant) struct Iq2Xs;

impl Codec<N, XS_BYTES> for Iq2Xs {
    const IMPORTANCE: Importance = Importance::Required;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out| {
            write_xs(out, &XS.search_all::<16, 8, 16>(x, importance, &XS_GRID));
        });
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        encode_lanes::<I, 16, 8, 16, XS_BYTES>(s, rows, &XS_GRID, XS, write_xs);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; XS_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let word = u16::from_le_bytes([b[2 + 2 * g], b[3 + 2 * g]]);
            let nibble = b[XS_BYTES - 8 + g / 4] >> (4 * (g / 2 % 2)) & 15;
            let signs = even_signs((word >> 9) as u8);
            group(out, g, IQ2_XS[usize::from(word & 511)], signs, scale(d, nibble.into()));
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        grid::search(&Layout::of_nibbles(16, Self::decode_block, |j| (XS_BYTES - 8 + j / 2, 4 * (j % 2) as u32)), rows);
    }
}

/// IQ2_S.
pub(in crate::quant) struct Iq2S;

impl Codec<N, S_BYTES> for Iq2S {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out| {
            write_s(out, &S.search_all::<16, 8, 16>(x, importance, &S_GRID));
        });
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        encode_lanes::<I, 16, 8, 16, S_BYTES>(s, rows, &S_GRID, S, write_s);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; S_BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for g in 0..GROUPS {
            let high = usize::from(b[S_BYTES - 16 + g / 4] >> (2 * (g % 4)) & 3);
            let nibble = b[S_BYTES - 8 + g / 4] >> (4 * (g / 2 % 2)) & 15;
            let point = IQ2_S[usize::from(b[2 + g]) | high << 8];
            group(out, g, point, b[2 + GROUPS + g], scale(d, nibble.into()));
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        grid::search(&Layout::of_nibbles(16, Self::decode_block, |j| (S_BYTES - 8 + j / 2, 4 * (j % 2) as u32)), rows);
    }
}

/// Writes a group of eight.
#[inline(always)]
fn group(out: &mut [f32; N], g: usize, point: u16, signs: u8, scale: f32) {
    for (j, (o, digit)) in out.as_chunks_mut::<8>().0[g].iter_mut().zip(digits8(point)).enumerate() {
        *o = scale * f32::from(IQ2_VALUES[usize::from(digit)]) * sign(signs, j);
    }
}

/// The scale of a group from a nibble.
#[inline(always)]
fn scale(d: f32, nibble: u32) -> f32 {
    d * (0.5 + nibble as f32) * 0.25
}

fn write_xxs(out: &mut [u8; XXS_BYTES], found: &[Option<Found>; 8]) {
    *out = [0; XXS_BYTES];
    let found = found.map(Option::unwrap_or_default);
    let Some((d, codes)) = scale_codes(&found) else { return };
    out[..2].copy_from_slice(&to_f16(d));
    for (j, (f, part)) in found.iter().zip(out[2..].as_chunks_mut::<8>().0).enumerate() {
        let mut word = u32::from(codes[j]) << 28;
        for k in 0..4 {
            part[k] = f.points[k] as u8;
            word |= u32::from(f.signs[k]) << (7 * k);
        }
        part[4..].copy_from_slice(&word.to_le_bytes());
    }
}

fn write_xs(out: &mut [u8; XS_BYTES], found: &[Option<Found>; 16]) {
    *out = [0; XS_BYTES];
    let found = found.map(Option::unwrap_or_default);
    let Some((d, codes)) = scale_codes(&found) else { return };
    out[..2].copy_from_slice(&to_f16(d));
    for g in 0..GROUPS {
        let word = found[g / 2].points[g % 2] | u16::from(found[g / 2].signs[g % 2]) << 9;
        out[2 + 2 * g..][..2].copy_from_slice(&word.to_le_bytes());
    }
    for (j, code) in codes.into_iter().enumerate() {
        out[XS_BYTES - 8 + j / 2] |= code << (4 * (j % 2));
    }
}

fn write_s(out: &mut [u8; S_BYTES], found: &[Option<Found>; 16]) {
    *out = [0; S_BYTES];
    let found = found.map(Option::unwrap_or_default);
    for g in 0..GROUPS {
        let point = found[g / 2].points[g % 2];
        out[2 + g] = point as u8;
        out[2 + GROUPS + g] = found[g / 2].signs[g % 2];
        out[S_BYTES - 16 + g / 4] |= ((point >> 8) as u8) << (2 * (g % 4));
    }
    let Some((d, codes)) = scale_codes(&found) else { return };
    // The factor is the reference's: it lowers the error a little.
    out[..2].copy_from_slice(&to_f16(d * 0.9875));
    for (j, code) in codes.into_iter().enumerate() {
        out[S_BYTES - 8 + j / 2] |= code << (4 * (j % 2));
    }
}
