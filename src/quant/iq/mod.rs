//! The IQ formats: levels from tables made for the purpose.
//!
//! IQ4_NL and IQ4_XS choose each element from sixteen unevenly spaced values (`four_bits`). The others choose groups of eight
//! or four elements at once from a grid of points (`grids`), with signs apart.

pub(super) mod four_bits;
pub(super) mod iq4_nl;
pub(super) mod iq4_xs;
