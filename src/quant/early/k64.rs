//! k-quants with super-blocks of 64 elements (`QK_K` = 64 in `k_quants.c`, llama.cpp 6769e944c, 2023-06-26).
//!
//! ```text
//! Q2_K   4 scales and minimums of 4 bits, 16 bytes of 2 bits, d: f16, dmin: f16
//! Q3_K   8 bytes of high bits, 16 bytes of 2 bits, 4 scales of 4 bits, d: f16
//! Q4_K   d: f16, dmin: f16, 2 scales and minimums of 4 bits, 32 bytes nibbles
//! Q5_K   d: f16, 4 × i8 scales, 8 bytes of high bits, 32 bytes nibbles
//! Q6_K   32 bytes nibbles, 16 bytes of 2 high bits, 4 × i8 scales, d: f16
//! ```

use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::number::from_f16;

macro_rules! formats {
    ($($name:ident, $bytes:literal, $scales:expr, $decode:expr;)*) => {$(
        /// See the module.
        pub(in crate::quant) struct $name;

        impl Codec<64, $bytes> for $name {
            const WRITES: bool = false;
            const F16_SCALES: &'static [usize] = &$scales;

            fn encode(_: Rows<'_>) {}

            #[inline(always)]
            fn decode_block(b: &[u8; $bytes], out: &mut [f32; 64]) {
                $decode(b, out);
            }
        }
    )*};
}

formats! {
    Q2K64, 24, [20, 22], q2;
    Q3K64, 28, [26], q3;
    Q4K64, 38, [0, 2], q4;
    Q5K64, 46, [0], q5;
    Q6K64, 54, [52], q6;
}

fn q2(b: &[u8; 24], out: &mut [f32; 64]) {
    let (d, min) = (from_f16([b[20], b[21]]), from_f16([b[22], b[23]]));
    for (i, part) in out.chunks_exact_mut(16).enumerate() {
        let (scale, offset) = (d * f32::from(b[i] & 15), min * f32::from(b[i] >> 4));
        for (o, q) in part.iter_mut().zip(&b[4..20]) {
            *o = scale * f32::from(q >> (2 * i) & 3) - offset;
        }
    }
}

fn q3(b: &[u8; 28], out: &mut [f32; 64]) {
    let d = from_f16([b[26], b[27]]);
    for (k, part) in out.chunks_exact_mut(8).enumerate() {
        // Two parts of eight elements share a scale.
        let nibble = b[24 + k / 4] >> (4 * ((k / 2) & 1)) & 15;
        let scale = d * (i32::from(nibble) - 8) as f32;
        for (l, o) in part.iter_mut().enumerate() {
            let low = b[8 + l + 8 * (k & 1)] >> (2 * (k / 2)) & 3;
            let high = if b[l] >> k & 1 == 1 { 0 } else { 4 };
            *o = scale * (i32::from(low) - high) as f32;
        }
    }
}

fn q4(b: &[u8; 38], out: &mut [f32; 64]) {
    let (d, min) = (from_f16([b[0], b[1]]), from_f16([b[2], b[3]]));
    for (i, part) in out.chunks_exact_mut(32).enumerate() {
        let (scale, offset) = (d * f32::from(b[4 + i] & 15), min * f32::from(b[4 + i] >> 4));
        for (o, q) in part.iter_mut().zip(&b[6..]) {
            *o = scale * f32::from(q >> (4 * i) & 15) - offset;
        }
    }
}

fn q5(b: &[u8; 46], out: &mut [f32; 64]) {
    let d = from_f16([b[0], b[1]]);
    for (k, part) in out.chunks_exact_mut(8).enumerate() {
        let scale = d * f32::from(b[2 + k / 2] as i8);
        for (l, o) in part.iter_mut().enumerate() {
            let nibble = b[14 + l + 8 * (k & 3)] >> (4 * (k / 4)) & 15;
            let high = if b[6 + l] >> k & 1 == 1 { 0 } else { 16 };
            *o = scale * (i32::from(nibble) - high) as f32;
        }
    }
}

fn q6(b: &[u8; 54], out: &mut [f32; 64]) {
    let d = from_f16([b[52], b[53]]);
    for (i, part) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(b[48 + i] as i8);
        for (l, o) in part.iter_mut().enumerate() {
            let low = b[l + 16 * (i & 1)] >> (4 * (i / 2)) & 15;
            let high = b[32 + l] >> (2 * i) & 3;
            *o = scale * (i32::from(low | high << 4) - 32) as f32;
        }
    }
}
