//! The searches for a block's scale (and minimum) that several formats share.
//!
//! Each follows the reference's order of operations (`make_*_quants` in `ggml-quants.c`) to the last rounding; the names say
//! what is searched: [`symmetric`] a scale alone, [`affine`] a scale and a minimum, [`positive`] a scale for values that are
//! never negative (the scales of the sub-blocks themselves). Element-wise work is kept apart from the sums, which must run in
//! index order: the first part vectorizes within a sub-block, and a version whose lanes are sub-blocks can stand beside it.
#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

mod affine;
mod positive;
mod symmetric;

pub(super) use affine::{Candidates, affine};
pub(super) use positive::positive;
pub(super) use symmetric::{symmetric, symmetric_3bit};

/// Below this a group counts as all zero (`GROUP_MAX_EPS`).
pub(super) const ALL_ZERO: f32 = 1e-15;
