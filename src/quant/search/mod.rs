//! The searches for a block's scale (and minimum) that several formats share.
//!
//! Each follows the reference's order of operations (`make_*_quants` in `ggml-quants.c`) to the last rounding: [`symmetric()`]
//! searches a scale alone, [`affine()`] a scale and a minimum, [`positive()`] a scale for values that are never negative (the scales
//! of the sub-blocks themselves). Element-wise work is separate from the sums, which must run in index order, so that it
//! vectorizes within a sub-block. `simd` has the same searches with a sub-block in each lane.
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod affine;
mod limits;
mod positive;
mod symmetric;

pub(super) use affine::{Candidates, affine};
pub(super) use limits::ALL_ZERO;
pub(super) use positive::positive;
pub(super) use symmetric::{symmetric, symmetric_3bit};
