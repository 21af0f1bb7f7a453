//! ONNX: operator graphs with their weights, in one file or with data files next to it.
//!
//! Schema: `onnx.proto` of ONNX 1.23 (IR versions 1 to 14). A file is a message without a magic number, so [`probe`] looks at its fields. Reading
//! decodes the structure (`proto`), leaves the data of tensors where it is, and builds a [`Graph`](crate::graph::Graph) whose constants are tensors of
//! the model (`read`). Every name is resolved when a file is read: a value that nothing gives, or that two nodes give, is refused, and so are cycles.
//! Unknown operators are not. `write` lays a graph out again. What the graph does not model is kept, so that nothing is lost on the way.
//!
//! Data files are read only from the folder of the model, and with checked sizes. Types that no tensor of a model has (4-bit and 2-bit
//! integers, some 8-bit floats) are tensors of their packed bytes; the graph knows their type. Tests: `cargo test --lib formats::onnx`.

mod probe;
mod proto;
mod read;
mod write;

pub(crate) use read::open;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use write::{ExternalData, layout};

use super::{FormatSpec, ReadSpec};
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
    write: None,
};

#[cfg(test)]
mod tests;
