//! Lanes of AVX2 and AVX-512: two registers side by side; one hides the latency of the other. Where sixteen numbers are enough, one
//! register of AVX-512.
#![allow(unsafe_code, reason = "vector instructions; each token proves that the machine has them")]

use super::lanes::{Isa, Kernel, Lanes, Sixteen};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

/// The tokens after the first, once for each register.
macro_rules! each {
    ($register:tt $($tokens:tt)*) => { $($tokens)* };
}

/// A token and its lanes. `[0 1]` are the registers of `$half` numbers that are side by side.
macro_rules! lanes {
    (
        $(#[$doc:meta])* $token:ident, near $near:ident, $lanes:ident: [$($i:tt)+] $reg:ty, $mask:ty, $ints:ty,
        $half:literal, $ops:ident
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(in crate::quant) struct $token(());

        /// Lanes; made only by a token.
        #[derive(Clone, Copy)]
        pub(in crate::quant) struct $lanes($(each!($i $reg)),+);

        impl Isa for $token {
            type F = $lanes;

            type Near = $near;

            #[inline(always)]
            fn near(self) -> $near {
                // This token proves the same instruction set, or more.
                $near(())
            }

            #[inline(always)]
            fn splat(self, x: f32) -> $lanes {
                // SAFETY: the token proves the instruction set.
                unsafe { $lanes($(each!($i $ops::splat(x))),+) }
            }

            #[inline(always)]
            fn load(self, x: &[f32]) -> $lanes {
                let x = &x[..$lanes::N];
                // SAFETY: the token proves the instruction set; all registers are within the slice.
                unsafe { $lanes($($ops::load(x.as_ptr().add($half * $i))),+) }
            }

            #[inline(always)]
            fn transpose<'a, const G: usize>(self, groups: impl Fn(usize) -> &'a [f32; G]) -> [$lanes; G] {
                let mut out = [self.splat(0.0); G];
                let (whole, rest) = (G / $half * $half, G % $half);
                $(for at in (0..whole).step_by($half) {
                    // SAFETY: the token proves the instruction set.
                    let mut rows = [unsafe { $ops::splat(0.0) }; $half];
                    for (lane, row) in rows.iter_mut().enumerate() {
                        let group = &groups($half * $i + lane)[at..at + $half];
                        // SAFETY: the token proves the instruction set; the slice has as many numbers as a register.
                        *row = unsafe { $ops::load(group.as_ptr()) };
                    }
                    // SAFETY: the token proves the instruction set.
                    unsafe { $ops::turn(&mut rows) };
                    for (j, row) in rows.into_iter().enumerate() {
                        out[at + j].$i = row;
                    }
                })+
                for at in whole..whole + rest {
                    let mut column = [0f32; $lanes::N];
                    for (lane, v) in column.iter_mut().enumerate() {
                        *v = groups(lane)[at];
                    }
                    out[at] = self.load(&column);
                }
                out
            }

            #[inline(always)]
            fn table(self, values: &[f32; 8]) -> $reg {
                // SAFETY: the token proves the instruction set; eight numbers are read.
                unsafe { $ops::table(values.as_ptr()) }
            }

            #[inline(always)]
            fn codes(self, codes: &[u16]) -> ($(each!($i $ints),)+) {
                let codes = &codes[..$lanes::N];
                // SAFETY: the token proves the instruction set; all registers are within the slice.
                unsafe { ($($ops::codes(codes.as_ptr().add($half * $i)),)+) }
            }

            #[inline(always)]
            fn bytes(self, bytes: &[u8]) -> ($(each!($i $ints),)+) {
                let bytes = &bytes[..$lanes::N];
                // SAFETY: the token proves the instruction set; all registers are within the slice.
                unsafe { ($($ops::bytes(bytes.as_ptr().add($half * $i)),)+) }
            }
        }

        lanes!(@binary $lanes [$($i)+], $ops, Add add, Sub sub, Mul mul, Div div);

        impl Lanes for $lanes {
            const N: usize = $half * [$($i),+].len();

            type Mask = ($(each!($i $mask),)+);

            type Table = $reg;

            type Codes = ($(each!($i $ints),)+);

            #[inline(always)]
            fn pick(table: $reg, codes: Self::Codes, at: u32) -> Self {
                // SAFETY: tables and codes come only from tokens.
                unsafe { $lanes($($ops::pick(table, codes.$i, at)),+) }
            }

            #[inline(always)]
            fn bits_of(codes: Self::Codes, at: u32, mask: u32) -> Self::Codes {
                // SAFETY: codes come only from tokens.
                unsafe { ($($ops::bits_of(codes.$i, at, mask),)+) }
            }

            #[inline(always)]
            fn with_bits(codes: Self::Codes, bits: Self::Codes, at: u32) -> Self::Codes {
                // SAFETY: codes come only from tokens.
                unsafe { ($($ops::with_bits(codes.$i, bits.$i, at),)+) }
            }

            #[inline(always)]
            fn as_codes(self) -> Self::Codes {
                // SAFETY: lanes exist only where their instruction set does.
                unsafe { ($($ops::as_codes(self.$i),)+) }
            }

            #[inline(always)]
            fn of_codes(codes: Self::Codes) -> Self {
                // SAFETY: codes come only from tokens.
                unsafe { $lanes($($ops::of_codes(codes.$i)),+) }
            }

            #[inline(always)]
            fn merits(values: $reg, scale: f32, x: f32, w: f32) -> $reg {
                // SAFETY: tables come only from tokens.
                unsafe {
                    let diff = $ops::sub($ops::mul($ops::splat(scale), values), $ops::splat(x));
                    $ops::mul($ops::mul($ops::splat(-w), diff), diff)
                }
            }

            #[inline(always)]
            fn store(self, out: &mut [f32]) {
                let out = &mut out[..Self::N];
                // SAFETY: lanes exist only where their instruction set does; all registers are within the slice.
                unsafe { $($ops::store(out.as_mut_ptr().add($half * $i), self.$i);)+ }
            }

            lanes!(@methods $lanes [$($i)+] $ops, lesser(other) greater(other) abs() negate() sqrt() nearest() with_sign_of(other));
            lanes!(@compare [$($i)+] $ops, lt le same);

            #[inline(always)]
            fn or_else(self, mask: Self::Mask, other: Self) -> Self {
                // SAFETY: lanes exist only where their instruction set does.
                unsafe { $lanes($($ops::select(mask.$i, self.$i, other.$i)),+) }
            }

            #[inline(always)]
            fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask {
                // SAFETY: masks come only from lanes.
                unsafe { ($($ops::both(a.$i, b.$i),)+) }
            }

            #[inline(always)]
            fn but_not(a: Self::Mask, b: Self::Mask) -> Self::Mask {
                // SAFETY: masks come only from lanes.
                unsafe { ($($ops::but_not(a.$i, b.$i),)+) }
            }

            #[inline(always)]
            fn any(mask: Self::Mask) -> bool {
                // SAFETY: masks come only from lanes.
                unsafe { 0 $(| $ops::bits(mask.$i))+ != 0 }
            }

            #[inline(always)]
            fn all(mask: Self::Mask) -> bool {
                // SAFETY: masks come only from lanes.
                unsafe { (u32::MAX $(& $ops::bits(mask.$i))+) & ((1 << $half) - 1) == (1 << $half) - 1 }
            }

            #[inline(always)]
            fn bits(mask: Self::Mask) -> u32 {
                // SAFETY: masks come only from lanes.
                unsafe { 0 $(| $ops::bits(mask.$i) << ($half * $i))+ }
            }

            #[inline(always)]
            fn largest(self) -> f32 {
                let largest = self.0;
                // SAFETY: lanes exist only where their instruction set does.
                unsafe {
                    $(let largest = lanes!(@larger $i $ops, largest, self);)+
                    $ops::largest(largest)
                }
            }

            #[inline(always)]
            fn cut_to_bytes(self, out: &mut [u8]) {
                let out = &mut out[..Self::N];
                // SAFETY: lanes exist only where their instruction set does; the bytes are within the slice.
                unsafe { $ops::cut_to_bytes(out.as_mut_ptr(), [$(self.$i),+]) }
            }

            #[inline(always)]
            fn nearest_of_sixteen(self, table: &Sixteen) -> Self {
                // SAFETY: lanes exist only where their instruction set does.
                unsafe { $lanes($($ops::nearest_of_sixteen(self.$i, table)),+) }
            }
        }
    };
    (@larger 0 $ops:ident, $largest:ident, $self:ident) => { $largest };
    (@larger $i:tt $ops:ident, $largest:ident, $self:ident) => { $ops::greater($largest, $self.$i) };
    (@binary $lanes:ident $i:tt, $ops:ident, $($op:ident $name:ident),*) => {
        $(lanes!(@operator $lanes $i, $ops, $op $name);)*
    };
    (@operator $lanes:ident [$($i:tt)+], $ops:ident, $op:ident $name:ident) => {
        impl $op for $lanes {
            type Output = Self;

            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                // SAFETY: lanes exist only where their instruction set does.
                unsafe { Self($($ops::$name(self.$i, other.$i)),+) }
            }
        }
    };
    (@methods $lanes:ident $i:tt $ops:ident, $($name:ident($($other:ident)?))+) => {
        $(lanes!(@method $lanes $i $ops, $name $($other)?);)+
    };
    (@method $lanes:ident [$($i:tt)+] $ops:ident, $name:ident) => {
        #[inline(always)]
        fn $name(self) -> Self {
            // SAFETY: lanes exist only where their instruction set does.
            unsafe { $lanes($($ops::$name(self.$i)),+) }
        }
    };
    (@method $lanes:ident [$($i:tt)+] $ops:ident, $name:ident $other:ident) => {
        #[inline(always)]
        fn $name(self, $other: Self) -> Self {
            // SAFETY: lanes exist only where their instruction set does.
            unsafe { $lanes($($ops::$name(self.$i, $other.$i)),+) }
        }
    };
    (@compare $i:tt $ops:ident, $($name:ident)+) => {
        $(lanes!(@comparison $i $ops, $name);)+
    };
    (@comparison [$($i:tt)+] $ops:ident, $name:ident) => {
        #[inline(always)]
        fn $name(self, other: Self) -> Self::Mask {
            // SAFETY: lanes exist only where their instruction set does.
            unsafe { ($($ops::$name(self.$i, other.$i),)+) }
        }
    };
}

