//! Lanes of `f32`: what a kernel can do, on any instruction set.
//!
//! Every operation rounds by itself, exactly as the same operation on single numbers; nothing is fused or reordered.

use std::ops::{Add, Div, Mul, Sub};

/// An instruction set of this machine: a value of this type proves that it exists.
pub(in crate::quant) trait Isa: Copy {
    /// The lanes it computes with.
    type F: Lanes;

    /// The same instruction set, or a part of it, with sixteen lanes: for the short lists of grid points.
    type Near: Isa;

    /// A value of [`Isa::Near`].
    fn near(self) -> Self::Near;

    /// The same number in every lane.
    fn splat(self, x: f32) -> Self::F;

    /// The first [`Lanes::N`] numbers of `x`.
    fn load(self, x: &[f32]) -> Self::F;

    /// Lane j gets `groups(j)`: `result[i]` has element i of each group.
    fn transpose<'a, const G: usize>(self, groups: impl Fn(usize) -> &'a [f32; G]) -> [Self::F; G];

    /// Eight numbers to pick from.
    fn table(self, values: &[f32; 8]) -> <Self::F as Lanes>::Table;

    /// The first [`Lanes::N`] numbers of `codes`, to pick by.
    fn codes(self, codes: &[u16]) -> <Self::F as Lanes>::Codes;

    /// The first [`Lanes::N`] bytes.
    fn bytes(self, bytes: &[u8]) -> <Self::F as Lanes>::Codes;
}

/// A group of numbers that are computed in step.
pub(in crate::quant) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// How many.
    const N: usize;

    /// One truth value for each lane.
    type Mask: Copy;

    /// Eight numbers to pick from.
    type Table: Copy;

    /// An integer for each lane: digits of two or three bits, the first lowest.
    type Codes: Copy;

    /// For each lane the number of `table` whose index is bits `at` .. `at` + 3 of the lane's code. Digits of two bits need a
    /// table whose halves are equal.
    fn pick(table: Self::Table, codes: Self::Codes, at: u32) -> Self;

    /// Bits `at` and up of each code, as many as `mask` has.
    fn bits_of(codes: Self::Codes, at: u32, mask: u32) -> Self::Codes;

    /// Each code with `bits` added at bit `at`, where it has none. The result has less than sixteen bits.
    fn with_bits(codes: Self::Codes, bits: Self::Codes, at: u32) -> Self::Codes;

    /// The low bits of each number, to pick by.
    fn as_codes(self) -> Self::Codes;

    /// The codes as numbers.
    fn of_codes(codes: Self::Codes) -> Self;

    /// −w·(scale·v − x)² for each number v of `values`: the negative of a weighted error, so larger is better.
    fn merits(values: Self::Table, scale: f32, x: f32, w: f32) -> Self::Table;

    /// Writes the lanes to the first [`Lanes::N`] places of `out`.
    fn store(self, out: &mut [f32]);

    /// `if self < other { self } else { other }`
    fn lesser(self, other: Self) -> Self;

    /// `if self > other { self } else { other }`
    fn greater(self, other: Self) -> Self;

    /// The magnitude.
    fn abs(self) -> Self;

    /// The number with the opposite sign.
    fn negate(self) -> Self;

    /// The square root.
    fn sqrt(self) -> Self;

    /// The nearest integer, ties to even.
    fn nearest(self) -> Self;

    /// `self < other`, false for NaN.
    fn lt(self, other: Self) -> Self::Mask;

    /// `self <= other`, false for NaN.
    fn le(self, other: Self) -> Self::Mask;

    /// `self == other`, false for NaN.
    fn same(self, other: Self) -> Self::Mask;

    /// `if mask { self } else { other }`
    fn or_else(self, mask: Self::Mask, other: Self) -> Self;

    /// True where both are.
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;

    /// True where `a` is and `b` is not.
    fn but_not(a: Self::Mask, b: Self::Mask) -> Self::Mask;

    /// True if any lane is.
    fn any(mask: Self::Mask) -> bool;

    /// True if every lane is.
    fn all(mask: Self::Mask) -> bool;

    /// One bit for each lane, the first lane lowest.
    fn bits(mask: Self::Mask) -> u32;

    /// The largest of all lanes; the sign of a zero is any.
    fn largest(self) -> f32;

    /// The magnitude of `self` with the sign of `other`.
    fn with_sign_of(self, other: Self) -> Self;

    /// The low byte of each lane truncated to an integer; numbers that do not fit become `i32::MIN`, as in a C cast on x86-64.
    fn cut_to_bytes(self, out: &mut [u8]);

    /// The value of the nearest of the sixteen levels of IQ4, the upper one if halfway.
    fn nearest_of_sixteen(self, table: &Sixteen) -> Self;

    /// The place of that level.
    #[inline(always)]
    fn place_of_nearest(self, table: &Sixteen) -> Self {
        self.nearest_of_sixteen(&Sixteen { values: PLACES, bounds: table.bounds })
    }
}

/// Sixteen rising values and the fifteen bounds between them, each the first number that belongs above.
pub(in crate::quant) struct Sixteen {
    /// The values.
    pub(in crate::quant) values: [f32; 16],
    /// `bounds[i]` separates value i from value i + 1; the last is unused.
    pub(in crate::quant) bounds: [f32; 16],
}

const PLACES: [f32; 16] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

/// The largest number of lanes of any instruction set.
pub(in crate::quant) const MAX_LANES: usize = 32;

/// Work that is compiled for every instruction set.
pub(in crate::quant) trait Kernel {
    /// Does the work. Must be `#[inline(always)]`, with all it calls: only then is it compiled for the instruction set.
    fn run<S: Isa>(self, isa: S);
}
