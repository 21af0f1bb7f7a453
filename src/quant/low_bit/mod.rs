//! Formats of one or two bits with a single scale: the ternary ones (BitNet b1.58, TriLMs) and the plain ones.
//!
//! No search and no weights: the scale is the largest magnitude (`Q1_0`: the mean one).
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod q1_0;
mod q2_0;
mod ternary;
mod tq1_0;
mod tq2_0;

pub(super) use q1_0::Q1_0;
pub(super) use q2_0::Q2_0;
pub(super) use tq1_0::Tq1;
pub(super) use tq2_0::Tq2;
