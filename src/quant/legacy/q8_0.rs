//! Q8_0: x ≈ d·q.
//!
//! ```text
//! 0    2              34
//! ├ d ─┼ 32 × i8 ─────┤     d: f16
//! ```

use super::levels::N;
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::levels::Integers;
use crate::quant::effort::scale::{self, Candidates};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, round_away, to_f16};
use crate::quant::simd::{Isa, Lanes, within};

const BYTES: usize = 2 + N;

/// The highest level.
const TOP: i32 = 127;

const CANDIDATES: Candidates<Integers> =
    Candidates { levels: Integers { low: -TOP, high: TOP }, first: 121.0, step: 0.3, count: 24, both_signs: false };

/// The format.
pub(in crate::quant) struct Q8_0;

impl Codec<N, BYTES> for Q8_0 {
    const IMPORTANCE: Importance = Importance::Ignored;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x: &[f32; N], _, out: &mut [u8; BYTES]| {
            let d = max_abs(x) / TOP as f32;
            let id = inverse_or_zero(d);
            out[..2].copy_from_slice(&to_f16(d));
            for (o, &v) in out[2..].iter_mut().zip(x) {
                *o = round_away(v * id) as u8;
            }
        });
    }

    /// The lanes are inside a block.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        // The largest number below a half: added before cutting, it rounds halves away from zero, and nothing else up.
        let half = s.splat(0.5 - f32::EPSILON / 4.0);
        for (b, x) in rows.blocks().iter().enumerate() {
            let d = within::max_abs(s, x) / TOP as f32;
            let id = s.splat(inverse_or_zero(d));
            let out: &mut [u8; BYTES] = rows.out(b);
            out[..2].copy_from_slice(&to_f16(d));
            if let Some(levels) = out.last_chunk_mut::<N>() {
                within::cut(s, x, levels, |v| v * id + half.with_sign_of(v * id));
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (o, &q) in out.iter_mut().zip(&b[2..]) {
            *o = f32::from(q as i8) * d;
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        scale::search(s, CANDIDATES, rows, |d, x, out: &mut [u8; BYTES]| {
            out[..2].copy_from_slice(&to_f16(d));
            for (o, l) in out[2..].iter_mut().zip(scale::integer_levels(x, d, -TOP, TOP)) {
                *o = l.wrapping_sub(TOP as u8);
            }
        });
    }
}
