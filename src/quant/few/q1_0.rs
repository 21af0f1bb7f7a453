//! Q1_0: x ≈ ±d, d the mean magnitude of 128 elements.
//!
//! ```text
//! 0    2                18
//! ├ d ─┼ 128 sign bits ─┤     d: f16; bit j % 8 of byte j / 8, set for x ≥ 0
//! ```

use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, to_f16};

const N: usize = 128;
const BYTES: usize = BlockType::Q1_0.block_bytes();
const _: () = assert!(BYTES == 2 + N / 8);

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let sum = x.iter().fold(0f32, |s, v| s + v.abs());
        out[..2].copy_from_slice(&to_f16(sum / N as f32));
        for (o, x) in out[2..].iter_mut().zip(x.as_chunks::<8>().0) {
            *o = x.iter().enumerate().fold(0, |bits, (j, &v)| bits | u8::from(v >= 0.0) << j);
        }
    });
}

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for (j, o) in out.iter_mut().enumerate() {
            *o = if b[2 + j / 8] >> (j % 8) & 1 == 1 { d } else { -d };
        }
    });
}
