//! safetensors: Hugging Face's plain tensor container. Reads single files and sharded sets; writes both.
//!
//! Layout (the format section of the reference implementation's README, and its `tensor.rs`): u64 little-endian length of the
//! header; the header, a JSON object from tensor name to `{dtype, shape, data_offsets: [begin, end]}` with offsets into the data
//! section, and optionally `__metadata__` from string to string; the data, which the ranges must cover without hole or overlap.
//! Sharded sets are files named `stem-00001-of-0000N.safetensors` with a `stem.safetensors.index.json` whose `weight_map` says
//! which tensor is where.
//!
//! Refuses everything that the reference refuses, and duplicate names, which it accepts. The 4-bit, 6-bit and scale-only
//! element types are recognised and refused. Tests: `cargo test formats::safetensors`, `tests/formats.rs`.

mod dtype;
mod header;
mod index;
mod layout;
mod open;
mod verify;

pub(crate) use header::{each_tensor, read_header};
pub(crate) use index::read_index;
pub use layout::layout;
pub use open::open_index;
pub(crate) use open::{open, open_alone, open_shards};
pub use verify::verify;

use super::{FormatSpec, Head, Outline, OutputKind, ReadSpec, SecondReader, Verdict, WriteSpec, limits};
use crate::model::FormatId;

/// Name suffix of the file that lists the shards.
pub(crate) const INDEX_SUFFIX: &str = ".safetensors.index.json";

/// The format's entry.
pub(crate) static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Safetensors,
    aliases: &["safetensor"],
    badge: "st",
    noun: "a safetensors file",
    about: "plain tensors of Hugging Face models: one file, or a folder with shards, config and tokenizer",
    extensions: &["safetensors"],
    rare_extensions: &[],
    probe,
    read: Some(ReadSpec {
        open,
        open_alone,
        outline: Some(|path| {
            let tensors = read_header(path)?.tensors.into_iter().map(|t| (t.shape, t.encoding)).collect();
            Ok(Outline { tensors, ..Outline::default() })
        }),
        header_bytes: Some(|first| u64::from_le_bytes(first).saturating_add(8)),
        by_name: true,
    }),
    write: Some(WriteSpec {
        layout,
        extension: "safetensors",
        file_extensions: &[],
        metadata: true,
        output: OutputKind::Folder,
        whole_path: None,
        in_folders: Some(("model", ".safetensors")),
        resplit: false,
        list: Some(|path, each| each_tensor(path, each).map(|()| None)),
        relative_offsets: false,
        holds_model: |f| !f.slots.is_empty(),
        read_set: None,
        second_reader: Some(SecondReader {
            name: "the safetensors crate",
            verify: |path, plan, request, _| verify(path, plan, request).map(|()| Vec::new()),
        }),
    }),
};

fn probe(head: &Head<'_>) -> Verdict {
    let name = head.path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(INDEX_SUFFIX) && head.bytes.trim_ascii_start().first() == Some(&b'{') {
        return Verdict::Strong;
    }
    match head.bytes.split_first_chunk::<8>() {
        Some((len, rest)) => {
            let len = u64::from_le_bytes(*len);
            let plausible = (2..=limits::SAFETENSORS_HEADER_BYTES).contains(&len) && rest.first() == Some(&b'{');
            if plausible { Verdict::Strong } else { Verdict::Weak }
        }
        None => Verdict::Weak,
    }
}
