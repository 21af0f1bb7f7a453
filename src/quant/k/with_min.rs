//! Q4_K and Q5_K: x ≈ (d·scale)·q − (dmin·min), eight sub-blocks of 32, scales and minimums of six bits.
//!
//! ```text
//! Q4_K  0    2       4         16                   144
//!       ├ d ─┼ dmin ─┼ scales ─┼ 128 bytes nibbles ─┤
//! Q5_K  0    2       4         16                   48                   176
//!       ├ d ─┼ dmin ─┼ scales ─┼ 32 bytes top bits ─┼ 128 bytes nibbles ─┤
//!       d, dmin: f16; scales: see `scales`
//! ```
//!
//! Top bits: see `top_bits`. Nibble byte 32·p + j holds elements 64·p + j and 64·p + 32 + j.

use super::minimums::{self, Found, Minimums, Scales};
use super::scales::{pack8, unpack8};
use super::super_block::N;
use super::top_bits;
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::super_min;
use crate::quant::number::{from_f16, nearest_int, sum_of_squares, to_f16};
use crate::quant::search::{Candidates, positive};
use crate::quant::simd::{Isa, Lanes};

const S: usize = 32;
const SUBS: usize = N / S;

/// Bytes before the levels: d, dmin, twelve bytes of scales.
const HEADER: usize = 16;

/// The format with levels of `BITS` bits, `B` bytes a super-block.
pub(in crate::quant) struct WithMin<const BITS: u32, const B: usize>;

impl<const BITS: u32, const B: usize> Codec<N, B> for WithMin<BITS, B> {
    const F16_SCALES: &'static [usize] = &[0, 2];
    const DECODES_IN_LANES: bool = true;

    fn encode(rows: Rows<'_>) {
        minimums::encode::<Self, S, SUBS, B>(rows);
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        minimums::encode_lanes::<Self, I, S, SUBS, B>(s, rows);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; B], out: &mut [f32; N]) {
        minimums::decode::<S, SUBS>(&Self::read(b), &unpack::<BITS>(&b[HEADER..]), out);
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; B], out: &mut [f32; N]) {
        let scales = Self::read(b);
        let nibbles = &b[B - N / 2..];
        // With four bits these are not used.
        let top = [s.bytes(&b[HEADER..]), s.bytes(&b[HEADER + 16..])];
        for p in 0..SUBS / 2 {
            let q = [s.bytes(&nibbles[32 * p..]), s.bytes(&nibbles[32 * p + 16..])];
            for j in [2 * p, 2 * p + 1] {
                let (d, m) = scales.of_sub(j);
                let (d, m) = (s.splat(d), s.splat(m));
                for half in 0..2 {
                    let mut l = I::F::bits_of(q[half], 4 * (j % 2) as u32, 15);
                    if BITS == 5 {
                        l = I::F::with_bits(l, I::F::bits_of(top[half], j as u32, 1), 4);
                    }
                    (d * I::F::of_codes(l) - m).store(&mut out[S * j + 16 * half..]);
                }
            }
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        super_min::search::<Self, I, S, SUBS, B>(s, &[5, 2, 2], rows);
    }
}

impl<const BITS: u32, const B: usize> Minimums<S, SUBS, B> for WithMin<BITS, B> {
    const TOP: i32 = (1 << BITS) - 1;
    const TOP_CODE: i32 = 63;
    const PLAIN: Candidates = {
        let (rmin, steps) = if BITS == 4 { (-1.0, 20) } else { (-0.5, 15) };
        Candidates { rmin, rdelta: 0.1, steps, absolute: false, weighted: false }
    };
    const FLOOR: f32 = 2.0;

    fn plain_weights(x: &[f32; S]) -> [f32; S] {
        let rms = (sum_of_squares(x) / S as f32).sqrt();
        x.map(|v| rms + v.abs())
    }

