//! ggml's block formats as pure functions between `f32` rows and bytes.
//!
//! Must not know tensors' names, files or jobs. The types that matter: [`BlockType`] (a block format and its layout) and
//! [`Encoding`] (a plain dtype or a block format). [`quantize_rows`] gives the bytes of the public ggml reference.
//! Test with `cargo test quant::`.

mod block_type;
mod encoding;

pub use block_type::BlockType;
pub use encoding::Encoding;
