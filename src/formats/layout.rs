//! The plan of an output file: every fixed byte and the place of every tensor, known before writing.

use crate::model::{Metadata, Sidecars};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a layout needs to know of one tensor.
#[derive(Clone, Debug)]
pub struct LayoutTensor {
    /// Its name in the output.
    pub name: String,
    /// Its shape, outermost first.
    pub shape: Shape,
    /// Its encoding in the output.
    pub encoding: Encoding,
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
    /// Files to put beside the tensors when `path` is a folder.
    pub sidecars: &'a Sidecars,
    /// Split above this many bytes of tensor data, where the format has a convention for it.
    pub max_shard_bytes: Option<u64>,
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

/// Computes the last bytes of a file once the data is in place: gets the CRC-32 of each slot, in slot order, and gives
/// (offset, bytes) pieces to write.
pub type Finish = Box<dyn Fn(&[u32]) -> Vec<(u64, Vec<u8>)> + Send + Sync>;

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
    pub fn whole(path: PathBuf, contents: Vec<u8>) -> Self {
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
