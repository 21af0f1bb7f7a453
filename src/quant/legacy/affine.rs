//! Q4_1 and Q5_1: x ≈ d·q + m.
//!
//! ```text
//!       0    2    4           20 or 24
//!       ├ d ─┼ m ─┼ levels ───┤     d, m: f16; levels: see `levels`
//! ```

use super::levels::{N, pack, unpack};
use super::weights::{encode_each, mean_squares, weighted_lanes};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::min;
use crate::quant::number::{c_int, from_f16, inverse_or_zero, min_max, nearest_int, to_f16};
use crate::quant::search::{Candidates, affine};
use crate::quant::simd::{self, Isa, Lanes, numbers, within};

/// The format with levels of `BITS` bits, `B` bytes a block.
pub(in crate::quant) struct Affine<const BITS: u32, const B: usize>;

impl<const BITS: u32, const B: usize> Affine<BITS, B> {
    /// The highest level.
    const TOP: i32 = (1 << BITS) - 1;

    #[inline(always)]
    fn write(out: &mut [u8; B], d: f32, m: f32, l: &[u8; N]) {
        out[..2].copy_from_slice(&to_f16(d));
        out[2..4].copy_from_slice(&to_f16(m));
        pack::<BITS>(l, &mut out[4..]);
    }

    /// The level that a byte cut from a rounded element means. The reference limits levels to the highest one in Q4_1 alone; in
    /// Q5_1 the largest element gives exactly 31.
    #[inline(always)]
    fn level(byte: u8) -> u8 {
        if BITS == 4 { (byte as i8).min(Self::TOP as i8) as u8 } else { byte }
    }

    /// Weighted rows, a block in each lane.
    #[inline(always)]
    fn encode_weighted<I: Isa>(s: I, mut rows: Rows<'_>) {
        let means = mean_squares(&rows);
        let blocks = rows.blocks::<N>();
        for first in (0..blocks.len()).step_by(I::F::N) {
            let (x, w) = weighted_lanes(s, &rows, &means, first);
            let found = simd::affine(s, Self::TOP, &x, &w, Candidates::WEIGHTED);
            let (scales, mins) = (numbers(found.scale), numbers(found.min));
            let (iscales, offsets) = (numbers(found.iscale), numbers(found.offset));
            for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
                let (iscale, offset) = (iscales[lane], offsets[lane]);
                let l = x.map(|v| nearest_int(iscale * (v - offset)).clamp(0, Self::TOP) as u8);
                Self::write(rows.out(first + lane), scales[lane], -mins[lane], &l);
            }
        }
    }
}

impl<const BITS: u32, const B: usize> Codec<N, B> for Affine<BITS, B> {
    const NEEDS_MEAN_SQUARE: bool = true;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[0, 2];

    fn encode(rows: Rows<'_>) {
        encode_each(rows, |x, weights, out| {
            let mut l = [0u8; N];
            let (d, m) = match weights {
                None => {
                    let (min, max) = min_max(x);
                    let d = (max - min) / Self::TOP as f32;
                    let id = inverse_or_zero(d);
                    for (l, &v) in l.iter_mut().zip(x) {
                        *l = Self::level(c_int((v - min) * id + 0.5) as u8);
                    }
                    (d, min)
                }
                Some(w) => {
                    let found = affine(Self::TOP, x, w, &mut l, Candidates::WEIGHTED);
                    (found.scale, -found.min)
                }
            };
            Self::write(out, d, m, &l);
        });
    }

    /// With weights a block is in each lane, else the lanes are inside a block.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        if rows.weights.is_some() {
            return Self::encode_weighted(s, rows);
        }
        for (b, x) in rows.blocks().iter().enumerate() {
            let (min, max) = within::min_max(s, x);
            let d = (max - min) / Self::TOP as f32;
            let (id, half, offset) = (s.splat(inverse_or_zero(d)), s.splat(0.5), s.splat(min));
            let mut l = [0u8; N];
            within::cut(s, x, &mut l, |v| (v - offset) * id + half);
            for l in &mut l {
                *l = Self::level(*l);
            }
            Self::write(rows.out(b), d, min, &l);
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; B], out: &mut [f32; N]) {
        let (d, m) = (from_f16([b[0], b[1]]), from_f16([b[2], b[3]]));
        for (o, q) in out.iter_mut().zip(unpack::<BITS>(&b[4..])) {
            *o = f32::from(q) * d + m;
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; B], out: &mut [f32; N]) {
        let (d, m) = (s.splat(from_f16([b[0], b[1]])), s.splat(from_f16([b[2], b[3]])));
        let l = unpack::<BITS>(&b[4..]);
        for at in (0..N).step_by(16) {
            (I::F::of_codes(s.bytes(&l[at..])) * d + m).store(&mut out[at..]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        min::search(s, Self::TOP, rows, Self::write);
    }
}
