//! The points that groups of elements are chosen from.
//!
//! The points are facts of the formats: a file stores only the number of a point. Each format has a short table that maps digits
//! to element values.

mod iq1;
mod iq2_s;
mod iq2_xs;
mod iq2_xxs;
mod iq3_s;
mod iq3_xxs;

pub(super) use iq1::IQ1;
pub(super) use iq2_s::IQ2_S;
pub(super) use iq2_xs::IQ2_XS;
pub(super) use iq2_xxs::IQ2_XXS;
pub(super) use iq3_s::IQ3_S;
pub(super) use iq3_xxs::IQ3_XXS;

/// Element values of the two-bit digits in the IQ2 formats.
pub(super) const IQ2_VALUES: [u8; 4] = [8, 25, 43, 0];

/// Element values of the three-bit digits in IQ3_XXS.
pub(super) const IQ3_XXS_VALUES: [u8; 8] = [4, 12, 20, 28, 36, 44, 52, 62];

/// Element values of the three-bit digits in IQ3_S.
pub(super) const IQ3_S_VALUES: [u8; 8] = [1, 3, 5, 7, 9, 11, 13, 15];

/// The eight two-bit digits of a point.
#[inline(always)]
pub(super) fn digits8(point: u16) -> [u8; 8] {
    std::array::from_fn(|i| (point >> (2 * i) & 3) as u8)
}

/// The four three-bit digits of a point.
#[inline(always)]
pub(super) fn digits4(point: u16) -> [u8; 4] {
    std::array::from_fn(|i| (point >> (3 * i) & 7) as u8)
}

/// The eight signs behind seven stored ones: the eighth makes their number even (`ksigns_iq2xs`).
#[inline(always)]
pub(super) fn even_signs(seven: u8) -> u8 {
    seven & 127 | ((seven & 127).count_ones() as u8 & 1) << 7
}

/// ±1 of element `j` by its sign bit.
#[inline(always)]
pub(super) fn sign(signs: u8, j: usize) -> f32 {
    if signs >> j & 1 == 0 { 1.0 } else { -1.0 }
}
