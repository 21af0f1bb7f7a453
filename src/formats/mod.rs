//! File formats, one folder each: probe, open → [`Model`], lay out a file ← tensors.
//!
//! Must not know recipes, plans or jobs. Adding a format is a folder with a [`FormatSpec`] and a line in [`FORMATS`].
//! Reading is lazy and bounded: every length is checked against what the file holds before anything is allocated.
//! Writing is planned: [`FormatSpec::layout`] says every fixed byte and the place of every tensor before the first byte is
//! written; the engine fills the places in any order from many threads.

pub mod gguf;
pub mod hf;
mod layout;
mod limits;
mod probe;
pub mod pytorch;
mod reader;
mod recognised;
pub mod safetensors;
mod scan;
pub mod shards;

pub use layout::{FilePlan, Finish, LayoutRequest, LayoutTensor, Slot, Split};
use probe::probe_sure;
pub use probe::{HEAD_BYTES, Head, Verdict, open, open_file, probe};
pub use scan::{Found, FoundKind, scan, scan_each};

use crate::model::{FormatId, Model, Result};
use std::path::Path;

/// Lays out the files for a request.
pub type LayoutFn = fn(&LayoutRequest<'_>) -> Result<Vec<FilePlan>>;

/// Everything the rest of remold needs to know of a format.
pub struct FormatSpec {
    /// Which format this is.
    pub id: FormatId,
    /// One line for `remold formats`.
    pub about: &'static str,
    /// File extensions, lower case, without the dot. They break ties between weak verdicts, nothing else.
    pub extensions: &'static [&'static str],
    /// Looks at the first bytes (and the path's name) and says whether this is such a file.
    pub probe: fn(&Head<'_>) -> Verdict,
    /// Opens a file of this format (for sharded sets: any shard, or the index).
    pub open: fn(&Path) -> Result<Model>,
    /// Opens one file as it is, whatever set it belongs to.
    pub open_alone: fn(&Path) -> Result<Model>,
    /// Lays out the file(s) for a set of tensors; `None` if the format is only read.
    pub layout: Option<LayoutFn>,
}

/// Every format that has something in it, by [`FormatId`] order.
pub static FORMATS: &[&FormatSpec] = &[
    &safetensors::SPEC,
    &pytorch::SPEC,
    &gguf::SPEC,
    &recognised::GGML,
    &recognised::ONNX,
    &recognised::ORT,
    &recognised::TFLITE,
    &recognised::SAVEDMODEL,
];

/// The spec of a format; `None` while it is not built.
pub fn spec(id: FormatId) -> Option<&'static FormatSpec> {
    FORMATS.iter().copied().find(|s| s.id == id)
}
