//! Element types, shapes and element conversion between raw little-endian bytes and `f32`.
//!
//! Knows nothing about files, names or block formats. The types that matter: [`DType`] and [`Shape`].

mod convert;
mod dtype;
mod shape;

pub use convert::{decode_f32, encode_f32};
pub use dtype::DType;
pub use shape::Shape;
