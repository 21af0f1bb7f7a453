//! `Q4_2` and `Q4_3`: blocks of 16 elements with `f16` scales and nibbles in pairs (2023-04-18 to 2023-05-12).
//!
//! ```text
//! Q4_2   d: f16, 8 bytes nibbles           (q − 8)·d
//! Q4_3   d: f16, m: f16, 8 bytes nibbles   q·d + m
//! ```

use super::nibbles::{PAIRS, split};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::number::from_f16;

/// See the module.
pub(in crate::quant) struct Q4_2;

impl Codec<16, 10> for Q4_2 {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 10], out: &mut [f32; 16]) {
        let d = from_f16([b[0], b[1]]);
        for (o, q) in out.iter_mut().zip(split::<PAIRS, 16>(&b[2..])) {
            *o = (i32::from(q) - 8) as f32 * d;
        }
    }
}

/// See the module.
pub(in crate::quant) struct Q4_3;

impl Codec<16, 12> for Q4_3 {
    const WRITES: bool = false;
    const F16_SCALES: &'static [usize] = &[0, 2];

    fn encode(_: Rows<'_>) {}

    #[inline(always)]
    fn decode_block(b: &[u8; 12], out: &mut [f32; 16]) {
        let (d, m) = (from_f16([b[0], b[1]]), from_f16([b[2], b[3]]));
        for (o, q) in out.iter_mut().zip(split::<PAIRS, 16>(&b[4..])) {
            *o = f32::from(q) * d + m;
        }
    }
}
