//! Q6_K, Q3_K, IQ4_XS: x ≈ d·scale·v(q), a sub-block in each lane.
//!
//! In turns: under a given d each sub-block tries the scales around its own with either sign (the levels are not symmetric), measured
//! exactly; then d follows by least squares with codes and levels fixed.

use super::lanes::{clamp, each, gather, inverse};
use super::levels::{Integers, Levels, errors, moments};
use crate::quant::BlockType;
use crate::quant::iq::four_bits;
use crate::quant::k::{scales, two_bits};
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, MOST, Rows, Sixteen, numbers};

/// Elements of a super-block.
const N: usize = 256;

/// What a format allows and how far the search goes.
#[derive(Clone, Copy)]
struct How<L> {
    levels: L,
    /// Codes of a scale, lowest and highest.
    codes: (i32, i32),
    /// For each turn: the first and the last step from a sub-block's own scale, away from zero.
    turns: &'static [(i32, i32)],
}

/// The scales of a super-block.
#[derive(Clone, Copy)]
struct Super<const SUBS: usize> {
    d: f32,
    scales: [i8; SUBS],
}

const Q6: How<Integers> =
    How { levels: Integers { low: -32, high: 31 }, codes: (-128, 127), turns: &[(-5, 6), (-2, 2)] };
const Q3: How<Integers> =
    How { levels: Integers { low: -4, high: 3 }, codes: (-32, 31), turns: &[(-5, 6), (-2, 3), (-2, 1)] };
const IQ4: How<&Sixteen> = How { levels: &four_bits::LEVELS, codes: (-32, 31), turns: &[(-5, 4), (-2, 1)] };

/// Improves Q6_K.
#[inline(always)]
pub(super) fn q6<I: Isa>(s: I, rows: Rows<'_>) {
    const BYTES: usize = BlockType::Q6_K.block_bytes();
    let read = |b: &[u8; BYTES]| Super {
        d: from_f16([b[BYTES - 2], b[BYTES - 1]]),
        scales: std::array::from_fn(|j| b[192 + j] as i8),
    };
    search::<I, _, 16, 16, BYTES>(s, Q6, rows, read, |c, x, out| {
        let l = integer_levels::<16, 16>(x, c, -32, 31);
        for (l, out) in l.as_chunks::<128>().0.iter().zip(out[..128].as_chunks_mut::<64>().0) {
            for j in 0..64 {
                out[j] = (l[j] & 15) | l[j + 64] << 4;
            }
        }
        if let Some(high) = out[128..].first_chunk_mut() {
            two_bits::pack(&l.map(|l| l >> 4), high);
        }
        for j in 0..16 {
            out[192 + j] = c.scales[j] as u8;
        }
        out[BYTES - 2..].copy_from_slice(&to_f16(c.d));
    });
}

/// Improves Q3_K.
#[inline(always)]
pub(super) fn q3<I: Isa>(s: I, rows: Rows<'_>) {
    const BYTES: usize = BlockType::Q3_K.block_bytes();
    let read = |b: &[u8; BYTES]| {
        let mut packed = [0; 12];
        packed.copy_from_slice(&b[96..108]);
        Super { d: from_f16([b[108], b[109]]), scales: scales::unpack16(&packed).map(|c| c as i8 - 32) }
    };
    search::<I, _, 16, 16, BYTES>(s, Q3, rows, read, |c, x, out| {
        let l = integer_levels::<16, 16>(x, c, -4, 3);
        let top = &mut out[..32];
        top.fill(0);
        for (k, l) in l.as_chunks::<32>().0.iter().enumerate() {
            for (t, &l) in top.iter_mut().zip(l) {
                *t |= (l >> 2 & 1) << k;
            }
        }
        if let Some(q) = out[32..].first_chunk_mut() {
            two_bits::pack(&l, q);
        }
        out[96..108].copy_from_slice(&scales::pack16(&c.scales.map(|c| (c + 32) as u8)));
        out[108..].copy_from_slice(&to_f16(c.d));
    });
}

/// Improves IQ4_XS.
#[inline(always)]
pub(super) fn iq4_xs<I: Isa>(s: I, rows: Rows<'_>) {
    const BYTES: usize = BlockType::IQ4_XS.block_bytes();
    let read = |b: &[u8; BYTES]| {
        let high = u16::from_le_bytes([b[2], b[3]]);
        let code = |j: usize| u16::from(b[4 + j / 2] >> (4 * (j % 2)) & 15) | (high >> (2 * j) & 3) << 4;
        Super { d: from_f16([b[0], b[1]]), scales: std::array::from_fn(|j| code(j) as i8 - 32) }
    };
    search::<I, _, 32, 8, BYTES>(s, IQ4, rows, read, |c, x, out| {
        *out = [0; BYTES];
        out[..2].copy_from_slice(&to_f16(c.d));
        let mut high = 0u16;
        for (j, x) in x.as_chunks::<32>().0.iter().enumerate() {
            let code = (c.scales[j] + 32) as u16;
            out[4 + j / 2] |= ((code & 15) as u8) << (4 * (j % 2));
            high |= (code >> 4) << (2 * j);
            four_bits::pack_within(s, x, inverse_or_zero(c.d * f32::from(c.scales[j])), &mut out[8 + 16 * j..]);
        }
        out[2..4].copy_from_slice(&high.to_le_bytes());
    });
}

