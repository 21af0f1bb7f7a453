//! Q2_K: x ≈ (d·scale)·q − (dmin·min), sixteen sub-blocks of 16, levels of two bits.
//!
//! ```text
//! 0                            16               80   82      84
//! ├ 16 bytes: scale, min << 4 ─┼ 64 bytes, 4×2 ─┼ d ─┼ dmin ─┤     d, dmin: f16; levels: see `two_bits`
//! ```

use super::minimums::{self, Found, Minimums, Scales};
use super::super_block::N;
use super::two_bits;
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::super_min;
use crate::quant::number::{from_f16, nearest_int, to_f16};
use crate::quant::search::{Candidates, positive};
use crate::quant::simd::{Isa, Lanes};

const S: usize = 16;
const SUBS: usize = N / S;
const LEVELS_END: usize = SUBS + N / 4;
const BYTES: usize = LEVELS_END + 2 + 2;

/// The format.
pub(in crate::quant) struct Q2K;

impl Codec<N, BYTES> for Q2K {
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[LEVELS_END, LEVELS_END + 2];

    fn encode(rows: Rows<'_>) {
        minimums::encode::<Self, S, SUBS, BYTES>(rows);
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        minimums::encode_lanes::<Self, I, S, SUBS, BYTES>(s, rows);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        if let Some(q) = b[SUBS..].first_chunk() {
            minimums::decode::<S, SUBS>(&Self::read(b), &two_bits::unpack(q), out);
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; BYTES], out: &mut [f32; N]) {
        let scales = Self::read(b);
        for j in 0..SUBS {
            let (d, m) = scales.of_sub(j);
            let l = two_bits::of_sub(s, &b[SUBS..], j);
            (s.splat(d) * I::F::of_codes(l) - s.splat(m)).store(&mut out[S * j..]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        super_min::search::<Self, I, S, SUBS, BYTES>(s, &[4, 2, 1], rows);
    }
}

impl Minimums<S, SUBS, BYTES> for Q2K {
    const TOP: i32 = 3;
    const TOP_CODE: i32 = 15;
    const PLAIN: Candidates = Candidates { rmin: -0.5, rdelta: 0.1, steps: 15, absolute: true, weighted: false };
    const FLOOR: f32 = 1.0;

    fn plain_weights(x: &[f32; S]) -> [f32; S] {
        x.map(f32::abs)
    }

    #[inline(always)]
    fn plain_weights_lanes<I: Isa>(_s: I, x: &[I::F; S]) -> [I::F; S] {
        let mut w = *x;
        for i in 0..S {
            w[i] = x[i].abs();
        }
        w
    }

    #[inline(always)]
    fn quantize(found: &Found<SUBS>) -> Scales<SUBS> {
        let (mut scales, mut mins) = ([0u8; SUBS], [0u8; SUBS]);
        let (d, dmin) = match &found.weight_sums {
            None => (against_largest(&found.scales, &mut scales), against_largest(&found.mins, &mut mins)),
            Some(sums) => (positive(15, &found.scales, sums, &mut scales), positive(15, &found.mins, sums, &mut mins)),
        };
        // A code above 15 (a wrapped negative one) spills into the other half of its byte, as in the reference.
        let bytes: [u8; SUBS] = std::array::from_fn(|j| scales[j] | mins[j] << 4);
        Scales { d, dmin, scales: bytes.map(|b| b & 15), mins: bytes.map(|b| b >> 4) }
    }

    #[inline(always)]
    fn read(b: &[u8; BYTES]) -> Scales<SUBS> {
        Scales {
            d: from_f16([b[LEVELS_END], b[LEVELS_END + 1]]),
            dmin: from_f16([b[LEVELS_END + 2], b[LEVELS_END + 3]]),
            scales: std::array::from_fn(|j| b[j] & 15),
            mins: std::array::from_fn(|j| b[j] >> 4),
        }
    }

    #[inline(always)]
    fn write(scales: &Scales<SUBS>, l: &[u8; N], out: &mut [u8; BYTES]) {
        for j in 0..SUBS {
            out[j] = scales.scales[j] | scales.mins[j] << 4;
        }
        if let Some(q) = out[SUBS..].first_chunk_mut() {
            two_bits::pack(l, q);
        }
        out[LEVELS_END..LEVELS_END + 2].copy_from_slice(&to_f16(scales.d));
        out[LEVELS_END + 2..].copy_from_slice(&to_f16(scales.dmin));
    }
}

/// Each value in fifteenths of the largest; returns a fifteenth.
fn against_largest(v: &[f32; SUBS], out: &mut [u8; SUBS]) -> f32 {
    let max = v.iter().fold(0f32, |m, &v| if v > m { v } else { m });
    if max <= 0.0 {
        return 0.0;
    }
    let inverse = 15.0 / max;
    *out = v.map(|v| nearest_int(inverse * v) as u8);
    max / 15.0
}
