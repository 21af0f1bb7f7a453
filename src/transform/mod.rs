//! What happens to tensors between source and target: which encoding each gets, and decoding pieces of any encoding.
//!
//! Sees models and block formats, never files' bytes, jobs or screens. [`plan_quantize`] is llama-quantize's file-level
//! behaviour as a pure function; [`FileType`] is its list of names; [`Imatrix`] holds importance weights; [`decode()`] gives
//! rows of any encoding as `f32`; [`prune_layers()`] leaves layers out, [`prune()`] sets weights to zero; [`merge_lora()`] adds an adapter; `graph` quantizes operator graphs. Test with
//! `cargo test transform::`.

mod decode;
mod file_type;
pub(crate) mod graph;
pub(crate) mod imatrix;
mod llama_quantize;
mod lora;
mod prune;
mod prune_layers;

pub(crate) use decode::{decode, decode_bytes};
pub use file_type::FileType;
pub use imatrix::Imatrix;
pub(crate) use imatrix::MAX_BYTES as MAX_IMATRIX_BYTES;
pub(crate) use llama_quantize::{
    Choice, FALLBACK, Fallen, NEED_IMATRIX, QuantizePlan, QuantizeRequest, TensorFacts, VECTORS, fallback_warnings,
    may_quantize, plan_quantize, plan_quantize_with,
};
pub(crate) use lora::merge_lora;
pub(crate) use prune::{Pruning, is_matrix, is_prunable, prune};
pub(crate) use prune_layers::{Pruned, prune_layers, without_layers};
