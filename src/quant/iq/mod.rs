//! The IQ formats: levels from tables made for the purpose.
//!
//! IQ4_NL and IQ4_XS choose each element from sixteen unevenly spaced values (`four_bits`). The others choose groups of eight
//! or four elements at once from a grid of points (`grids`), with separate signs. `search` (IQ2, IQ3) and `ternary` (IQ1) are the
//! definition, `search_lanes` (IQ2), `scale_lanes` (IQ3), `split_lanes` and `ternary_lanes` (IQ1) the same in lanes; `nearest` finds grid points
//! for both.
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod four_bits;
mod grids;
mod iq1;
mod iq2;
mod iq3;
mod iq4_nl;
mod iq4_xs;
mod nearest;
mod scale_lanes;
mod search;
mod search_lanes;
mod split_lanes;
mod ternary;
mod ternary_lanes;

pub(super) use iq1::{Iq1M, Iq1S};
pub(super) use iq2::{Iq2S, Iq2Xs, Iq2Xxs};
pub(super) use iq3::{Iq3S, Iq3Xxs};
pub(super) use iq4_nl::Iq4Nl;
pub(super) use iq4_xs::Iq4Xs;
