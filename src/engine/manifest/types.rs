//! What a manifest says. The names of the fields are its keys and stay what they are; readers ignore keys that they do not know.

use crate::engine::source_hash::Hash128;
use crate::engine::{ErrorStats, OutputEvaluation};
use crate::model::OutputIndex;
use crate::plan::{GraphQuality, PredictedDivergence};
use crate::quant::Effort;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::PathBuf;

/// Version of the layout of manifests. A reader refuses one that is higher than its own.
pub(crate) const MANIFEST_VERSION: u32 = 1;

/// Version of the encoders: raised when the bytes that one of them writes for the same values change. Bytes of an earlier export are only
/// copied when it is the same.
pub(crate) const ENCODER: u32 = 1;

/// How a run was started, for its manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The command line, as a shell takes it.
    pub command: Option<String>,
    /// The recipe in TOML, with absolute paths and everything that the command line set.
    pub recipe: Option<String>,
}

/// Everything but the lists of files and tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// [`MANIFEST_VERSION`]; always the first key.
    pub remold_manifest: u32,
    /// remold's version.
    pub remold: String,
    /// [`ENCODER`].
    pub encoder: u32,
    /// The job.
    pub job: String,
    /// Name of the machine.
    pub host: String,
    /// When the run began, RFC 3339. A job that was resumed began with its last attempt.
    pub started: String,
    /// When the output was complete and checked, RFC 3339.
    pub finished: String,
    /// [`Origin::command`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// [`Origin::recipe`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Number of the output among the targets of the recipe, from 0.
    pub target: OutputIndex,
    /// The source.
    pub source: SourceRecord,
    /// The output.
    pub output: OutputRecord,
    /// What was measured of the output on a text, if the recipe asked for that. It is added after the output was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<OutputEvaluation>,
}

/// The source of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceRecord {
    /// Its path.
    pub path: PathBuf,
    /// Its format.
    pub format: String,
    /// Architecture, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Parameters.
    pub parameters: u64,
    /// Every file that decided the output: weights, sidecars, importance matrices.
    pub files: Vec<SourceFileRecord>,
}

/// A source file. The tensors of weight files are hashed one by one: see [`TensorRecord::source_xxh3`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFileRecord {
    /// Its path.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// SHA-256 of the whole file; of files that were read whole (configuration, tokenizer, importance matrix).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Length of the header that `header_sha256` is of: the first bytes of a safetensors file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_bytes: Option<u64>,
    /// SHA-256 of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_sha256: Option<String>,
}

/// The output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputRecord {
    /// Its name: of the file, of the folder, or of the first file of a split GGUF.
    pub name: String,
    /// Its path when it was written.
    pub path: PathBuf,
    /// True for a folder: the names in `files` are relative to it. Otherwise they are relative to the folder of the output.
    #[serde(default)]
    pub folder: bool,
    /// Format.
    pub format: String,
    /// The requested type: `Q4_K_M`, `bf16`, `auto`.
    pub quantization: String,
    /// `max` where blocks were searched further than the reference does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Importance matrix, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imatrix: Option<PathBuf>,
    /// Size over all files.
    pub bytes: u64,
    /// Number of tensors.
    pub tensors: usize,
    /// Bits per weight.
    pub bits_per_weight: f64,
    /// Signal to quantization noise over all tensors that were re-encoded with loss, dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// How far the noise is below that of the reference's bytes, dB; only with `effort = "max"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f64>,
    /// What its types were expected and measured to cost on a text, where that chose them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<PredictedDivergence>,
    /// How far the outputs of a graph are from those of the original on calibration data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<GraphQuality>,
    /// Who read the output back and agreed.
    pub verified_by: Vec<String>,
    /// What was copied from an earlier output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Copied>,
}

/// What of an output was copied from an earlier one, because its source had not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The earlier output.
    pub from: PathBuf,
    /// Tensors that were copied.
    pub tensors: usize,
    /// Tensors of the output.
    pub of: usize,
    /// Bytes that were copied.
    pub bytes: u64,
}

/// A file of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    /// Its name, relative to the output if that is a folder, otherwise to the folder that contains it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// CRC-32 of the whole file (ISO-HDLC, as zip and `zlib.crc32` have it); absent where its parts overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32: Option<Crc32>,
    /// What is not tensor data: headers, indexes, whole small files. All bytes in none of these and in no tensor are zero.
    pub rest: Vec<Rest>,
}

/// A stretch of a file that is not tensor data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    /// Where it begins.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// CRC-32 of its bytes.
    pub crc32: Crc32,
}

/// A tensor of the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TensorRecord {
    /// Name in the output.
    pub name: String,
    /// Encoding in the source.
    pub from: String,
    /// Encoding in the output.
    pub to: String,
    /// Dimensions, outermost first.
    pub shape: Vec<u64>,
    /// Index of its file in `files`.
    pub file: usize,
    /// Where in the file it begins.
    pub offset: u64,
    /// Encoded bytes.
    pub bytes: u64,
    /// CRC-32 of these bytes.
    pub crc32: Crc32,
    /// XXH3-128 of its source: of the bytes that were handed to the encoder, hashed in pieces (docs/manifest.md). Absent for tensors without elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_xxh3: Option<Hash128>,
    /// The hashes of the pieces, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces_xxh3: Option<Vec<Hash128>>,
    /// XXH3-128 of the importance of its columns, as little-endian `f32`; absent without importance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance_xxh3: Option<Hash128>,
    /// The sums behind its errors; absent where nothing was re-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<ErrorStats>,
    /// Root mean square error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Signal to quantization noise, dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// True if its bytes were copied from an earlier output.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
}

/// A CRC-32, as 8 hexadecimal digits in text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crc32(pub u32);

impl Serialize for Crc32 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{:08x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Crc32 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let number = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == 8 && !text.starts_with('+'));
        number.map(Self).ok_or_else(|| serde::de::Error::custom("not a CRC-32 of 8 hexadecimal digits"))
    }
}