/// Levels from `low` to `high` under a super-block's scales, counted from `low`.
#[inline(always)]
fn integer_levels<const S: usize, const SUBS: usize>(x: &[f32; N], c: &Super<SUBS>, low: i32, high: i32) -> [u8; N] {
    let mut l = [0u8; N];
    for (j, (l, x)) in l.as_chunks_mut::<S>().0.iter_mut().zip(x.as_chunks::<S>().0).enumerate() {
        let id = inverse_or_zero(c.d * f32::from(c.scales[j]));
        for (l, &v) in l.iter_mut().zip(x) {
            *l = (nearest_int(v * id).clamp(low, high) - low) as u8;
        }
    }
    l
}

/// Searches every super-block from the reference's scales on.
#[inline(always)]
fn search<I: Isa, L: Levels, const S: usize, const SUBS: usize, const B: usize>(
    s: I,
    how: How<L>,
    mut rows: Rows<'_>,
    read: impl Fn(&[u8; B]) -> Super<SUBS>,
    write: impl Fn(&Super<SUBS>, &[f32; N], &mut [u8; B]),
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        let (x, w) = gather::<I, S>(s, &rows, first * SUBS);
        let mut found = [Super { d: 0.0, scales: [0; SUBS] }; MOST];
        for i in 0..group {
            found[i] = read(rows.out((first + i).min(blocks.len() - 1)));
        }
        for (turn, &steps) in how.turns.iter().enumerate() {
            if turn > 0 {
                refit(s, how, &x, &w, &mut found);
            }
            choose(s, how, &x, &w, steps, &mut found);
        }
        for i in 0..group.min(blocks.len() - first) {
            write(&found[i], &blocks[first + i], rows.out(first + i));
        }
    }
}

/// The best scale of each sub-block within `steps` of its own.
#[inline(always)]
fn choose<I: Isa, L: Levels, const S: usize, const SUBS: usize>(
    s: I,
    how: How<L>,
    x: &[I::F; S],
    w: &[I::F; S],
    steps: (i32, i32),
    found: &mut [Super<SUBS>; MOST],
) {
    /// Steps measured together, each with both signs.
    const AT_ONCE: usize = 2;
    let (low, high) = (s.splat(how.codes.0 as f32), s.splat(how.codes.1 as f32));
    let d = each(s, |lane| found[lane / SUBS].d);
    let own = each(s, |lane| f32::from(found[lane / SUBS].scales[lane % SUBS]));
    let (size, away) = (own.abs(), s.splat(1.0).with_sign_of(own));
    let mut best_scale = own;
    let mut best = errors(s, how.levels, x, w, &[d * own], &[inverse(s, d * own)])[0];
    for step in (steps.0..=steps.1).step_by(AT_ONCE) {
        let mut scale = [own; 2 * AT_ONCE];
        let (mut ds, mut ids) = (scale, scale);
        for k in 0..2 * AT_ONCE {
            let size = (size + s.splat((step + k as i32 / 2) as f32)).greater(s.splat(0.0));
            let signed = if k % 2 == 0 { size * away } else { size * away.negate() };
            scale[k] = clamp(signed, low, high);
            ds[k] = d * scale[k];
            ids[k] = inverse(s, ds[k]);
        }
        let e = errors(s, how.levels, x, w, &ds, &ids);
        for k in 0..2 * AT_ONCE {
            let better = e[k].lt(best);
            best = e[k].or_else(better, best);
            best_scale = scale[k].or_else(better, best_scale);
        }
    }
    let scales = numbers(best_scale);
    for lane in 0..I::F::N {
        found[lane / SUBS].scales[lane % SUBS] = scales[lane] as i8;
    }
}

/// d of each super-block by least squares with codes and levels fixed.
#[inline(always)]
fn refit<I: Isa, L: Levels, const S: usize, const SUBS: usize>(
    s: I,
    how: How<L>,
    x: &[I::F; S],
    w: &[I::F; S],
    found: &mut [Super<SUBS>; MOST],
) {
    let d = each(s, |lane| found[lane / SUBS].d * f32::from(found[lane / SUBS].scales[lane % SUBS]));
    let (xl, l2) = moments(s, how.levels, x, w, inverse(s, d));
    let (xl, l2) = (numbers(xl), numbers(l2));
    for (i, found) in found.iter_mut().enumerate().take(I::F::N / SUBS) {
        let (mut xa, mut aa) = (0f64, 0f64);
        for j in 0..SUBS {
            let scale = f64::from(found.scales[j]);
            xa += scale * f64::from(xl[i * SUBS + j]);
            aa += scale * scale * f64::from(l2[i * SUBS + j]);
        }
        let d = from_f16(to_f16((xa / aa) as f32));
        if d.is_finite() && d != 0.0 {
            found.d = d;
        }
    }
}
