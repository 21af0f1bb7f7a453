//! The K formats: super-blocks of 256 elements cut into sub-blocks of 16 or 32, whose scales are themselves quantized.
//!
//! A super-block is encoded in three passes: search a scale (and minimum) for each sub-block, quantize those to a few bits
//! under one `f16` for the super-block, and choose the final levels against the scales as they will be read back. A sub-block
//! whose scale came out as zero keeps the levels of the search. Layouts: `ggml-common.h`.
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

pub(super) mod minimums;
mod q2;
mod q3;
mod q6;
mod scales;
mod super_block;
mod top_bits;
mod two_bits;
mod with_min;

pub(super) use q2::Q2K;
pub(super) use q3::Q3K;
pub(super) use q6::Q6K;
pub(super) use with_min::WithMin;
