//! Q3_K, Q6_K, IQ4_XS: x ≈ d·scale·v(q), a sub-block in each lane.
//!
//! In turns: under a given d each sub-block tries the scales around its own with either sign (the levels are not symmetric), measured
//! exactly; then d follows by least squares with codes and levels fixed.

use super::lanes::{clamp, each, gather, inverse};
use super::levels::{Levels, errors, moments};
use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, MAX_LANES, numbers};

/// Elements of a super-block.
const N: usize = 256;

/// What a format allows and how far the search goes.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Steps<L: 'static> {
    /// The values of an element.
    pub(in crate::quant) levels: L,
    /// Codes of a scale, lowest and highest.
    pub(in crate::quant) codes: (i32, i32),
    /// For each turn: the first and the last step from a sub-block's own scale, away from zero.
    pub(in crate::quant) turns: &'static [(i32, i32)],
}

/// The scales of a super-block as they are stored.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Scales<const SUBS: usize> {
    pub(in crate::quant) d: f32,
    /// The code of each sub-block's scale.
    pub(in crate::quant) codes: [i8; SUBS],
}

impl<const SUBS: usize> Scales<SUBS> {
    /// The scale of sub-block `j`, in elements' units.
    #[inline(always)]
    pub(in crate::quant) fn of_sub(&self, j: usize) -> f32 {
        self.d * f32::from(self.codes[j])
    }

    /// Levels from `low` to `high` of a super-block's elements, counted from `low`; `S` elements a sub-block.
    #[inline(always)]
    pub(in crate::quant) fn integer_levels<const S: usize>(&self, x: &[f32; N], low: i32, high: i32) -> [u8; N] {
        let mut l = [0u8; N];
        for (j, (l, x)) in l.as_chunks_mut::<S>().0.iter_mut().zip(x.as_chunks::<S>().0).enumerate() {
            let id = inverse_or_zero(self.of_sub(j));
            for (l, &v) in l.iter_mut().zip(x) {
                *l = (nearest_int(v * id).clamp(low, high) - low) as u8;
            }
        }
        l
    }
}

/// Searches every super-block starting from the reference's scales.
#[inline(always)]
pub(in crate::quant) fn search<I: Isa, L: Levels, const S: usize, const SUBS: usize, const B: usize>(
    s: I,
    steps: Steps<L>,
    mut rows: Rows<'_>,
    read: impl Fn(&[u8; B]) -> Scales<SUBS>,
    write: impl Fn(&Scales<SUBS>, &[f32; N], &mut [u8; B]),
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        let (x, w) = gather::<I, S>(s, &rows, first * SUBS);
        let mut found = [Scales { d: 0.0, codes: [0; SUBS] }; MAX_LANES];
        for i in 0..group {
            found[i] = read(rows.out((first + i).min(blocks.len() - 1)));
        }
        for (turn, &range) in steps.turns.iter().enumerate() {
            if turn > 0 {
                refit(s, steps.levels, &x, &w, &mut found);
            }
            choose(s, steps, &x, &w, range, &mut found);
        }
        for i in 0..group.min(blocks.len() - first) {
            write(&found[i], &blocks[first + i], rows.out(first + i));
        }
    }
}

/// The best scale of each sub-block within `range` of its own.
#[inline(always)]
fn choose<I: Isa, L: Levels, const S: usize, const SUBS: usize>(
    s: I,
    steps: Steps<L>,
    x: &[I::F; S],
    w: &[I::F; S],
    range: (i32, i32),
    found: &mut [Scales<SUBS>; MAX_LANES],
) {
    /// Steps measured at a time, each with both signs.
    const AT_ONCE: usize = 2;
    let (low, high) = (s.splat(steps.codes.0 as f32), s.splat(steps.codes.1 as f32));
    let d = each(s, |lane| found[lane / SUBS].d);
    let own = each(s, |lane| f32::from(found[lane / SUBS].codes[lane % SUBS]));
    let (size, away) = (own.abs(), s.splat(1.0).with_sign_of(own));
    let mut best_scale = own;
    let mut best = errors(s, steps.levels, x, w, &[d * own], &[inverse(s, d * own)])[0];
    for step in (range.0..=range.1).step_by(AT_ONCE) {
        let mut scale = [own; 2 * AT_ONCE];
        let (mut ds, mut ids) = (scale, scale);
        for k in 0..2 * AT_ONCE {
            let size = (size + s.splat((step + k as i32 / 2) as f32)).greater(s.splat(0.0));
            let signed = if k % 2 == 0 { size * away } else { size * away.negate() };
            scale[k] = clamp(signed, low, high);
            ds[k] = d * scale[k];
            ids[k] = inverse(s, ds[k]);
        }
        let e = errors(s, steps.levels, x, w, &ds, &ids);
        for k in 0..2 * AT_ONCE {
            let better = e[k].lt(best);
            best = e[k].or_else(better, best);
            best_scale = scale[k].or_else(better, best_scale);
        }
    }
    let scales = numbers(best_scale);
    for lane in 0..I::F::N {
        found[lane / SUBS].codes[lane % SUBS] = scales[lane] as i8;
    }
}

/// d of each super-block by least squares with codes and levels fixed.
#[inline(always)]
fn refit<I: Isa, L: Levels, const S: usize, const SUBS: usize>(
    s: I,
    levels: L,
    x: &[I::F; S],
    w: &[I::F; S],
    found: &mut [Scales<SUBS>; MAX_LANES],
) {
    let d = each(s, |lane| found[lane / SUBS].of_sub(lane % SUBS));
    let (xl, l2) = moments(s, levels, x, w, inverse(s, d));
    let (xl, l2) = (numbers(xl), numbers(l2));
    for (i, found) in found.iter_mut().enumerate().take(I::F::N / SUBS) {
        let (mut xa, mut aa) = (0f64, 0f64);
        for j in 0..SUBS {
            let scale = f64::from(found.codes[j]);
            xa += scale * f64::from(xl[i * SUBS + j]);
            aa += scale * scale * f64::from(l2[i * SUBS + j]);
        }
        let d = from_f16(to_f16((xa / aa) as f32));
        if d.is_finite() && d != 0.0 {
            found.d = d;
        }
    }
}
