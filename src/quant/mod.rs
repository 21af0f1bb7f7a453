//! ggml's block formats as pure functions between `f32` rows and bytes.
//!
//! Must not know tensors' names, files or jobs. The main types are [`BlockType`] (a block format and its layout) and
//! [`Encoding`] (a plain dtype or a block format). [`quantize_rows`] gives the bytes of the public ggml reference
//! (`ggml-quants.c` of llama.cpp, autumn 2026, as its baseline x86-64 build computes them): strict `f32`, every operation
//! rounded by itself, sums in index order. No `mul_add`, no reordered sum: a compiler may use vectors only where that
//! changes no bit.
//!
//! `block_type` has the table of formats, `codec` the trait that each format implements: encoder, encoder in lanes, decoder,
//! further search (`effort`) and the check of its scales. A family of formats is a folder (`legacy`, `k`, `iq`, `low_bit`,
//! `fp4`, and `early` for the layouts from before GGUF, which are only read); a file holds one format, or a few that share their code, with byte diagrams. The reference's searches for scales
//! that several formats share are in `search`, number conversions in `number`. The encoders in lanes (`simd`) are for AVX2,
//! AVX-512 and plain vectors; the first two are about ten times as fast as the plain encoder, to the same bytes (`cargo bench
//! --bench quantize`). Rows are independent of each other, so any chunking of rows gives the same bytes; `part` is about
//! rows that are quantized piece by piece. Test with `cargo test quant::`.
//!
//! `affine` has the integer encodings of operator graphs, which are not ggml's.
//!
//! Files import from the file that defines an item, never from this one: it only re-exports.
//!
//! To add a format: a file in the folder of its family with a `Codec`, and a line in the table of `block_type`.

pub(crate) mod affine;
mod block_type;
mod blocks;
mod codec;
mod compare;
mod early;
mod effort;
mod encoding;
mod error;
mod fp4;
mod iq;
mod k;
mod legacy;
mod low_bit;
mod number;
mod part;
mod quantize;
mod search;
mod simd;
mod support;
mod validate;

#[cfg(test)]
mod golden_tests;

pub use block_type::BlockType;
pub(crate) use effort::{Effort, Noise};
pub use encoding::Encoding;
pub(crate) use error::QuantError;
pub use quantize::{dequantize_rows, quantize_rows};
pub use support::{can_quantize, instruction_sets, needs_imatrix};

pub(crate) use compare::Sums;
pub(crate) use early::{repack, repacks_to};
pub(crate) use effort::{quantize_part_max, quantize_rows_max};
pub(crate) use part::{MeanSquare, WholeRow, mean_weight};
pub(crate) use quantize::quantize_part;
pub(crate) use support::{instruction_set, instruction_set_features, needs_mean_square, uses_imatrix};
pub(crate) use validate::{first_bad_block, first_non_finite};
