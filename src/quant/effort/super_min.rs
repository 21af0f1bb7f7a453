//! Q4_K, Q5_K, Q2_K: x ≈ (d·scale)·q − (dmin·min), a sub-block in each lane.
//!
//! In turns: under given d and dmin each sub-block tries the scales around its own, for each the minimum that suits the levels
//! and those beside it, all measured exactly; then d and dmin follow by least squares with codes and levels fixed.

use super::lanes::{clamp, each, gather, inverse};
use crate::quant::BlockType;
use crate::quant::k::{self, scales, two_bits, with_min};
use crate::quant::number::{from_f16, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, MOST, Rows, numbers};

/// Elements of a super-block.
const N: usize = 256;

/// What a format allows and how far the search goes.
#[derive(Clone, Copy)]
struct How {
    /// Highest level.
    levels: i32,
    /// Highest code of a scale or minimum.
    codes: i32,
    /// How far around its own a sub-block tries scales, turn by turn.
    turns: &'static [i32],
}

/// The scales of a super-block.
#[derive(Clone, Copy)]
struct Super<const SUBS: usize> {
    d: f32,
    dmin: f32,
    scales: [u8; SUBS],
    mins: [u8; SUBS],
}

const Q4: How = How { levels: 15, codes: 63, turns: &[5, 2, 2] };
const Q5: How = How { levels: 31, ..Q4 };
const Q2: How = How { levels: 3, codes: 15, turns: &[4, 2, 1] };

/// Improves Q4_K.
#[inline(always)]
pub(super) fn q4<I: Isa>(s: I, rows: Rows<'_>) {
    search::<I, 32, 8, { BlockType::Q4_K.block_bytes() }>(
        s,
        Q4,
        rows,
        |b| read(b),
        |c, l, out| k::q4::write(&header(c), l, out),
    );
}

/// Improves Q5_K.
#[inline(always)]
pub(super) fn q5<I: Isa>(s: I, rows: Rows<'_>) {
    search::<I, 32, 8, { BlockType::Q5_K.block_bytes() }>(
        s,
        Q5,
        rows,
        |b| read(b),
        |c, l, out| k::q5::write(&header(c), l, out),
    );
}

/// Improves Q2_K.
#[inline(always)]
pub(super) fn q2<I: Isa>(s: I, rows: Rows<'_>) {
    const BYTES: usize = BlockType::Q2_K.block_bytes();
    let read = |b: &[u8; BYTES]| Super {
        d: from_f16([b[80], b[81]]),
        dmin: from_f16([b[82], b[83]]),
        scales: std::array::from_fn(|j| b[j] & 15),
        mins: std::array::from_fn(|j| b[j] >> 4),
    };
    search::<I, 16, 16, BYTES>(s, Q2, rows, read, |c, l, out| {
        for j in 0..16 {
            out[j] = c.scales[j] | c.mins[j] << 4;
        }
        if let Some(q) = out[16..].first_chunk_mut() {
            two_bits::pack(l, q);
        }
        out[80..82].copy_from_slice(&to_f16(c.d));
        out[82..].copy_from_slice(&to_f16(c.dmin));
    });
}

#[inline(always)]
fn read(b: &[u8]) -> Super<8> {
    let mut packed = [0; 12];
    packed.copy_from_slice(&b[4..with_min::HEADER]);
    let (scales, mins) = scales::unpack8(&packed);
    Super { d: from_f16([b[0], b[1]]), dmin: from_f16([b[2], b[3]]), scales, mins }
}

#[inline(always)]
fn header(c: &Super<8>) -> [u8; with_min::HEADER] {
    let mut header = [0; with_min::HEADER];
    header[..2].copy_from_slice(&to_f16(c.d));
    header[2..4].copy_from_slice(&to_f16(c.dmin));
    header[4..].copy_from_slice(&scales::pack8(&c.scales, &c.mins));
    header
}

/// Searches every super-block from the reference's scales on.
#[inline(always)]
fn search<I: Isa, const S: usize, const SUBS: usize, const B: usize>(
    s: I,
    how: How,
    mut rows: Rows<'_>,
    read: impl Fn(&[u8; B]) -> Super<SUBS>,
    write: impl Fn(&Super<SUBS>, &[u8; N], &mut [u8; B]),
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        let (x, w) = gather::<I, S>(s, &rows, first * SUBS);
        let mut found = [None; MOST];
        for i in 0..group {
            found[i] = Some(read(rows.out((first + i).min(blocks.len() - 1))));
        }
        let mut found: [Super<SUBS>; MOST] =
            found.map(|f| f.unwrap_or(Super { d: 0.0, dmin: 0.0, scales: [0; SUBS], mins: [0; SUBS] }));
        let lanes = Group { s, x: &x, w: &w, how };
        for (turn, &wide) in how.turns.iter().enumerate() {
            if turn > 0 {
                lanes.refit(&mut found);
            }
            lanes.choose(wide, &mut found);
        }
        for i in 0..group.min(blocks.len() - first) {
            let l = levels::<S, SUBS>(&blocks[first + i], &found[i], how.levels);
            write(&found[i], &l, rows.out(first + i));
        }
    }
}

/// The levels of a super-block under its scales.
#[inline(always)]
fn levels<const S: usize, const SUBS: usize>(x: &[f32; N], c: &Super<SUBS>, nmax: i32) -> [u8; N] {
    let mut l = [0u8; N];
    for (j, (l, x)) in l.as_chunks_mut::<S>().0.iter_mut().zip(x.as_chunks::<S>().0).enumerate() {
        let (d, m) = (c.d * f32::from(c.scales[j]), c.dmin * f32::from(c.mins[j]));
        let id = if d == 0.0 { 0.0 } else { 1.0 / d };
        for (l, &v) in l.iter_mut().zip(x) {
            *l = nearest_int((v + m) * id).clamp(0, nmax) as u8;
        }
    }
    l
}

/// Sub-blocks of a group of super-blocks, one in each lane.
struct Group<'a, I: Isa, const S: usize> {
    s: I,
    x: &'a [I::F; S],
    w: &'a [I::F; S],
    how: How,
}

impl<I: Isa, const S: usize> Group<'_, I, S> {
    /// The level of an element that stands `v` above the minimum.
    #[inline(always)]
    fn level(&self, v: I::F, id: I::F) -> I::F {
        clamp((v * id).nearest(), self.s.splat(0.0), self.s.splat(self.how.levels as f32))
    }

    /// The error of each lane at this scale and these minima; together, because one sum waits for its own last addition.
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

    /// The best codes of each sub-block within `wide` scales of its own, each with the minimum that suits it and those beside it.
    #[inline(always)]
    fn choose<const SUBS: usize>(&self, wide: i32, found: &mut [Super<SUBS>; MOST]) {
        let s = self.s;
        let (zero, codes) = (s.splat(0.0), s.splat(self.how.codes as f32));
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
        for step in -wide..=wide {
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
    fn refit<const SUBS: usize>(&self, found: &mut [Super<SUBS>; MOST]) {
        let s = self.s;
        let d = each(s, |lane| found[lane / SUBS].d * f32::from(found[lane / SUBS].scales[lane % SUBS]));
        let m = each(s, |lane| found[lane / SUBS].dmin * f32::from(found[lane / SUBS].mins[lane % SUBS]));
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
        let mut of_lanes = [[0f32; MOST]; 5];
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
