//! GGUF: the container of ggml and llama.cpp. Reads versions 2 and 3, little- and big-endian, whole or split; writes version 3.
//!
//! Layout (ggml's public `gguf.h` and `docs/gguf.md`): magic `GGUF`, u32 version, u64 number of tensors, u64 number of keys; the
//! keys (string, u32 type, value); the tensor infos (string name, u32 n, n × u64 dimensions innermost first, u32 type, u64 offset
//! into the data section); zeros up to a multiple of `general.alignment` (32 unless given); the data, each tensor padded to the
//! same multiple. Strings are a u64 length and bytes.
//!
//! Refuses what llama.cpp refuses (duplicate names, more than 4 dimensions, rows that are not a multiple of the block) and
//! what would make it read outside the file. Must not know architectures. Tests: `cargo test formats::gguf`,
//! `tests/formats.rs`.

mod arrays;
mod header;
mod joined;
mod layout;
mod open;
mod split;
mod values;
#[cfg(feature = "verify-gguf-rs")]
mod verify;

pub(crate) use arrays::Arrays;
pub(crate) use header::{each_tensor, read_header};
pub use layout::layout;
pub(crate) use layout::tensor_bytes;
pub(crate) use open::open;
pub use open::open_alone;
pub use split::shard_metadata;
pub(crate) use split::whole_path;
#[cfg(feature = "verify-gguf-rs")]
pub use verify::verify;

use super::{FormatSpec, Head, Outline, OutputKind, ReadSpec, SecondReader, TensorPlace, Verdict, WriteSpec};
#[cfg(feature = "verify-gguf-rs")]
use super::{LayoutRequest, Split};
use crate::model::{FormatId, Result, is_importance_matrix};
use std::path::Path;

/// First bytes of every GGUF file.
pub(crate) const MAGIC: [u8; 4] = *b"GGUF";
/// Alignment of the data when `general.alignment` is absent.
pub(crate) const DEFAULT_ALIGNMENT: u64 = 32;
/// Key of the alignment.
pub(crate) const ALIGNMENT_KEY: &str = "general.alignment";

/// The format's entry.
pub(crate) static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Gguf,
    aliases: &[],
    badge: "gguf",
    noun: "a GGUF file",
    about: "one file for llama.cpp, Ollama and LM Studio: weights, hyper-parameters and tokenizer",
    extensions: &["gguf"],
    rare_extensions: &[],
    probe,
    read: Some(ReadSpec { open, open_alone, outline: Some(outline), header_bytes: None, by_name: false }),
    write: Some(WriteSpec {
        layout,
        extension: "gguf",
        file_extensions: &[],
        metadata: true,
        output: OutputKind::File,
        whole_path: Some(whole_path),
        in_folders: None,
        resplit: true,
        list: Some(list_tensors),
        relative_offsets: true,
        // The first file of a set may contain metadata only.
        holds_model: |f| !f.slots.is_empty() || f.fixed.first().is_some_and(|(_, bytes)| bytes.starts_with(&MAGIC)),
        read_set: None,
        second_reader: SECOND_READER,
    }),
};

/// gguf-rs; `None` in a build without the feature `verify-gguf-rs`.
#[cfg(feature = "verify-gguf-rs")]
const SECOND_READER: Option<SecondReader> = Some(SecondReader {
    name: "gguf-rs",
    verify: |path, plan, request, file| {
        let metadata = shard_metadata(request.metadata, file.number, file.count, request.tensors.len());
        verify(path, plan, &LayoutRequest { metadata: &metadata, split: Split::Whole, ..*request })
    },
});

#[cfg(not(feature = "verify-gguf-rs"))]
const SECOND_READER: Option<SecondReader> = None;

fn outline(path: &Path) -> Result<Outline> {
    let header = read_header(path, Arrays::SkipLong)?;
    let text = |key: &str| header.metadata.get(key)?.as_str().map(str::to_owned);
    Ok(Outline {
        title: text("general.name").filter(|n| !n.trim().is_empty()),
        architecture: text("general.architecture"),
        is_no_model: is_importance_matrix(&header.metadata),
        tensors: header.tensors.into_iter().map(|t| (t.shape, t.encoding)).collect(),
    })
}

fn list_tensors(path: &Path, each: &mut dyn FnMut(TensorPlace) -> Result<()>) -> Result<Option<u64>> {
    each_tensor(path, each).map(Some)
}

fn probe(head: &Head<'_>) -> Verdict {
    if head.bytes.starts_with(&MAGIC) { Verdict::Strong } else { Verdict::Weak }
}
