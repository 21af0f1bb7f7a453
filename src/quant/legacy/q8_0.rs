//! Q8_0: x ≈ d·q. Importance weights change nothing here.
//!
//! ```text
//! 0    2              34
//! ├ d ─┼ 32 × i8 ─────┤     d: f16
//! ```

use super::N;
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};
use crate::quant::simd::{Isa, Lanes, Rows, within};

const BYTES: usize = BlockType::Q8_0.block_bytes();
const _: () = assert!(BYTES == 2 + N);

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let d = max_abs(x) / 127.0;
        let id = inverse_or_zero(d);
        out[..2].copy_from_slice(&to_f16(d));
        for (o, &v) in out[2..].iter_mut().zip(x) {
            *o = round_away(v * id) as u8;
        }
    });
}

/// [`encode_row`] for many rows, the lanes inside a block.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    // The largest number below a half: added before cutting it rounds halves away from zero, and nothing else up.
    let half = s.splat(0.5 - f32::EPSILON / 4.0);
    for (b, x) in rows.blocks().iter().enumerate() {
        let d = within::max_abs(s, x) / 127.0;
        let id = s.splat(inverse_or_zero(d));
        let out: &mut [u8; BYTES] = rows.out(b);
        out[..2].copy_from_slice(&to_f16(d));
        if let Some(levels) = out.last_chunk_mut::<N>() {
            within::cut(s, x, levels, |v| v * id + half.with_sign_of(v * id));
        }
    }
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let d = from_f16([b[0], b[1]]);
    for (o, &q) in out.iter_mut().zip(&b[2..]) {
        *o = f32::from(q as i8) * d;
    }
}
