//! Lanes without vector instructions of our own: what a machine without a kernel's instruction set computes with.
//!
//! The reference's encoders have scalar code as their definition; the searches here have none, so they run on these lanes and
//! give the same bytes.

use crate::quant::simd::{Isa, Lanes, Sixteen};
use std::array::from_fn;
use std::ops::{Add, Div, Mul, Sub};

/// As many as the widest group of sub-blocks (sixteen in Q2_K, Q3_K, Q6_K).
const N: usize = 16;

/// The instruction set every machine has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

/// Its lanes.
#[derive(Clone, Copy)]
pub(super) struct PlainLanes([f32; N]);

impl Isa for Plain {
    type F = PlainLanes;

    #[inline(always)]
    fn splat(self, x: f32) -> PlainLanes {
        PlainLanes([x; N])
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> PlainLanes {
        PlainLanes(from_fn(|i| x[i]))
    }
}

macro_rules! binary {
    ($($op:ident $name:ident $sign:tt,)*) => {
        $(impl $op for PlainLanes {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i] $sign other.0[i]))
            }
        })*
    };
}

binary! { Add add +, Sub sub -, Mul mul *, Div div /, }

impl PlainLanes {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self(self.0.map(f))
    }
}

impl Lanes for PlainLanes {
    const N: usize = N;

    type Mask = [bool; N];

    #[inline(always)]
    fn store(self, out: &mut [f32]) {
        out[..N].copy_from_slice(&self.0);
    }

    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        Self(from_fn(|i| if self.0[i] < other.0[i] { self.0[i] } else { other.0[i] }))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        Self(from_fn(|i| if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] }))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }

    #[inline(always)]
    fn negate(self) -> Self {
        self.map(|v| -v)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }

    #[inline(always)]
    fn nearest(self) -> Self {
        /// Added to a smaller number it leaves the nearest integer, ties to even. From here on every number is an integer.
        const INTEGERS: f32 = 8_388_608.0;
        self.map(|v| {
            let a = v.abs();
            if a < INTEGERS { ((a + INTEGERS) - INTEGERS).copysign(v) } else { v }
        })
    }

    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        from_fn(|i| self.0[i] < other.0[i])
    }

    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        from_fn(|i| self.0[i] <= other.0[i])
    }

    #[inline(always)]
    fn same(self, other: Self) -> Self::Mask {
        from_fn(|i| self.0[i] == other.0[i])
    }

    #[inline(always)]
    fn or_else(self, mask: Self::Mask, other: Self) -> Self {
        Self(from_fn(|i| if mask[i] { self.0[i] } else { other.0[i] }))
    }

    #[inline(always)]
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        from_fn(|i| a[i] & b[i])
    }

    #[inline(always)]
    fn but_not(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        from_fn(|i| a[i] & !b[i])
    }

    #[inline(always)]
    fn any(mask: Self::Mask) -> bool {
        mask.contains(&true)
    }

    #[inline(always)]
    fn all(mask: Self::Mask) -> bool {
        !mask.contains(&false)
    }

    #[inline(always)]
    fn bits(mask: Self::Mask) -> u32 {
        mask.iter().enumerate().fold(0, |bits, (i, &m)| bits | u32::from(m) << i)
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        self.0.iter().fold(self.0[0], |m, &v| if v > m { v } else { m })
    }

    #[inline(always)]
    fn with_sign_of(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].copysign(other.0[i])))
    }

    #[inline(always)]
    fn cut_to_bytes(self, out: &mut [u8]) {
        for (o, v) in out.iter_mut().zip(self.0) {
            *o = crate::quant::number::c_int(v) as u8;
        }
    }

    #[inline(always)]
    fn nearest_of_sixteen(self, table: &Sixteen) -> Self {
        // NaN is below no bound, as in the other lanes.
        self.map(|v| table.values[15 - table.bounds[..15].iter().filter(|&&b| v < b).count()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rounds_ties_to_even_at_every_size() {
        for i in -70_000..70_000 {
            let v = i as f32 * 0.25;
            assert_eq!(Plain.splat(v).nearest().0[0], v.round_ties_even(), "{v}");
        }
        for v in [4_194_303.5f32, 4_194_304.5, -8_388_607.5, 8_388_609.0, 1e30, f32::INFINITY, -0.3] {
            assert_eq!(Plain.splat(v).nearest().0[0].to_bits(), v.round_ties_even().to_bits(), "{v}");
        }
    }
}
