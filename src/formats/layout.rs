//! The plan of an output file: every fixed byte and the place of every tensor, known before writing.

use crate::graph::Graph;
use crate::model::{Metadata, Name, Sidecars};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a layout needs to know about one tensor.
#[derive(Clone, Debug)]
pub struct LayoutTensor {
    /// Its name in the output.
    pub name: Name,
    /// Its shape, outermost first.
    pub shape: Shape,
    /// Its encoding in the output.
    pub encoding: Encoding,
    /// The layer it belongs to, for splits that keep layers together.
    pub layer: Option<u32>,
}

/// A set of tensors to lay out.
#[derive(Debug)]
pub struct LayoutRequest<'a> {
    /// Destination: a file, or a folder for formats that write several (a folder exists or will be made).
    pub path: &'a Path,
    /// The tensors in output order.
    pub tensors: &'a [LayoutTensor],
    /// Metadata for the file.
    pub metadata: &'a Metadata,
    /// Files to put next to the tensors when `path` is a folder.
    pub sidecars: &'a Sidecars,
    /// How the tensors are spread over files, where the format has a convention for it.
    pub split: Split,
    /// The graph, for formats of graphs.
    pub graph: Option<&'a LayoutGraph>,
}

/// The graph of an output.
#[derive(Clone, Debug)]
pub struct LayoutGraph {
    /// The graph. Its constants are tensors by their places in [`LayoutRequest::tensors`]; each tensor belongs to exactly one constant.
    pub graph: Arc<Graph>,
    /// Where the data of its tensors is written.
    pub external: ExternalData,
    /// Whether the types and shapes of the graph were checked: then the written file has to pass the same check.
    pub checked: bool,
}

/// Where the data of the tensors of a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalData {
    /// In a data file if the model is too large for one file.
    #[default]
    Auto,
    /// In the file of the graph.
    Never,
    /// In a data file, for tensors of at least this many bytes.
    From(u64),
}

/// How the tensors of an output are spread over files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// One file.
    #[default]
    Whole,
    /// Starts a new file if the next tensor would bring the data of the current one above this many bytes. A larger
    /// tensor gets its own file.
    Bytes(u64),
    /// GGUF: this many tensors per file.
    Tensors(usize),
    /// GGUF: the tensors of each file, as indices into [`LayoutRequest::tensors`]; each is in exactly one file.
    Files(Vec<Vec<usize>>),
    /// GGUF: like the inner one, after a first file that contains the metadata and no tensor.
    MetadataFirst(Box<Split>),
}

impl Split {
    /// The bytes a file may hold, for formats that split in no other way.
    pub(crate) fn max_bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes(n) => Some(*n),
            Self::MetadataFirst(inner) => inner.max_bytes(),
            _ => None,
        }
    }
}

/// The place of one tensor in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Index into [`LayoutRequest::tensors`].
    pub tensor: usize,
    /// Absolute byte offset.
    pub offset: u64,
    /// Encoded bytes.
    pub bytes: u64,
}

/// Computes the last bytes of a file once the data is written: takes the CRC-32 of each slot, in slot order, and
/// returns (offset, bytes) pieces to write.
pub(crate) type Finish = Box<dyn Fn(&[u32]) -> Vec<(u64, Vec<u8>)> + Send + Sync>;

/// One file to be written. The fixed pieces and the slots never overlap; gaps between them are zero.
pub struct FilePlan {
    /// Final path.
    pub path: PathBuf,
    /// Exact size.
    pub bytes: u64,
    /// (offset, bytes) pieces known beforehand: headers, indexes, whole small files.
    pub fixed: Vec<(u64, Vec<u8>)>,
    /// Where each tensor goes.
    pub slots: Vec<Slot>,
    /// Set by formats that store checksums of the data.
    pub finish: Option<Finish>,
}

impl FilePlan {
    /// A small file whose contents are known.
    pub(crate) fn whole(path: PathBuf, contents: Vec<u8>) -> Self {
        Self { path, bytes: contents.len() as u64, fixed: vec![(0, contents)], slots: Vec::new(), finish: None }
    }
}

impl fmt::Debug for FilePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilePlan")
            .field("path", &self.path)
            .field("bytes", &self.bytes)
            .field("fixed", &self.fixed.len())
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}