/// A token that kernels are run with.
macro_rules! runs {
    ($token:ident, $features:literal) => {
        impl $token {
            /// What kernels are compiled for.
            pub(in crate::quant) const FEATURES: &'static str = $features;

            /// Runs a kernel compiled for this instruction set.
            #[inline]
            pub(in crate::quant) fn run<K: Kernel>(self, kernel: K) {
                #[target_feature(enable = $features)]
                fn inner<K: Kernel>(isa: $token, kernel: K) {
                    kernel.run(isa);
                }
                // SAFETY: a token exists only where `detect` found the features.
                // BENEFIT: on one core of a Zen 4 server Q4_K takes 5.5 ns an element instead of 60, Q6_K 3 instead of 37.
                unsafe { inner(self, kernel) }
            }
        }
    };
}

/// Wraps instructions: `wrap! { add(a: R, b: R) -> R = _mm256_add_ps(a, b); }`
macro_rules! wrap {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty = $body:expr;)*) => {
        $(
            /// # Safety
            /// The machine has the instruction set; pointers reach a whole register.
            #[inline(always)]
            pub(super) unsafe fn $name($($arg: $ty),*) -> $out {
                // SAFETY: the caller's promise.
                unsafe { $body }
            }
        )*
    };
}

mod avx2 {
    use super::*;

