//! ONNX: operator graphs with their weights, in one file or with data files next to it.
//!
//! Schema: `onnx.proto` of ONNX 1.23 (IR versions 1 to 14). A file is a message without a magic number, so [`probe`] looks at its fields. Reading
//! decodes the structure (`proto`), leaves the data of tensors where it is, and builds a [`Graph`](crate::graph::Graph) whose constants are tensors of
//! the model (`read`). Every name is resolved when a file is read: a value that nothing gives, or that two nodes give, is refused, and so are cycles.
//! Unknown operators are not. `write` lays a graph out again. What the graph does not model is kept, so that nothing is lost on the way. `verify` reads
//! what was written, the data file too, and compares it with the plan.
//!
//! Data files are read only from the folder of the model, and with checked sizes. Types that no tensor of a model has (4-bit and 2-bit
//! integers, some 8-bit floats) are tensors of their packed bytes; the graph knows their type. Tests: `cargo test --lib formats::onnx`.

mod names;
mod probe;
mod proto;
mod read;
mod verify;
mod write;

pub(crate) use read::open;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use write::layout;
pub(crate) use write::own_tensors;

use super::{FormatSpec, OutputKind, ReadSpec, WriteSpec};
use crate::model::FormatId;

/// The format's entry.
pub(crate) static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Onnx,
    aliases: &[],
    badge: "onnx",
    noun: "an ONNX model",
    about: "operator graphs for ONNX Runtime and others",
    extensions: &["onnx"],
    rare_extensions: &[],
    probe: probe::probe,
    read: Some(ReadSpec { open, open_alone: open, outline: None, header_bytes: None, by_name: false }),
    write: Some(WriteSpec {
        layout: write::lay_out,
        extension: "onnx",
        file_extensions: &[],
        // It is a part of the graph.
        metadata: false,
        output: OutputKind::File,
        in_folders: None,
        whole_path: None,
        resplit: false,
        list: None,
        relative_offsets: false,
        holds_model: |_| true,
        read_set: Some(verify::verify),
        second_reader: None,
    }),
};

#[cfg(test)]
pub(crate) use tests::{weights_only, write_graph};

#[cfg(test)]
mod tests;
