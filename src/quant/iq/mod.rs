//! The IQ formats: levels from tables made for the purpose.
//!
//! IQ4_NL and IQ4_XS choose each element from sixteen unevenly spaced values (`four_bits`). The others choose groups of eight
//! or four elements at once from a grid of points (`grids`), with signs apart. `search` (IQ2, IQ3) and `ternary` (IQ1) are the
//! definition, `search_lanes`, `split_lanes` and `ternary_lanes` the same in lanes; `nearest` finds grid points for both.
#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

pub(super) mod four_bits;
mod grids;
pub(super) mod iq1;
pub(super) mod iq2;
pub(super) mod iq3;
pub(super) mod iq4_nl;
pub(super) mod iq4_xs;
mod nearest;
mod search;
mod search_lanes;
mod split_lanes;
mod ternary;
mod ternary_lanes;
