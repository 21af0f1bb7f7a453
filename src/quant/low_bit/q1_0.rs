//! Q1_0: x ≈ ±d, d the mean magnitude of 128 elements.
//!
//! ```text
//! 0    2                18
//! ├ d ─┼ 128 sign bits ─┤     d: f16; bit j % 8 of byte j / 8, set for x ≥ 0
//! ```

use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::{Isa, Lanes};

const N: usize = 128;
const BYTES: usize = 2 + N / 8;

/// The format. It has no further search: its scale is the best one for the signs.
pub(in crate::quant) struct Q1_0;

impl Codec<N, BYTES> for Q1_0 {
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x: &[f32; N], _, out: &mut [u8; BYTES]| {
            let sum = x.iter().fold(0f32, |s, v| s + v.abs());
            out[..2].copy_from_slice(&to_f16(sum / N as f32));
            for (o, x) in out[2..].iter_mut().zip(x.as_chunks::<8>().0) {
                *o = x.iter().enumerate().fold(0, |bits, (j, &v)| bits | u8::from(v >= 0.0) << j);
            }
        });
    }

    /// The sums of several blocks are computed in step, which hides their latency.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        const TOGETHER: usize = 8;
        let blocks = rows.blocks::<N>();
        let zero = s.splat(0.0);
        for first in (0..blocks.len()).step_by(TOGETHER) {
            // Beyond the last block it is repeated.
            let x: [&[f32; N]; TOGETHER] = std::array::from_fn(|b| &blocks[(first + b).min(blocks.len() - 1)]);
            let mut sums = [0f32; TOGETHER];
            for i in 0..N {
                for b in 0..TOGETHER {
                    sums[b] += x[b][i].abs();
                }
            }
            for b in 0..TOGETHER.min(blocks.len() - first) {
                let out = rows.out::<BYTES>(first + b);
                out[..2].copy_from_slice(&to_f16(sums[b] / N as f32));
                for (out, x) in out[2..].chunks_exact_mut(I::F::N / 8).zip(x[b].chunks_exact(I::F::N)) {
                    let bits = I::F::bits(zero.le(s.load(x))).to_le_bytes();
                    out.copy_from_slice(&bits[..I::F::N / 8]);
                }
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (j, o) in out.iter_mut().enumerate() {
            *o = if b[2 + j / 8] >> (j % 8) & 1 == 1 { d } else { -d };
        }
    }
}
