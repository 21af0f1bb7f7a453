//! Formats of one or two bits with a single scale: the ternary ones (BitNet b1.58, TriLMs) and the plain ones.
//!
//! No search and no weights: the scale is the largest magnitude (`Q1_0`: the mean one).

pub(super) mod q1_0;
pub(super) mod q2_0;
pub(super) mod tq1_0;
pub(super) mod tq2_0;
