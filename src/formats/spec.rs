//! What the rest of remold needs to know about a format.

use super::{FilePlan, Head, LayoutRequest, Verdict};
use crate::model::{FormatId, Model, Name, Result, Warning};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::path::{Path, PathBuf};

/// Lays out the files for a request.
pub(crate) type LayoutFn = fn(&LayoutRequest<'_>) -> Result<Vec<FilePlan>>;

/// One format: how it is recognized, read and written.
pub(crate) struct FormatSpec {
    /// Which format this is.
    pub id: FormatId,
    /// One line for `remold formats`.
    pub about: &'static str,
    /// Other spellings of its name, lower case.
    pub aliases: &'static [&'static str],
    /// About two letters for narrow columns.
    pub badge: &'static str,
    /// File extensions, lower case, without the dot. They break ties between weak verdicts, nothing else.
    pub extensions: &'static [&'static str],
    /// Extensions that files of the format can have, but mostly other files have: they are not used to find files.
    pub rare_extensions: &'static [&'static str],
    /// Checks the first bytes (and the path's name) for this format.
    pub probe: fn(&Head<'_>) -> Verdict,
    /// How it is read; `None` if its files are only recognized, so that an error can name them.
    pub read: Option<ReadSpec>,
    /// What a file of the format is called in an error: `an ONNX model`.
    pub noun: &'static str,
    /// How it is written; `None` if it is only read.
    pub write: Option<WriteSpec>,
}

/// How a format is read.
pub(crate) struct ReadSpec {
    /// Opens a file of this format (for sharded sets: any shard, or the index).
    pub open: fn(&Path) -> Result<Model>,
    /// Opens one file as it is, whatever set it belongs to.
    pub open_alone: fn(&Path) -> Result<Model>,
    /// Shapes and encodings of the tensors of one file, and its name and architecture, faster than opening it; `None`: it is opened.
    pub outline: Option<fn(&Path) -> Result<Outline>>,
    /// Size of the header with the list of tensors, from the first 8 bytes of a file, if the file starts with the header.
    pub header_bytes: Option<fn([u8; 8]) -> u64>,
    /// Whether llama.cpp's converter reads the tensors of a file by name instead of in file order.
    pub by_name: bool,
}

/// What a scan of many files needs from one.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Shape and encoding of each tensor.
    pub tensors: Vec<(Shape, Encoding)>,
    /// Name of the model, if the file says it.
    pub title: Option<String>,
    /// Its architecture, if the file says it.
    pub architecture: Option<String>,
    /// It has the form of a model and is none, as an importance matrix.
    pub is_no_model: bool,
}

/// How a format is written.
pub struct WriteSpec {
    /// Lays out the file(s) for a set of tensors.
    pub layout: LayoutFn,
    /// Extension of an output that is one file.
    pub extension: &'static str,
    /// Extensions with which `-o` means one file, where an output can be a folder, too.
    pub file_extensions: &'static [&'static str],
    /// Whether a file can store metadata.
    pub metadata: bool,
    /// The kind of output.
    pub output: OutputKind,
    /// Stem and extension of weight files in model folders: such files left there by another output are stale.
    pub in_folders: Option<(&'static str, &'static str)>,
    /// The path of the set from that of any of its files, for outputs that are files.
    pub whole_path: Option<fn(&Path) -> PathBuf>,
    /// Whether a file of a set can be split again and sets can be merged, by `remold split` and `remold merge`.
    pub resplit: bool,
    /// Lists the tensors of a written file, in file order, with remold's own reader; `None`: the file is opened as a model, and its tensors
    /// are compared by name.
    pub list: Option<ListTensors>,
    /// True if [`WriteSpec::list`] gives offsets from where the data begins.
    pub relative_offsets: bool,
    /// True for a file that has a tensor, or that belongs to the model without one.
    pub holds_model: fn(&FilePlan) -> bool,
    /// Reads all files of a written output together and compares them with the plan, for formats whose files are read only together;
    /// [`WriteSpec::list`] is not used then.
    pub read_set: Option<ReadSet>,
    /// An independent reader that checks a written file.
    pub second_reader: Option<SecondReader>,
}

/// Compares the files of an output with their plans.
pub(crate) type ReadSet = fn(&[WrittenFile<'_>], &LayoutRequest<'_>) -> Result<()>;

/// A file that was written and has not got its name yet.
#[derive(Clone, Copy, Debug)]
pub struct WrittenFile<'a> {
    /// What was planned, with the final path.
    pub plan: &'a FilePlan,
    /// Where the file is now.
    pub path: &'a Path,
}

/// The kind of output of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// One file with everything in it, or a set of such files, which is identified by the first.
    File,
    /// A folder with the files of the model, or a single file of tensors.
    Folder,
}

/// Calls back with each tensor of a file, in file order. Returns the offset at which the data begins, if the format stores it separately
/// from the tensors.
pub(crate) type ListTensors = fn(&Path, &mut dyn FnMut(TensorPlace) -> Result<()>) -> Result<Option<u64>>;

/// A tensor in a file's header.
#[derive(Clone, Debug)]
pub struct TensorPlace {
    /// Name.
    pub name: Name,
    /// Dimensions, outermost first.
    pub shape: Shape,
    /// Encoding.
    pub encoding: Encoding,
    /// Byte offset of the data in the file, or from where the data begins ([`WriteSpec::relative_offsets`]).
    pub offset: u64,
    /// Bytes of the data.
    pub bytes: u64,
}

/// A reader that is not remold's.
pub struct SecondReader {
    /// Its name in reports.
    pub name: &'static str,
    /// Checks a file of a set against its plan. Returns a warning for what it could not check.
    pub verify: fn(&Path, &FilePlan, &LayoutRequest<'_>, FileOfSet) -> Result<Vec<Warning>>,
}

/// Which file of a set.
#[derive(Clone, Copy, Debug)]
pub struct FileOfSet {
    /// From 0.
    pub number: usize,
    /// Number of files that contain the model.
    pub count: usize,
}
