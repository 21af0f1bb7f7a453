//! IQ4_NL: x ≈ d·v(q), v one of sixteen values.
//!
//! ```text
//! 0    2                   18
//! ├ d ─┼ 16 bytes nibbles ─┤     d: f16
//! ```

use super::four_bits::{S, pack, scale, unpack, weights};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, sum_of_squares, to_f16};

const BYTES: usize = BlockType::IQ4_NL.block_bytes();
const _: () = assert!(BYTES == 2 + S / 2);

pub(in crate::quant) fn encode_row(x: &[f32], weights_row: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<S, BYTES>(x, weights_row, dst, |x, importance, out| {
        let floor = sum_of_squares(x) * (2.0 / S as f32);
        let d = scale(x, &weights(x, importance, floor));
        out[..2].copy_from_slice(&to_f16(d));
        pack(x, inverse_or_zero(d), &mut out[2..]);
    });
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, S>(src, dst, |b, out| unpack(&b[2..], from_f16([b[0], b[1]]), out));
}
