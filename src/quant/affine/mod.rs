//! Integer affine encodings, `x ≈ scale · (q - zero point)`, as pure functions between `f32` values and bytes.
//!
//! They are what operator graphs hold: one scale for a tensor, one for each channel, or one for each block of a column. The arithmetic is
//! that of ONNX Runtime 1.32 (its quantization tools and the block kernels of MLAS), so integers, scales and zero points are equal for equal
//! options. [`affine`] turns a range into a scale and a zero point, [`quantize`] values into integers, `block` is about blocks, `range` finds
//! the least and the largest of values. Must not know tensors' names, files or graphs. Tests: `cargo test --lib quant::affine`.
#![cfg_attr(not(test), allow(dead_code, reason = "16-bit activations come with calibration"))]

mod block;
mod encode;
pub(crate) mod histogram;
mod int;
mod range;

pub(crate) use block::{BlockBits, block_affine, quantize_block};
pub(crate) use encode::{quantize, quantize_each};
pub(crate) use int::{Affine, Fit, Int, affine};
pub(crate) use range::{Range, widen, widen_each};
