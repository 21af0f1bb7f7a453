//! Q2_K, Q4_K, Q5_K: x ≈ (d·scale)·q − (dmin·min), a sub-block in each lane.
//!
//! In turns: under given d and dmin each sub-block tries the scales around its own, for each the minimum that suits the levels
//! and its neighbours, all measured exactly; then d and dmin follow by least squares with codes and levels fixed.

use super::lanes::{clamp, each, gather, inverse};
use crate::quant::blocks::Rows;
use crate::quant::k::minimums::{Minimums, Scales};
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, MAX_LANES, numbers};

/// Elements of a super-block.
const N: usize = 256;

/// Searches every super-block starting from the reference's scales; each turn tries that many scales on either side of a sub-block's own.
#[inline(always)]
pub(in crate::quant) fn search<T: Minimums<S, SUBS, B>, I: Isa, const S: usize, const SUBS: usize, const B: usize>(
    s: I,
    turns: &[i32],
    mut rows: Rows<'_>,
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        let (x, w) = gather::<I, S>(s, &rows, first * SUBS);
        let mut found = [Scales { d: 0.0, dmin: 0.0, scales: [0; SUBS], mins: [0; SUBS] }; MAX_LANES];
        for i in 0..group {
            found[i] = T::read(rows.out((first + i).min(blocks.len() - 1)));
        }
        let lanes = Group { s, x: &x, w: &w, top: T::TOP, top_code: T::TOP_CODE };
        for (turn, &width) in turns.iter().enumerate() {
            if turn > 0 {
                lanes.refit(&mut found);
            }
            lanes.choose(width, &mut found);
        }
        for i in 0..group.min(blocks.len() - first) {
            let l = levels::<S, SUBS>(&blocks[first + i], &found[i], T::TOP);
            T::write(&found[i], &l, rows.out(first + i));
        }
    }
}

/// The levels of a super-block under its scales.
#[inline(always)]
fn levels<const S: usize, const SUBS: usize>(x: &[f32; N], scales: &Scales<SUBS>, top: i32) -> [u8; N] {
    let mut l = [0u8; N];
    for (j, (l, x)) in l.as_chunks_mut::<S>().0.iter_mut().zip(x.as_chunks::<S>().0).enumerate() {
        let (d, m) = scales.of_sub(j);
        let id = inverse_or_zero(d);
        for (l, &v) in l.iter_mut().zip(x) {
            *l = nearest_int((v + m) * id).clamp(0, top) as u8;
        }
    }
    l
}

/// Sub-blocks of a group of super-blocks, one in each lane.
struct Group<'a, I: Isa, const S: usize> {
    s: I,
    x: &'a [I::F; S],
    w: &'a [I::F; S],
    /// Highest level, and highest code of a scale or minimum.
    top: i32,
    top_code: i32,
}

