//! What the rest of remold needs to know of a format.

use super::{FilePlan, Head, LayoutRequest, Verdict};
use crate::model::{FormatId, Model, Name, Result, Warning};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::path::{Path, PathBuf};

/// Lays out the files for a request.
pub type LayoutFn = fn(&LayoutRequest<'_>) -> Result<Vec<FilePlan>>;

/// One format: how it is recognized, read and written.
pub struct FormatSpec {
    /// Which format this is.
    pub id: FormatId,
    /// One line for `remold formats`.
    pub about: &'static str,
    /// Other spellings of its name, lower case.
    pub aliases: &'static [&'static str],
    /// Two letters or so for narrow columns.
    pub badge: &'static str,
    /// File extensions, lower case, without the dot. They break ties between weak verdicts, nothing else.
    pub extensions: &'static [&'static str],
    /// Extensions that files of the format can have, but mostly other files have: files are not looked for by them.
    pub rare_extensions: &'static [&'static str],
    /// Looks at the first bytes (and the path's name) and says whether this is such a file.
    pub probe: fn(&Head<'_>) -> Verdict,
    /// How it is read; `None` if its files are only recognized, so that an error can name them.
    pub read: Option<ReadSpec>,
    /// What a file of the format is called in an error: `an ONNX model`.
    pub noun: &'static str,
    /// How it is written; `None` if it is only read.
    pub write: Option<WriteSpec>,
}

/// How a format is read.
pub struct ReadSpec {
    /// Opens a file of this format (for sharded sets: any shard, or the index).
    pub open: fn(&Path) -> Result<Model>,
    /// Opens one file as it is, whatever set it belongs to.
    pub open_alone: fn(&Path) -> Result<Model>,
    /// Shapes and encodings of the tensors of one file, and what it says of the model, faster than opening it; `None`: it is opened.
    pub outline: Option<fn(&Path) -> Result<Outline>>,
    /// Bytes of the header with the list of tensors, from the first 8 bytes of a file, where the header is the beginning of the file.
    pub header_bytes: Option<fn([u8; 8]) -> u64>,
    /// Whether llama.cpp's converter takes the tensors of a file by name instead of in the order of the file.
    pub by_name: bool,
}

/// What a scan of many files wants to know of one.
#[derive(Debug, Default)]
pub struct Outline {
    /// Shape and encoding of each tensor.
    pub tensors: Vec<(Shape, Encoding)>,
    /// Name of the model, if the file says it.
    pub title: Option<String>,
    /// Its architecture, if the file says it.
    pub architecture: Option<String>,
}

/// How a format is written.
pub struct WriteSpec {
    /// Lays out the file(s) for a set of tensors.
    pub layout: LayoutFn,
    /// Extension of an output that is one file.
    pub extension: &'static str,
    /// Extensions with which `-o` means one file, where an output can be a folder, too.
    pub file_extensions: &'static [&'static str],
    /// Whether a file has a place for metadata.
    pub metadata: bool,
    /// What an output is.
    pub output: OutputKind,
    /// Stem and extension of weight files in model folders: what another output left there under such a name is stale.
    pub in_folders: Option<(&'static str, &'static str)>,
    /// The path of the whole from that of any file of a set, for outputs that are files.
    pub whole_path: Option<fn(&Path) -> PathBuf>,
    /// Whether a file of a set can be split again and sets can be merged, by `remold split` and `remold merge`.
    pub resplit: bool,
    /// Lists the tensors of a written file, in file order, with remold's own reader; `None`: the file is opened as a model, and its tensors
    /// are compared by name.
    pub list: Option<ListTensors>,
    /// True if [`WriteSpec::list`] gives offsets from where the data begins.
    pub relative_offsets: bool,
    /// True for a file that has a tensor, or that is a part of the model without one.
    pub holds_model: fn(&FilePlan) -> bool,
    /// An independent reader that checks a written file.
    pub second_reader: Option<SecondReader>,
}

/// What an output of a format is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// One file with everything in it, or a set of such files, which is known by the first.
    File,
    /// A folder with the files of the model, or a lone file of tensors.
    Folder,
}

/// Calls back with each tensor of a file, in file order. Gives the offset at which the data begins, where the format says it apart from the
/// tensors.
pub type ListTensors = fn(&Path, &mut dyn FnMut(TensorPlace) -> Result<()>) -> Result<Option<u64>>;

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
    /// As reports name it.
    pub name: &'static str,
    /// Checks a file of a set against its plan. Gives a warning for what it could not check.
    pub verify: fn(&Path, &FilePlan, &LayoutRequest<'_>, FileOfSet) -> Result<Vec<Warning>>,
}

/// Which file of a set.
#[derive(Clone, Copy, Debug)]
pub struct FileOfSet {
    /// From 0.
    pub number: usize,
    /// Files that hold the model.
    pub count: usize,
}
