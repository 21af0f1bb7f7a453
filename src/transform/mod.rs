//! What happens to tensors between source and target: which encoding each gets, and decoding rows of any encoding.
//!
//! Sees models and block formats, never files' bytes, jobs or screens. [`plan_quantize`] is llama-quantize's file-level
//! behaviour as a pure function; [`FileType`] is its list of names; [`Imatrix`] holds importance weights; [`decode`] gives
//! rows of any encoding as `f32`. Test with `cargo test transform::`.

mod decode;
mod file_type;
mod imatrix;
mod llama_quantize;

pub use decode::{decode, decode_bytes};
pub use file_type::FileType;
pub use imatrix::Imatrix;
pub use llama_quantize::{Choice, QuantizePlan, QuantizeRequest, kept_because, plan_quantize};