    type R = __m256;

    wrap! {
        splat(x: f32) -> R = _mm256_set1_ps(x);
        load(p: *const f32) -> R = _mm256_loadu_ps(p);
        store(p: *mut f32, a: R) -> () = _mm256_storeu_ps(p, a);
        add(a: R, b: R) -> R = _mm256_add_ps(a, b);
        sub(a: R, b: R) -> R = _mm256_sub_ps(a, b);
        mul(a: R, b: R) -> R = _mm256_mul_ps(a, b);
        div(a: R, b: R) -> R = _mm256_div_ps(a, b);
        lesser(a: R, b: R) -> R = _mm256_min_ps(a, b);
        greater(a: R, b: R) -> R = _mm256_max_ps(a, b);
        abs(a: R) -> R = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        negate(a: R) -> R = _mm256_xor_ps(_mm256_set1_ps(-0.0), a);
        sqrt(a: R) -> R = _mm256_sqrt_ps(a);
        nearest(a: R) -> R = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        lt(a: R, b: R) -> R = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        le(a: R, b: R) -> R = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        same(a: R, b: R) -> R = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        select(m: R, a: R, b: R) -> R = _mm256_blendv_ps(b, a, m);
        both(a: R, b: R) -> R = _mm256_and_ps(a, b);
        but_not(a: R, b: R) -> R = _mm256_andnot_ps(b, a);
        bits(m: R) -> u32 = _mm256_movemask_ps(m) as u32;
        table(p: *const f32) -> R = _mm256_loadu_ps(p);
        codes(p: *const u16) -> __m256i = _mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast()));
        bytes(p: *const u8) -> __m256i = _mm256_cvtepu8_epi32(_mm_loadl_epi64(p.cast()));
        bits_of(c: __m256i, at: u32, mask: u32) -> __m256i = {
            _mm256_and_si256(_mm256_srl_epi32(c, _mm_cvtsi32_si128(at as i32)), _mm256_set1_epi32(mask as i32))
        };
        with_bits(c: __m256i, bits: __m256i, at: u32) -> __m256i = {
            _mm256_or_si256(c, _mm256_sll_epi32(bits, _mm_cvtsi32_si128(at as i32)))
        };
        as_codes(a: R) -> __m256i = _mm256_castps_si256(a);
        of_codes(c: __m256i) -> R = _mm256_cvtepi32_ps(c);
        turn(rows: &mut [R; 8]) -> () = {
            let mut t = *rows;
            for i in (0..8).step_by(2) {
                t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
                t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
            }
            // Half b of quads[c][g] is column 4·b + c of rows 4·g to 4·g + 3.
            let pd = |a: R| _mm256_castps_pd(a);
            let low = |a: R, b: R| _mm256_castpd_ps(_mm256_unpacklo_pd(pd(a), pd(b)));
            let high = |a: R, b: R| _mm256_castpd_ps(_mm256_unpackhi_pd(pd(a), pd(b)));
            let quads = [
                [low(t[0], t[2]), low(t[4], t[6])],
                [high(t[0], t[2]), high(t[4], t[6])],
                [low(t[1], t[3]), low(t[5], t[7])],
                [high(t[1], t[3]), high(t[5], t[7])],
            ];
            for c in 0..4 {
                rows[c] = _mm256_permute2f128_ps::<0x20>(quads[c][0], quads[c][1]);
                rows[4 + c] = _mm256_permute2f128_ps::<0x31>(quads[c][0], quads[c][1]);
            }
        };
        pick(t: R, c: __m256i, at: u32) -> R = _mm256_permutevar8x32_ps(t, _mm256_srl_epi32(c, _mm_cvtsi32_si128(at as i32)));
        with_sign_of(a: R, b: R) -> R = _mm256_blendv_ps(abs(a), _mm256_or_ps(a, _mm256_set1_ps(-0.0)), b);
        largest(a: R) -> f32 = {
            let a = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_max_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)))
        };
        cut_to_bytes(p: *mut u8, registers: [R; 2]) -> () = {
            let [a, b] = registers;
            // The low bytes of each half's four lanes move to one double word, the four double words together.
            let low = _mm256_broadcastsi128_si256(_mm_set_epi32(-1, -1, -1, 0x0c08_0400));
            let pack = |a: R| _mm256_shuffle_epi8(_mm256_cvttps_epi32(a), low);
            let pairs = _mm256_unpacklo_epi32(pack(a), pack(b));
            let (first, second) = (_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
            // first = a0 b0, second = a1 b1; in order: a0 a1 b0 b1
            _mm_storeu_si128(p.cast(), _mm_unpacklo_epi32(first, second));
        };
        nearest_of_sixteen(x: R, t: &Sixteen) -> R = {
            // A binary search with `!(x < bound)`, which puts NaN where the scalar one does; the sign bits of the comparisons become an index of three bits into half a table.
            let b = &t.bounds;
            let bit = |m: R, v: i32| _mm256_and_si256(_mm256_castps_si256(m), _mm256_set1_epi32(v));
            let upper = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, _mm256_set1_ps(b[7]));
            let quarter = _mm256_blendv_ps(_mm256_set1_ps(b[3]), _mm256_set1_ps(b[11]), upper);
            let second = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, quarter);
            let index = _mm256_or_si256(bit(upper, 2), bit(second, 1));
            let eighths = _mm256_setr_ps(b[1], b[5], b[9], b[13], b[1], b[5], b[9], b[13]);
            let third = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, _mm256_permutevar8x32_ps(eighths, index));
            let index = _mm256_or_si256(_mm256_add_epi32(index, index), bit(third, 1));
            let last = _mm256_setr_ps(b[0], b[2], b[4], b[6], b[8], b[10], b[12], b[14]);
            let fourth = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, _mm256_permutevar8x32_ps(last, index));
            let v = &t.values;
            let even = _mm256_setr_ps(v[0], v[2], v[4], v[6], v[8], v[10], v[12], v[14]);
            let odd = _mm256_setr_ps(v[1], v[3], v[5], v[7], v[9], v[11], v[13], v[15]);
            let (even, odd) = (_mm256_permutevar8x32_ps(even, index), _mm256_permutevar8x32_ps(odd, index));
            _mm256_blendv_ps(even, odd, fourth)
        };
    }
}

