//! Q4_0 and Q5_0: x ≈ d·(q − 2^(bits − 1)).
//!
//! ```text
//!       0    2           18 or 22
//!       ├ d ─┼ levels ───┤     d: f16; levels: see `levels`
//! ```

use super::levels::{N, pack, unpack};
use super::weights::{encode_each, mean_squares, weighted_lanes};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::levels::Integers;
use crate::quant::effort::scale::{self, Candidates};
use crate::quant::number::{c_int, from_f16, inverse_or_zero, nearest_int, signed_max_abs, to_f16};
use crate::quant::search::symmetric;
use crate::quant::simd::{self, Isa, Lanes, numbers, within};

/// The format with levels of `BITS` bits, `B` bytes a block.
pub(in crate::quant) struct Symmetric<const BITS: u32, const B: usize>;

impl<const BITS: u32, const B: usize> Symmetric<BITS, B> {
    /// The level of zero.
    const ZERO: i32 = 1 << (BITS - 1);

    /// The highest level.
    const TOP: i8 = (1 << BITS) - 1;

    /// Added before levels are cut to integers, which rounds them.
    const HALF_UP: f32 = Self::ZERO as f32 + 0.5;

    /// The scales that `effort = "max"` tries.
    const CANDIDATES: Candidates<Integers> = Candidates {
        levels: Integers { low: -Self::ZERO, high: Self::ZERO - 1 },
        first: if BITS == 4 { 6.6 } else { 14.4 },
        step: 0.2,
        count: 24,
        both_signs: true,
    };

    #[inline(always)]
    fn write(out: &mut [u8; B], d: f32, l: &[u8; N]) {
        out[..2].copy_from_slice(&to_f16(d));
        pack::<BITS>(l, &mut out[2..]);
    }

    /// The scale without weights: the element of largest magnitude, `max`, gets level 0.
    #[inline(always)]
    fn plain_scale(max: f32) -> f32 {
        max / -(Self::ZERO as f32)
    }
}

impl<const BITS: u32, const B: usize> Codec<N, B> for Symmetric<BITS, B> {
    const NEEDS_MEAN_SQUARE: bool = true;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        encode_each(rows, |x, weights, out| {
            let mut l = [0u8; N];
            let d = match weights {
                None => {
                    let d = Self::plain_scale(signed_max_abs(x));
                    let id = inverse_or_zero(d);
                    for (l, &v) in l.iter_mut().zip(x) {
                        *l = (c_int(v * id + Self::HALF_UP) as i8).min(Self::TOP) as u8;
                    }
                    d
                }
                Some(w) => symmetric(Self::ZERO, x, w, &mut l),
            };
            Self::write(out, d, &l);
        });
    }

    /// With weights a block is in each lane, else the lanes are inside a block.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        if rows.weights.is_some() {
            return encode_weighted(s, Self::ZERO, rows, Self::write);
        }
        for (b, x) in rows.blocks().iter().enumerate() {
            let d = Self::plain_scale(within::signed_max_abs(s, x));
            let (id, half_up) = (s.splat(inverse_or_zero(d)), s.splat(Self::HALF_UP));
            let mut l = [0u8; N];
            within::cut(s, x, &mut l, |v| v * id + half_up);
            for l in &mut l {
                *l = (*l as i8).min(Self::TOP) as u8;
            }
            Self::write(rows.out(b), d, &l);
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; B], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (o, q) in out.iter_mut().zip(unpack::<BITS>(&b[2..])) {
            *o = (i32::from(q) - Self::ZERO) as f32 * d;
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; B], out: &mut [f32; N]) {
        let (d, zero) = (s.splat(from_f16([b[0], b[1]])), s.splat(Self::ZERO as f32));
        let l = unpack::<BITS>(&b[2..]);
        for at in (0..N).step_by(16) {
            ((I::F::of_codes(s.bytes(&l[at..])) - zero) * d).store(&mut out[at..]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        let levels = |x: &[f32; N], d: f32| scale::integer_levels(x, d, -Self::ZERO, Self::ZERO - 1);
        scale::search(s, Self::CANDIDATES, rows, |d, x, out| Self::write(out, d, &levels(x, d)));
    }
}

/// Encodes weighted rows, a block in each lane, with levels −nmax … nmax − 1; `put` stores scale and levels of a block.
#[inline(always)]
fn encode_weighted<I: Isa, const B: usize>(
    s: I,
    nmax: i32,
    mut rows: Rows<'_>,
    put: impl Fn(&mut [u8; B], f32, &[u8; N]),
) {
    let means = mean_squares(&rows);
    let blocks = rows.blocks::<N>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = weighted_lanes(s, &rows, &means, first);
        let (scales, iscales) = simd::symmetric(s, nmax, &x, &w);
        let (scales, iscales) = (numbers(scales), numbers(iscales));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            let iscale = iscales[lane];
            let mut l = [0u8; N];
            if iscale != 0.0 {
                l = x.map(|v| (nearest_int(iscale * v).clamp(-nmax, nmax - 1) + nmax) as u8);
            }
            put(rows.out(first + lane), scales[lane], &l);
        }
    }
}
