//! PyTorch checkpoints: `.pt .pth .bin .ckpt`, read without running anything, and written for `torch.load(weights_only=True)`.
//!
//! Two containers: zip archives (PyTorch ≥ 1.6; `archive`) and the legacy stream of pickles and raw storages (`legacy`). Both
//! give a pickle, interpreted by `pickle` (plain containers and tensors, the rest opaque), and a table of storages
//! (`source`); `walk` picks the model's tensors out of the tree and describes what is not converted. `.pt2` programs give
//! their weights (`pt2`), sharded sets are opened through their index (`index`). Checkpoints of torch.distributed.checkpoint (`dcp`) and the
//! model states of DeepSpeed (`deepspeed`) are read if they hold whole tensors. `write` lays out zip archives.
//!
//! Refused: big-endian data, encrypted or compressed storages, the tar form of PyTorch before 0.2.
//! Layouts: `torch/serialization.py`, `torch/csrc/api`'s pickler and `caffe2/serialize/inline_container.cc` of PyTorch 2.x (facts only).
//! Test: `cargo test pytorch`.

mod archive;
mod beside;
mod checksum;
mod dcp;
mod deepspeed;
mod entries;
mod index;
mod legacy;
mod limits;
mod pickle;
mod probe;
mod pt2;
mod source;
mod sparse;
mod strided;
mod walk;
mod write;

pub(crate) use dcp::METADATA as DCP_METADATA;
pub(crate) use deepspeed::STATES as DEEPSPEED_STATES;
pub(crate) use index::open_index;

use super::{FormatSpec, OutputKind, ReadSpec, WriteSpec};
use crate::model::{FormatId, Model, ModelError, OpenedFile, Result, TensorEntry};
use crate::quant::Encoding;
use std::path::Path;

/// PyTorch checkpoints.
pub(crate) static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Pytorch,
    aliases: &["pt", "pth", "torch"],
    badge: "pt",
    noun: "a PyTorch checkpoint",
    about: "PyTorch checkpoints: zip archives, legacy pickles, TorchScript and .pt2 weights, sharded .bin sets, torch.distributed.checkpoint",
    extensions: &["pt", "pth", "bin", "ckpt", "pt2"],
    rare_extensions: &["ptl", "pkl"],
    probe: probe::probe,
    read: Some(ReadSpec { open, open_alone, outline: None, header_bytes: None, by_name: false }),
    write: Some(WriteSpec {
        layout: write::layout,
        extension: "pt",
        file_extensions: &["bin"],
        metadata: false,
        output: OutputKind::Folder,
        whole_path: None,
        in_folders: Some(("pytorch_model", ".bin")),
        resplit: false,
        list: None,
        relative_offsets: false,
        holds_model: |f| !f.slots.is_empty(),
        read_set: None,
        second_reader: None,
    }),
};

/// Opens a checkpoint, an index, or any shard of a set with an index next to it.
///
/// # Errors
/// What is wrong with the file, with its place.
pub fn open(path: &Path) -> Result<Model> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    let model = match index::index_of_shard(path) {
        _ if name.ends_with(".index.json") => open_index(path),
        _ if name == DCP_METADATA => dcp::open(path),
        _ if name == DEEPSPEED_STATES => deepspeed::open(path),
        Some(index) if index.is_file() => open_index(&index),
        Some(index) => open_file(path).map(|mut model| {
            let index = index.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let text =
                format!("this is one of several shards; only its own tensors are read because {index} is missing");
            model.warnings.push(crate::model::Warning::new("pytorch.shard", text));
            model
        }),
        None => open_file(path),
    };
    model.map_err(|e| e.in_file(path).in_format(FormatId::Pytorch))
}

/// Opens one file, whatever set it belongs to.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_alone(path: &Path) -> Result<Model> {
    open_file(path).map_err(|e| e.in_file(path).in_format(FormatId::Pytorch))
}

fn open_file(path: &Path) -> Result<Model> {
    let source = source::Source::open(path)?;
    let opened = OpenedFile::new(path, &source.file)?;
    let head = probe::head(&source)?;
    let model = match probe::container(&head) {
        Some(probe::Container::Zip) => archive::open(source),
        Some(probe::Container::Legacy) => legacy::open(source),
        Some(probe::Container::Pickle) => legacy::open_plain(source),
        Some(probe::Container::Tar) => {
            Err(ModelError::unsupported("tar archives from PyTorch before 0.2 are not supported")
                .with_hint("Load it with an old PyTorch (up to 2.5) and save it again with torch.save."))
        }
        None => {
            let shown: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            let what = format!("the file is neither a zip archive nor a pickle; it begins with {}", shown.join(" "));
            Err(ModelError::bad(what)
                .with_hint("Git LFS pointers and HTML error pages are often saved under such names."))
        }
    };
    model.map(|mut model| {
        model.opened.push(opened);
        model
    })
}

/// Puts the tensors of a training run's files into the order that safetensors files have (wider types first, then by name): these files have
/// none of their own, and an export is then the same as that of the gathered checkpoint.
fn order_as_safetensors(model: &mut Model) {
    model
        .tensors
        .sort_by(|a, b| element_bytes(b).cmp(&element_bytes(a)).then_with(|| a.name.as_str().cmp(b.name.as_str())));
    for unread in &mut model.unreadable {
        unread.before = model.tensors.len();
    }
}

fn element_bytes(t: &TensorEntry) -> usize {
    if let Encoding::Plain(dtype) = t.encoding { dtype.size_bytes() } else { 0 }
}

/// A model without anything in it yet.
/// Interprets a pickle in memory, for `fuzzing`.
///
/// # Errors
/// What is wrong with it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn load_pickle(bytes: &[u8]) -> Result<()> {
    pickle::load(&mut pickle::Input::memory(bytes.to_vec())).map(drop)
}

fn empty_model(path: &Path) -> Model {
    Model {
        path: path.to_owned(),
        format: FormatId::Pytorch,
        files: vec![path.to_owned()],
        opened: Vec::new(),
        tensors: Vec::new(),
        metadata: crate::model::Metadata::new(),
        sidecars: crate::model::Sidecars::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    }
}