mod avx512 {
    use super::*;

    type R = __m512;
    type M = __mmask16;

    wrap! {
        splat(x: f32) -> R = _mm512_set1_ps(x);
        load(p: *const f32) -> R = _mm512_loadu_ps(p);
        store(p: *mut f32, a: R) -> () = _mm512_storeu_ps(p, a);
        add(a: R, b: R) -> R = _mm512_add_ps(a, b);
        sub(a: R, b: R) -> R = _mm512_sub_ps(a, b);
        mul(a: R, b: R) -> R = _mm512_mul_ps(a, b);
        div(a: R, b: R) -> R = _mm512_div_ps(a, b);
        lesser(a: R, b: R) -> R = _mm512_min_ps(a, b);
        greater(a: R, b: R) -> R = _mm512_max_ps(a, b);
        abs(a: R) -> R = _mm512_abs_ps(a);
        negate(a: R) -> R = _mm512_xor_ps(_mm512_set1_ps(-0.0), a);
        sqrt(a: R) -> R = _mm512_sqrt_ps(a);
        nearest(a: R) -> R = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        lt(a: R, b: R) -> M = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        le(a: R, b: R) -> M = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        same(a: R, b: R) -> M = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        select(m: M, a: R, b: R) -> R = _mm512_mask_blend_ps(m, b, a);
        both(a: M, b: M) -> M = _kand_mask16(a, b);
        but_not(a: M, b: M) -> M = _kandn_mask16(b, a);
        bits(m: M) -> u32 = _cvtmask16_u32(m);
        table(p: *const f32) -> R = _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
        codes(p: *const u16) -> __m512i = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
        bytes(p: *const u8) -> __m512i = _mm512_cvtepu8_epi32(_mm_loadu_si128(p.cast()));
        bits_of(c: __m512i, at: u32, mask: u32) -> __m512i = {
            _mm512_and_si512(_mm512_srl_epi32(c, _mm_cvtsi32_si128(at as i32)), _mm512_set1_epi32(mask as i32))
        };
        with_bits(c: __m512i, bits: __m512i, at: u32) -> __m512i = {
            _mm512_or_si512(c, _mm512_sll_epi32(bits, _mm_cvtsi32_si128(at as i32)))
        };
        as_codes(a: R) -> __m512i = _mm512_castps_si512(a);
        of_codes(c: __m512i) -> R = _mm512_cvtepi32_ps(c);
        turn(rows: &mut [R; 16]) -> () = {
            let mut t = *rows;
            for i in (0..16).step_by(2) {
                t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
                t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
            }
            // Quarter b of quads[c][g] is column 4·b + c of rows 4·g to 4·g + 3.
            let pd = |a: R| _mm512_castps_pd(a);
            let low = |a: R, b: R| _mm512_castpd_ps(_mm512_unpacklo_pd(pd(a), pd(b)));
            let high = |a: R, b: R| _mm512_castpd_ps(_mm512_unpackhi_pd(pd(a), pd(b)));
            let mut quads = [[t[0]; 4]; 4];
            for g in 0..4 {
                quads[0][g] = low(t[4 * g], t[4 * g + 2]);
                quads[1][g] = high(t[4 * g], t[4 * g + 2]);
                quads[2][g] = low(t[4 * g + 1], t[4 * g + 3]);
                quads[3][g] = high(t[4 * g + 1], t[4 * g + 3]);
            }
            for c in 0..4 {
                let q = quads[c];
                let (even, odd) = (_mm512_shuffle_f32x4::<0x88>(q[0], q[1]), _mm512_shuffle_f32x4::<0xdd>(q[0], q[1]));
                let (even2, odd2) = (_mm512_shuffle_f32x4::<0x88>(q[2], q[3]), _mm512_shuffle_f32x4::<0xdd>(q[2], q[3]));
                rows[c] = _mm512_shuffle_f32x4::<0x88>(even, even2);
                rows[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd, odd2);
                rows[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even, even2);
                rows[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd, odd2);
            }
        };
        pick(t: R, c: __m512i, at: u32) -> R = _mm512_permutexvar_ps(_mm512_srl_epi32(c, _mm_cvtsi32_si128(at as i32)), t);
        with_sign_of(a: R, b: R) -> R = {
            let sign = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_andnot_ps(sign, a), _mm512_and_ps(sign, b))
        };
        largest(a: R) -> f32 = _mm512_reduce_max_ps(a);
        nearest_of_sixteen(x: R, t: &Sixteen) -> R = {
            // A binary search with `!(x < bound)`, which puts NaN where the scalar one does; one bit of the index at a time, from the highest.
            let bounds = _mm512_loadu_ps(t.bounds.as_ptr());
            let up = |index: __m512i, at: R, bit: i32| {
                _mm512_mask_or_epi32(index, _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x, at), index, _mm512_set1_epi32(bit))
            };
            let bound = |index: __m512i, half: i32| {
                _mm512_permutexvar_ps(_mm512_or_si512(index, _mm512_set1_epi32(half - 1)), bounds)
            };
            let index = up(_mm512_setzero_si512(), _mm512_set1_ps(t.bounds[7]), 8);
            let index = up(index, bound(index, 4), 4);
            let index = up(index, bound(index, 2), 2);
            let index = up(index, bound(index, 1), 1);
            _mm512_permutexvar_ps(index, _mm512_loadu_ps(t.values.as_ptr()))
        };
    }

    /// # Safety
    /// The machine has the instruction set; the pointer reaches sixteen bytes for each register.
    #[inline(always)]
    pub(super) unsafe fn cut_to_bytes<const REGISTERS: usize>(p: *mut u8, registers: [R; REGISTERS]) {
        for (i, a) in registers.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { _mm_storeu_si128(p.add(16 * i).cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(a))) }
        }
    }
}

lanes! {
    /// Proof of AVX2; two registers.
    Avx2, near Avx2, Avx2Lanes: [0 1] __m256, __m256, __m256i, 8, avx2
}

lanes! {
    /// Proof of AVX-512 (F, BW, DQ, VL); two registers.
    Avx512, near Avx512One, Avx512Lanes: [0 1] __m512, __mmask16, __m512i, 16, avx512
}

lanes! {
    /// Proof of AVX-512; one register. Only [`Avx512`] gives it.
    Avx512One, near Avx512One, Avx512OneLanes: [0] __m512, __mmask16, __m512i, 16, avx512
}

runs! { Avx2, "avx2,f16c,bmi1,bmi2,lzcnt,popcnt" }
runs! { Avx512, "avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c,bmi1,bmi2,lzcnt,popcnt" }

impl Avx2 {
    /// A token if this machine has AVX2.
    pub(in crate::quant) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

impl Avx512 {
    /// A token if this machine has the parts of AVX-512 that every server since Skylake and every Zen since 4 has.
    pub(in crate::quant) fn detect() -> Option<Self> {
        let has = Avx2::detect().is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }
}
