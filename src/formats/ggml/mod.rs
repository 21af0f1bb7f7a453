//! ggml's files from before GGUF (2022 to August 2023): `ggml`, `ggmf`, `ggjt` 1 to 3, `ggcc` and `ggla`. They are read, not written.
//!
//! ```text
//! magic: u32, [version: u32], hyper-parameters, vocabulary, tensors to the end of the file
//! tensor: dimensions: i32, name length: i32, type: i32, dimensions innermost first: i32 each, name, [padding to 32], data
//! ```
//!
//! The file names neither its network nor, before `ggjt`, the layout of its blocks. `family` has the headers, `walk` reads the tensors,
//! `choose` takes the header with which the tensors end exactly at the end of the file, `era` says which layout a type code means,
//! and `parts` joins models of several files. Sources: llama.cpp up to dadbed99e (2023-08-21), whisper.cpp and ggml's examples up to July
//! 2023, ggllm.cpp. What is read becomes metadata under `ggml.…`; names stay as they are. Refused: sessions (`ggsn`), unknown networks.
//! Must not know architectures beyond their headers. Test: `cargo test --lib formats::ggml`.

mod choose;
mod container;
mod era;
mod family;
mod header;
mod open;
mod parts;
mod rowwise;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use open::{open, open_alone};

use super::{FormatSpec, Head, ReadSpec, Verdict};
use crate::model::FormatId;
use container::Container;

/// The format's entry.
pub(crate) static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Ggml,
    about: "ggml's files before GGUF: early llama.cpp, whisper.cpp, ggml's examples, and LoRA adapters",
    aliases: &[],
    badge: "ggml",
    noun: "a ggml file from before GGUF",
    extensions: &["ggml", "bin"],
    rare_extensions: &["ggcc"],
    probe,
    read: Some(ReadSpec { open, open_alone, outline: None, header_bytes: None, by_name: false }),
    write: None,
};

fn probe(head: &Head<'_>) -> Verdict {
    let magic = head.bytes.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
    if magic.is_some_and(|m| Container::of_magic(m).is_some()) { Verdict::Strong } else { Verdict::No }
}
