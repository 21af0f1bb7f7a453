//! TQ2_0: x ≈ d·(q − 1), d the largest magnitude of 256 elements.
//!
//! ```text
//! 0                64   66
//! ├ 64 bytes, 4×2 ─┼ d ─┤     d: f16; byte 32·h + j holds elements 128·h + j, +32, +64, +96 from low to high bits
//! ```

use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};

const N: usize = 256;
const BYTES: usize = BlockType::TQ2_0.block_bytes();
const _: () = assert!(BYTES == N / 4 + 2);

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let d = max_abs(x);
        let id = inverse_or_zero(d);
        let level = |v: f32| ((round_away(v * id) + 1) & 3) as u8;
        for (x, out) in x.as_chunks::<128>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            for (j, o) in out.iter_mut().enumerate() {
                *o = level(x[j]) | level(x[j + 32]) << 2 | level(x[j + 64]) << 4 | level(x[j + 96]) << 6;
            }
        }
        out[BYTES - 2..].copy_from_slice(&to_f16(d));
    });
}

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        for (q, out) in b.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<128>().0) {
            for (j, o) in out.iter_mut().enumerate() {
                *o = (i32::from(q[j % 32] >> (2 * (j / 32)) & 3) - 1) as f32 * d;
            }
        }
    });
}
