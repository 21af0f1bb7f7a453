//! File formats, one folder each: probe, open → [`Model`](crate::model::Model), lay out a file ← tensors.
//!
//! Must not know recipes, plans or jobs. Adding a format is a folder with a [`FormatSpec`] and a line in [`FORMATS`].
//! Reading is lazy and bounded: every length is checked against the file's size before anything is allocated. Writing is
//! planned: [`WriteSpec::layout`] gives every fixed byte and the place of every tensor before the first byte is written;
//! the engine fills the places in any order from many threads.

pub(crate) mod ggml;
pub(crate) mod gguf;
pub(crate) mod hf;
mod layout;
mod limits;
pub(crate) mod onnx;
mod probe;
mod protobuf;
pub(crate) mod pytorch;
mod reader;
mod recognised;
pub(crate) mod safetensors;
pub(crate) mod samples;
mod scan;
pub(crate) mod shards;
mod source_folder;
pub(crate) mod spec;
mod zip;

pub(crate) use layout::Slot;
pub(crate) use layout::{ExternalData, LayoutGraph};
pub use layout::{FilePlan, LayoutRequest, LayoutTensor, Split};
pub use probe::open;
pub use probe::open_file;
use probe::probe_sure;
pub(crate) use probe::{Head, Verdict, open_as_format};
pub use scan::{Found, FoundKind, scan};
pub(crate) use scan::{is_model, scan_each, shard_set};
pub(crate) use spec::{
    FileOfSet, FormatSpec, Outline, OutputKind, ReadSet, ReadSpec, SecondReader, TensorPlace, WriteSpec, WrittenFile,
};

pub(crate) use source_folder::inside_source;

use crate::model::FormatId;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Every format with an entry, in [`FormatId`] order.
pub(crate) static FORMATS: &[&FormatSpec] = &[
    &safetensors::SPEC,
    &pytorch::SPEC,
    &gguf::SPEC,
    &ggml::SPEC,
    &onnx::SPEC,
    &recognised::ORT,
    &recognised::TFLITE,
    &recognised::SAVEDMODEL,
];

/// The formats that can be written: the one place this is derived.
pub(crate) fn written() -> &'static [FormatId] {
    static WRITTEN: LazyLock<Vec<FormatId>> =
        LazyLock::new(|| FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.id).collect());
    &WRITTEN
}

/// The names of the formats that can be written.
pub(crate) fn written_names() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| written().iter().map(|f| f.name()).collect());
    &NAMES
}

/// The formats that can be written and whose outputs are folders of weights and the files next to them.
pub(crate) fn written_as_folders() -> impl Iterator<Item = FormatId> {
    let folder = |f: &&&FormatSpec| f.write.as_ref().is_some_and(|w| w.output == OutputKind::Folder);
    FORMATS.iter().filter(folder).map(|f| f.id)
}

/// How a format is written; `None` if it is not.
pub fn write_spec(id: FormatId) -> Option<&'static WriteSpec> {
    spec(id)?.write.as_ref()
}

/// The path of the set from that of any of its files: `x.gguf` from `x-00002-of-00003.gguf`.
pub(crate) fn whole_path(id: FormatId, path: &Path) -> PathBuf {
    write_spec(id).and_then(|w| w.whole_path).map_or_else(|| path.to_owned(), |whole| whole(path))
}

/// Size of a file's header, from its first 8 bytes; depends on the file's extension.
pub(crate) fn header_bytes(path: &Path) -> Option<fn([u8; 8]) -> u64> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let spec = FORMATS.iter().find(|f| f.extensions.contains(&&*extension))?;
    spec.read.as_ref()?.header_bytes
}

/// The extensions of model files, of every format.
pub(crate) fn extensions() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().flat_map(|f| f.extensions.iter().copied())
}

/// True for a name with the extension of a model file.
pub(crate) fn has_model_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, e)| e.to_ascii_lowercase());
    extension.is_some_and(|e| extensions().any(|known| known == e))
}

/// True for the name of a file of a format that carries everything a network needs: files next to it do not belong to
/// it.
pub(crate) fn is_self_contained(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    let alone = |f: &&&FormatSpec| f.write.as_ref().is_some_and(|w| w.output == OutputKind::File);
    FORMATS.iter().filter(alone).any(|f| extension.as_deref().is_some_and(|e| f.extensions.contains(&e)))
}

/// True if an output path with that extension means one file, in whichever format.
pub(crate) fn names_a_file(path: &Path) -> bool {
    names_file_of(path, |_| true)
}

/// True if an output path with that extension means one file of tensors, in a format whose outputs are folders otherwise.
pub(crate) fn names_a_lone_file(path: &Path) -> bool {
    names_file_of(path, |w| w.output == OutputKind::Folder)
}

/// True if a path has the extension of a format whose outputs are files: shards next to it are one output.
pub(crate) fn names_a_file_of_a_set(path: &Path) -> bool {
    names_file_of(path, |w| w.output != OutputKind::Folder)
}

/// The formats that are read, in words.
fn readable_names() -> String {
    let names: Vec<&str> = FORMATS.iter().filter(|f| f.read.is_some()).map(|f| f.id.name()).collect();
    names.join(", ")
}

/// The formats whose files have the extension of a path, in any case.
pub(crate) fn with_extension_of(path: &Path) -> Vec<&'static FormatSpec> {
    let Some(extension) = extension_of(path) else { return Vec::new() };
    FORMATS.iter().copied().filter(|f| f.extensions.contains(&extension.as_str())).collect()
}

fn extension_of(path: &Path) -> Option<String> {
    path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase)
}

fn names_file_of(path: &Path, which: impl Fn(&WriteSpec) -> bool) -> bool {
    let extension = extension_of(path);
    let known =
        |w: &WriteSpec| extension.as_deref().is_some_and(|e| w.extension == e || w.file_extensions.contains(&e));
    FORMATS.iter().filter_map(|f| f.write.as_ref()).any(|w| which(w) && known(w))
}

/// The spec of a format. Every format has one; a test checks this.
pub(crate) fn spec(id: FormatId) -> Option<&'static FormatSpec> {
    FORMATS.iter().copied().find(|s| s.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_one_spec_and_no_name_means_two() {
        let ids: Vec<FormatId> = FORMATS.iter().map(|f| f.id).collect();
        assert_eq!(ids, FormatId::ALL);
        let mut seen = std::collections::HashSet::new();
        for name in FORMATS.iter().flat_map(|f| f.aliases.iter().copied().chain([f.id.name()])) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
