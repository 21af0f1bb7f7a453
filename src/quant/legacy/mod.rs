//! The 32-element formats of the first generation: one or two `f16` numbers, then levels of 4, 5 or 8 bits.
//!
//! Without weights the levels follow directly from the extremes; with weights (an imatrix) a search finds the scale, each
//! element weighted by importance · √(mean square of its row + its own square). Layouts: `ggml-common.h`.

#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod affine;
mod levels;
mod q8_0;
mod symmetric;
mod weights;

pub(super) use affine::Affine;
pub(super) use q8_0::Q8_0;
pub(super) use symmetric::Symmetric;