    #[inline(always)]
    fn plain_weights_lanes<I: Isa>(s: I, x: &[I::F; S]) -> [I::F; S] {
        let mut squares = s.splat(0.0);
        for i in 0..S {
            squares = squares + x[i] * x[i];
        }
        let rms = (squares / s.splat(S as f32)).sqrt();
        let mut w = *x;
        for i in 0..S {
            w[i] = rms + x[i].abs();
        }
        w
    }

    #[inline(always)]
    fn quantize(found: &Found<SUBS>) -> Scales<SUBS> {
        let (d, dmin, packed) = match &found.weight_sums {
            None => {
                let (max_scale, scales) = against_largest(&found.scales);
                let (max_min, mins) = against_largest(&found.mins);
                (max_scale / 63.0, max_min / 63.0, pack8(&scales, &mins))
            }
            Some(sums) => {
                let (mut scales, mut mins) = ([0u8; SUBS], [0u8; SUBS]);
                let d = positive(63, &found.scales, sums, &mut scales);
                let dmin = positive(63, &found.mins, sums, &mut mins);
                if BITS == 5 {
                    // The reference limits the codes in Q5_K, not in Q4_K; the difference shows in wrapped negative codes.
                    scales = scales.map(|v| v.min(63));
                    mins = mins.map(|v| v.min(63));
                }
                (d, dmin, pack8(&scales, &mins))
            }
        };
        let (scales, mins) = unpack8(&packed);
        Scales { d, dmin, scales, mins }
    }

    #[inline(always)]
    fn read(b: &[u8; B]) -> Scales<SUBS> {
        let mut packed = [0; 12];
        packed.copy_from_slice(&b[4..HEADER]);
        let (scales, mins) = unpack8(&packed);
        Scales { d: from_f16([b[0], b[1]]), dmin: from_f16([b[2], b[3]]), scales, mins }
    }

    #[inline(always)]
    fn write(scales: &Scales<SUBS>, l: &[u8; N], out: &mut [u8; B]) {
        out[..2].copy_from_slice(&to_f16(scales.d));
        out[2..4].copy_from_slice(&to_f16(scales.dmin));
        out[4..HEADER].copy_from_slice(&pack8(&scales.scales, &scales.mins));
        pack::<BITS>(l, &mut out[HEADER..]);
    }
}

/// The largest value and each value in sixty-thirds of it.
#[inline(always)]
fn against_largest(v: &[f32; SUBS]) -> (f32, [u8; SUBS]) {
    let max = v.iter().fold(0f32, |m, &v| if v > m { v } else { m });
    let inverse = if max > 0.0 { 63.0 / max } else { 0.0 };
    (max, v.map(|v| (nearest_int(inverse * v) as u8).min(63)))
}

/// Packs levels: top bits (with five bits), then nibbles.
#[inline(always)]
fn pack<const BITS: u32>(l: &[u8; N], out: &mut [u8]) {
    if BITS == 5
        && let Some((top, nibbles)) = out.split_first_chunk_mut()
    {
        top_bits::pack::<4>(l, top);
        pack_nibbles(l, nibbles);
    } else {
        pack_nibbles(l, out);
    }
}

/// Inverse of [`pack`].
#[inline(always)]
fn unpack<const BITS: u32>(q: &[u8]) -> [u8; N] {
    let (top, nibbles) = q.split_at(q.len() - N / 2);
    let mut l = [0; N];
    for (p, (q, l)) in nibbles.as_chunks::<32>().0.iter().zip(l.as_chunks_mut::<64>().0).enumerate() {
        for (j, &q) in q.iter().enumerate() {
            l[j] = q & 15;
            l[j + 32] = q >> 4;
            if BITS == 5 {
                l[j] |= (top[j] >> (2 * p) & 1) << 4;
                l[j + 32] |= (top[j] >> (2 * p + 1) & 1) << 4;
            }
        }
    }
    l
}

/// Packs the low four bits of each level.
#[inline(always)]
fn pack_nibbles(l: &[u8; N], out: &mut [u8]) {
    for (l, out) in l.as_chunks::<64>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        for (j, o) in out.iter_mut().enumerate() {
            *o = (l[j] & 15) | l[j + 32] << 4;
        }
    }
}
