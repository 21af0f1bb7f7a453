//! Lanes of plain numbers: sixteen in an array, for machines without AVX2.
//!
//! The compiler turns the loops into vector instructions of the target's baseline: NEON on aarch64 (where the level is named
//! `neon`), SSE2 on x86-64 (`portable`), where the tests run the same code. There are no intrinsics for aarch64, and the speed
//! there is not measured. Rust contracts nothing to fused multiply-add on any target.

use super::lanes::{Isa, Kernel, Lanes, Sixteen};
use std::array::from_fn;
use std::ops::{Add, Div, Mul, Sub};

const N: usize = 16;

/// Exists on every machine.
#[derive(Clone, Copy, Debug)]
pub(in crate::quant) struct Portable;

/// Sixteen numbers.
#[derive(Clone, Copy)]
pub(in crate::quant) struct PortableLanes([f32; N]);

impl Portable {
    /// Runs a kernel.
    #[inline]
    pub(in crate::quant) fn run<K: Kernel>(self, kernel: K) {
        kernel.run(self);
    }
}

impl Isa for Portable {
    type F = PortableLanes;

    type Near = Self;

    #[inline(always)]
    fn near(self) -> Self {
        self
    }

    #[inline(always)]
    fn splat(self, x: f32) -> PortableLanes {
        PortableLanes([x; N])
    }

    #[inline(always)]
    fn load(self, x: &[f32]) -> PortableLanes {
        let x = &x[..N];
        PortableLanes(from_fn(|i| x[i]))
    }

    #[inline(always)]
    fn transpose<'a, const G: usize>(self, groups: impl Fn(usize) -> &'a [f32; G]) -> [PortableLanes; G] {
        let mut out = [PortableLanes([0.0; N]); G];
        for lane in 0..N {
            let group = groups(lane);
            for i in 0..G {
                out[i].0[lane] = group[i];
            }
        }
        out
    }

    #[inline(always)]
    fn table(self, values: &[f32; 8]) -> [f32; 8] {
        *values
    }

    #[inline(always)]
    fn codes(self, codes: &[u16]) -> [u16; N] {
        let codes = &codes[..N];
        from_fn(|i| codes[i])
    }

    #[inline(always)]
    fn bytes(self, bytes: &[u8]) -> [u16; N] {
        let bytes = &bytes[..N];
        from_fn(|i| u16::from(bytes[i]))
    }
}

macro_rules! binary {
    ($($op:ident $name:ident),*) => {
        $(impl $op for PortableLanes {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(from_fn(|i| self.0[i].$name(other.0[i])))
            }
        })*
    };
}

binary! { Add add, Sub sub, Mul mul, Div div }

impl PortableLanes {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self(from_fn(|i| f(self.0[i])))
    }

    #[inline(always)]
    fn compare(self, other: Self, f: impl Fn(f32, f32) -> bool) -> [u32; N] {
        from_fn(|i| if f(self.0[i], other.0[i]) { u32::MAX } else { 0 })
    }
}

impl Lanes for PortableLanes {
    const N: usize = N;

    /// All ones or all zeros.
    type Mask = [u32; N];

    type Table = [f32; 8];

    type Codes = [u16; N];

    #[inline(always)]
    fn pick(table: [f32; 8], codes: [u16; N], at: u32) -> Self {
        Self(from_fn(|i| table[usize::from(codes[i] >> at & 7)]))
    }

    #[inline(always)]
    fn bits_of(codes: [u16; N], at: u32, mask: u32) -> [u16; N] {
        codes.map(|c| c >> at & mask as u16)
    }

    #[inline(always)]
    fn with_bits(codes: [u16; N], bits: [u16; N], at: u32) -> [u16; N] {
        from_fn(|i| codes[i] | bits[i] << at)
    }

    #[inline(always)]
    fn as_codes(self) -> [u16; N] {
        self.0.map(|v| v.to_bits() as u16)
    }

    #[inline(always)]
    fn of_codes(codes: [u16; N]) -> Self {
        Self(codes.map(f32::from))
    }

    #[inline(always)]
    fn merits(values: [f32; 8], scale: f32, x: f32, w: f32) -> [f32; 8] {
        values.map(|v| {
            let diff = scale * v - x;
            -w * diff * diff
        })
    }

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
        // From 2²³ on every number is an integer; below, adding 2²³ with the number's sign rounds it.
        const ALL_INTEGERS: f32 = 8_388_608.0;
        self.map(|v| {
            let bound = ALL_INTEGERS.copysign(v);
            let rounded = ((v + bound) - bound).copysign(v);
            if v.abs() < ALL_INTEGERS { rounded } else { v }
        })
    }

    #[inline(always)]
    fn lt(self, other: Self) -> [u32; N] {
        self.compare(other, |a, b| a < b)
    }

    #[inline(always)]
    fn le(self, other: Self) -> [u32; N] {
        self.compare(other, |a, b| a <= b)
    }

    #[inline(always)]
    fn same(self, other: Self) -> [u32; N] {
        self.compare(other, |a, b| a == b)
    }

    #[inline(always)]
    fn or_else(self, mask: [u32; N], other: Self) -> Self {
        Self(from_fn(|i| f32::from_bits(self.0[i].to_bits() & mask[i] | other.0[i].to_bits() & !mask[i])))
    }

    #[inline(always)]
    fn both(a: [u32; N], b: [u32; N]) -> [u32; N] {
        from_fn(|i| a[i] & b[i])
    }

    #[inline(always)]
    fn but_not(a: [u32; N], b: [u32; N]) -> [u32; N] {
        from_fn(|i| a[i] & !b[i])
    }

    #[inline(always)]
    fn any(mask: [u32; N]) -> bool {
        mask.iter().fold(0, |any, m| any | m) != 0
    }

    #[inline(always)]
    fn all(mask: [u32; N]) -> bool {
        mask.iter().fold(u32::MAX, |all, m| all & m) != 0
    }

    #[inline(always)]
    fn bits(mask: [u32; N]) -> u32 {
        mask.iter().enumerate().fold(0, |bits, (i, m)| bits | (m & 1) << i)
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        // The halves are compared with each other, so that only the last steps depend on one another.
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        let a: [f32; 8] = from_fn(|i| larger(self.0[i], self.0[i + 8]));
        let a: [f32; 4] = from_fn(|i| larger(a[i], a[i + 4]));
        larger(larger(a[0], a[2]), larger(a[1], a[3]))
    }

    #[inline(always)]
    fn with_sign_of(self, other: Self) -> Self {
        Self(from_fn(|i| self.0[i].copysign(other.0[i])))
    }

    #[inline(always)]
    fn cut_to_bytes(self, out: &mut [u8]) {
        for (o, v) in out[..N].iter_mut().zip(self.0) {
            *o = crate::quant::number::c_int(v) as u8;
        }
    }

    #[inline(always)]
    fn nearest_of_sixteen(self, table: &Sixteen) -> Self {
        // Step by step over the bounds: the values are small integers, so the sums are exact. `!(x < bound)` puts NaN where
        // the scalar search does.
        let mut value = [table.values[0]; N];
        for k in 0..15 {
            let (bound, step) = (table.bounds[k], (table.values[k + 1] - table.values[k]).to_bits());
            value = from_fn(|i| value[i] + f32::from_bits(if self.0[i] < bound { 0 } else { step }));
        }
        Self(value)
    }
}