impl<I: Isa, const S: usize> Group<'_, I, S> {
    /// The level of an element that is `v` above the minimum.
    #[inline(always)]
    fn level(&self, v: I::F, id: I::F) -> I::F {
        clamp((v * id).nearest(), self.s.splat(0.0), self.s.splat(self.top as f32))
    }

    /// The error of each lane at this scale and these minima; several at a time, because each addition to a sum waits for the one before.
    #[inline(always)]
    fn errors<const M: usize>(&self, d: I::F, id: I::F, m: [I::F; M]) -> [I::F; M] {
        let mut e = [self.s.splat(0.0); M];
        for i in 0..S {
            for k in 0..M {
                let v = self.x[i] + m[k];
                let diff = v - d * self.level(v, id);
                e[k] = e[k] + self.w[i] * (diff * diff);
            }
        }
        e
    }

    /// The best codes of each sub-block within `width` scales of its own, each with the minimum that suits it and its neighbours.
    #[inline(always)]
    fn choose<const SUBS: usize>(&self, width: i32, found: &mut [Scales<SUBS>; MAX_LANES]) {
        let s = self.s;
        let (zero, codes) = (s.splat(0.0), s.splat(self.top_code as f32));
        let d = each(s, |lane| found[lane / SUBS].d);
        let dmin = each(s, |lane| found[lane / SUBS].dmin);
        let scale = each(s, |lane| f32::from(found[lane / SUBS].scales[lane % SUBS]));
        let min = each(s, |lane| f32::from(found[lane / SUBS].mins[lane % SUBS]));
        let per_min = inverse(s, dmin);
        let (mut sum_w, mut sum_wx) = (zero, zero);
        for i in 0..S {
            sum_w = sum_w + self.w[i];
            sum_wx = sum_wx + self.w[i] * self.x[i];
        }
        let (mut best, mut best_scale, mut best_min) = {
            let d = d * scale;
            (self.errors(d, inverse(s, d), [dmin * min])[0], scale, min)
        };
        for step in -width..=width {
            let scale = clamp(scale + s.splat(step as f32), zero, codes);
            let d = d * scale;
            let id = inverse(s, d);
            let m = dmin * best_min;
            let mut sum_wl = zero;
            for i in 0..S {
                sum_wl = sum_wl + self.w[i] * self.level(self.x[i] + m, id);
            }
            let suits = ((d * sum_wl - sum_wx) / sum_w * per_min).nearest();
            let (mut beside, mut m) = ([zero; 3], [zero; 3]);
            for k in 0..3 {
                beside[k] = clamp(suits + s.splat(k as f32 - 1.0), zero, codes);
                m[k] = dmin * beside[k];
            }
            let e = self.errors(d, id, m);
            for k in 0..3 {
                let better = e[k].lt(best);
                best = e[k].or_else(better, best);
                best_scale = scale.or_else(better, best_scale);
                best_min = beside[k].or_else(better, best_min);
            }
        }
        let (scales, mins) = (numbers(best_scale), numbers(best_min));
        for lane in 0..I::F::N {
            found[lane / SUBS].scales[lane % SUBS] = scales[lane] as u8;
            found[lane / SUBS].mins[lane % SUBS] = mins[lane] as u8;
        }
    }

    /// d and dmin of each super-block by least squares with codes and levels fixed.
    #[inline(always)]
    fn refit<const SUBS: usize>(&self, found: &mut [Scales<SUBS>; MAX_LANES]) {
        let s = self.s;
        let d = each(s, |lane| found[lane / SUBS].of_sub(lane % SUBS).0);
        let m = each(s, |lane| found[lane / SUBS].of_sub(lane % SUBS).1);
        let id = inverse(s, d);
        let mut sums = [s.splat(0.0); 5];
        for i in 0..S {
            let (x, w) = (self.x[i], self.w[i]);
            let l = self.level(x + m, id);
            let wl = w * l;
            sums[0] = sums[0] + wl * l;
            sums[1] = sums[1] + wl;
            sums[2] = sums[2] + w;
            sums[3] = sums[3] + wl * x;
            sums[4] = sums[4] + w * x;
        }
        let mut of_lanes = [[0f32; MAX_LANES]; 5];
        for k in 0..5 {
            of_lanes[k] = numbers(sums[k]);
        }
        for (i, found) in found.iter_mut().enumerate().take(I::F::N / SUBS) {
            // x ≈ d·a − dmin·b with a = scale·level, b = min.
            let (mut aa, mut ab, mut bb, mut xa, mut xb) = (0f64, 0f64, 0f64, 0f64, 0f64);
            for j in 0..SUBS {
                let of = |k: usize| f64::from(of_lanes[k][i * SUBS + j]);
                let (scale, min) = (f64::from(found.scales[j]), f64::from(found.mins[j]));
                aa += scale * scale * of(0);
                ab += scale * min * of(1);
                bb += min * min * of(2);
                xa += scale * of(3);
                xb += min * of(4);
            }
            let det = aa * bb - ab * ab;
            let (d, dmin) = if det > 1e-9 * aa * bb {
                ((xa * bb - xb * ab) / det, (xa * ab - xb * aa) / det)
            } else if aa > 0.0 {
                ((xa + f64::from(found.dmin) * ab) / aa, f64::from(found.dmin))
            } else {
                continue;
            };
            let (d, dmin) = (from_f16(to_f16(d as f32)), from_f16(to_f16(dmin as f32)));
            if d.is_finite() && dmin.is_finite() && dmin >= 0.0 {
                (found.d, found.dmin) = (d, dmin);
            }
        }
    }
}
