//! Q2_0: x ≈ d·(q − 1), d the largest magnitude of 64 elements.
//!
//! ```text
//! 0    2                18
//! ├ d ─┼ 16 bytes, 4×2 ─┤     d: f16; byte j holds elements 4·j … 4·j + 3 from low to high bits
//! ```

use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};

const N: usize = 64;
const BYTES: usize = BlockType::Q2_0.block_bytes();
const _: () = assert!(BYTES == 2 + N / 4);

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let d = max_abs(x);
        let id = inverse_or_zero(d);
        out[..2].copy_from_slice(&to_f16(d));
        let level = |v: f32| (round_away(v * id) + 1).clamp(0, 3) as u8;
        for (o, x) in out[2..].iter_mut().zip(x.as_chunks::<4>().0) {
            *o = level(x[0]) | level(x[1]) << 2 | level(x[2]) << 4 | level(x[3]) << 6;
        }
    });
}

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        let d = from_f16([b[0], b[1]]);
        for (j, o) in out.iter_mut().enumerate() {
            *o = (i32::from(b[2 + j / 4] >> (2 * (j % 4)) & 3) - 1) as f32 * d;
        }
    });
}
