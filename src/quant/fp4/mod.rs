//! Formats of 4-bit floats (E2M1: sign, two exponent bits, one mantissa bit) under 8-bit scales.
//!
//! OCP Microscaling Formats 1.0 for MXFP4. Nibbles: element j low, element j + half high. Importance weights change nothing.

pub(super) mod group;
mod mxfp4;
mod nvfp4;

pub(super) use mxfp4::Mxfp4;
pub(super) use nvfp4::Nvfp4;
