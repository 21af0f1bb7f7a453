//! Blocks of 32 elements: `Q4_0`, `Q4_1` and `Q8_0` with `f32` scales, and `Q5_0` and `Q5_1` with nibbles in pairs.
//!
//! ```text
//! Q4_0   d: f32, 16 bytes nibbles                 (q − 8)·d
//! Q4_1   d: f32, m: f32, 16 bytes nibbles         q·d + m
//! Q8_0   d: f32, 32 × i8                          q·d
//! Q5_0   d: f16, 32 high bits, 16 bytes nibbles   (q − 16)·d
//! Q5_1   d: f16, m: f16, 32 high bits, nibbles    q·d + m
//! ```
//!
//! Bit i of the high bits belongs to element i in every layout.

use super::nibbles::{PAIRS, split};
use super::{bad_f32, f32_at};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::number::from_f16;

/// `Q4_0` with an `f32` scale; `PAIRED`: the order of its nibbles.
pub(in crate::quant) struct Q4_0Wide<const PAIRED: bool>;

impl<const PAIRED: bool> Codec<32, 20> for Q4_0Wide<PAIRED> {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 20], out: &mut [f32; 32]) {
        let d = f32_at(b);
        for (o, q) in out.iter_mut().zip(split::<PAIRED, 32>(&b[4..])) {
            *o = (i32::from(q) - 8) as f32 * d;
        }
    }

    #[inline(always)]
    fn has_bad_scale(b: &[u8; 20]) -> bool {
        bad_f32(b)
    }
}

/// `Q4_1` with an `f32` scale and minimum.
pub(in crate::quant) struct Q4_1Wide<const PAIRED: bool>;

impl<const PAIRED: bool> Codec<32, 24> for Q4_1Wide<PAIRED> {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 24], out: &mut [f32; 32]) {
        let (d, m) = (f32_at(b), f32_at(&b[4..]));
        for (o, q) in out.iter_mut().zip(split::<PAIRED, 32>(&b[8..])) {
            *o = f32::from(q) * d + m;
        }
    }

    #[inline(always)]
    fn has_bad_scale(b: &[u8; 24]) -> bool {
        bad_f32(b) | bad_f32(&b[4..])
    }
}

/// `Q8_0` with an `f32` scale.
pub(in crate::quant) struct Q8_0Wide;

impl Codec<32, 36> for Q8_0Wide {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 36], out: &mut [f32; 32]) {
        let d = f32_at(b);
        for (o, &q) in out.iter_mut().zip(&b[4..]) {
            *o = f32::from(q as i8) * d;
        }
    }

    #[inline(always)]
    fn has_bad_scale(b: &[u8; 36]) -> bool {
        bad_f32(b)
    }
}

/// `Q5_0` with nibbles in pairs.
pub(in crate::quant) struct Q5_0Pairs;

impl Codec<32, 22> for Q5_0Pairs {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 22], out: &mut [f32; 32]) {
        let d = from_f16([b[0], b[1]]);
        for (o, q) in out.iter_mut().zip(five_bits([b[2], b[3], b[4], b[5]], &b[6..])) {
            *o = (i32::from(q) - 16) as f32 * d;
        }
    }
}

/// `Q5_1` with nibbles in pairs.
pub(in crate::quant) struct Q5_1Pairs;

impl Codec<32, 24> for Q5_1Pairs {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[0, 2];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 24], out: &mut [f32; 32]) {
        let (d, m) = (from_f16([b[0], b[1]]), from_f16([b[2], b[3]]));
        for (o, q) in out.iter_mut().zip(five_bits([b[4], b[5], b[6], b[7]], &b[8..])) {
            *o = f32::from(q) * d + m;
        }
    }
}

/// Levels of five bits from the high bits and nibbles in pairs.
#[inline(always)]
fn five_bits(high: [u8; 4], nibbles: &[u8]) -> [u8; 32] {
    let high = u32::from_le_bytes(high);
    let mut levels = split::<PAIRS, 32>(nibbles);
    for (i, l) in levels.iter_mut().enumerate() {
        *l |= ((high >> i & 1) as u8) << 4;
    }
    levels
}
