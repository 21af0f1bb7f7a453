//! GGUF: the container of ggml and llama.cpp. Reads versions 2 and 3, little- and big-endian, whole or split; writes version 3.
//!
//! Layout (ggml's public `gguf.h` and `docs/gguf.md`): magic `GGUF`, u32 version, u64 number of tensors, u64 number of keys; the
//! keys (string, u32 type, value); the tensor infos (string name, u32 n, n × u64 dimensions innermost first, u32 type, u64 offset
//! into the data section); zeros up to a multiple of `general.alignment` (32 unless given); the data, each tensor padded to the
//! same multiple. Strings are a u64 length and bytes.
//!
//! Refuses what llama.cpp refuses (duplicate names, more than 4 dimensions, rows that are no multiple of the block) and what
//! would make it read outside the file. Must not know architectures. Tests: `cargo test formats::gguf`, `tests/formats.rs`.

mod header;
mod joined;
mod layout;
mod open;
mod split;
mod values;
#[cfg(feature = "verify-gguf-rs")]
mod verify;

pub use header::{Arrays, Header, TensorInfo, each_tensor, read_header};
pub use layout::{layout, tensor_bytes};
pub use open::{open, open_alone};
pub use split::{shard_metadata, shard_paths, whole_path};
#[cfg(feature = "verify-gguf-rs")]
pub use verify::verify;

use super::{FormatSpec, Head, Verdict};
use crate::model::FormatId;

/// First bytes of every GGUF file.
pub const MAGIC: [u8; 4] = *b"GGUF";
/// Alignment of the data when `general.alignment` is absent.
pub const DEFAULT_ALIGNMENT: u64 = 32;
/// The independent reader of written files, `None` in a build without the feature `verify-gguf-rs`.
pub const SECOND_READER: Option<&str> = if cfg!(feature = "verify-gguf-rs") { Some("gguf-rs") } else { None };
/// Key of the alignment.
pub const ALIGNMENT_KEY: &str = "general.alignment";

/// The format's entry.
pub static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Gguf,
    about: "one file for llama.cpp, Ollama and LM Studio: weights, hyper-parameters and tokenizer",
    extensions: &["gguf"],
    probe,
    open,
    open_alone,
    layout: Some(layout),
};

fn probe(head: &Head<'_>) -> Verdict {
    if head.bytes.starts_with(&MAGIC) { Verdict::Strong } else { Verdict::Weak }
}
