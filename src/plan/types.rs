//! What a plan says.

use super::naming::shown_source;
use super::{Estimate, GraphQuality, PlannedStage, PlannedValidation, Registration};
use crate::files::FileStamp;
use crate::forecast::divergence::Checked;
use crate::model::FormatId;
use crate::model::{Dims, Name, Role, Warning};
use crate::quant::{Effort, Encoding};
use crate::recipe::Recipe;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What will be done, to the byte. Serialized as `plan.json` of a job and printed by `--dry-run`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The source path.
    pub source: PathBuf,
    /// Every file that decides the output, as it was when planned: weights, sidecars, importance matrices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_files: Vec<SourceFile>,
    /// Format of the source.
    pub source_format: FormatId,
    /// Architecture (GGUF name, `llama`), if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Parameters in the source.
    pub parameters: u64,
    /// Bytes of tensor data in the source.
    pub source_bytes: u64,
    /// The steps of the recipe, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PlannedStep>,
    /// The stages, in order; empty in the plan of a version that had none.
    #[serde(default)]
    pub stages: Vec<PlannedStage>,
    /// How the outputs are evaluated once they are published, if the recipe asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<PlannedValidation>,
    /// What is written.
    pub outputs: Vec<PlannedOutput>,
    /// Bytes that must be free on the destination(s).
    pub disk_bytes: u64,
    /// Upper bound on the memory the run takes, bytes.
    pub memory_bytes: u64,
    /// Everything worth knowing.
    pub warnings: Vec<Warning>,
}

impl Plan {
    /// What is converted, in a few words: `tiny-llama → gguf Q4_K_M, safetensors`. A checkpoint has its run in front:
    /// `exp42/checkpoint-500 → gguf Q4_K_M`.
    pub(crate) fn title(&self) -> String {
        let source = shown_source(&self.source);
        let target = |o: &PlannedOutput| match o.quantization.as_str() {
            "auto" | "" => o.format.to_string(),
            q => format!("{} {q}", o.format),
        };
        let targets: Vec<String> = self.outputs.iter().map(target).collect();
        format!("{source} → {}", targets.join(", "))
    }

    /// The same plan with paths that mean the same from every folder.
    #[must_use]
    pub(crate) fn absolute(mut self) -> Self {
        let outputs = self.outputs.iter_mut().flat_map(|o| {
            let matrix = o.imatrix.as_mut().map(|m| &mut m.file);
            let stale = o.stale.iter_mut().chain(&mut o.replaced).map(|f| &mut f.path);
            let files = o.files.iter_mut().map(|f| &mut f.0).chain(&mut o.replaces).chain(stale);
            let reuse = o.reuse.iter_mut().flat_map(|r| [&mut r.output, &mut r.manifest]);
            std::iter::once(&mut o.path).chain(files).chain(matrix).chain(&mut o.manifest).chain(reuse)
        });
        let sources = self.source_files.iter_mut().map(|f| &mut f.path);
        let data = self.validation.iter_mut().map(|v| &mut v.data);
        for path in std::iter::once(&mut self.source).chain(sources).chain(outputs).chain(data) {
            if let Ok(full) = std::path::absolute(&path) {
                *path = full;
            }
        }
        self
    }

    /// The same plan, which may replace what the recipe it was made from allows to replace: a look at a plan comes before the permission.
    #[must_use]
    pub(crate) fn permitted_by(mut self, recipe: &Recipe) -> Self {
        for (output, target) in self.outputs.iter_mut().zip(&recipe.targets) {
            output.may_replace = target.force;
        }
        self
    }

    /// A hash of everything that decides the output bytes: two plans with the same fingerprint write the same files.
    pub(crate) fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut this = self.clone().absolute();
        for output in &mut this.outputs {
            // What is at the destination does not decide the bytes, and changes while the job publishes.
            output.replaces.clear();
            output.stale.clear();
            output.replaced.clear();
            // Neither decides the bytes of the output.
            output.manifest = None;
            output.reuse = None;
            output.estimate = None;
            output.divergence = None;
            output.calibration = None;
            // Follows from the tensors, and a float may not survive JSON to the last bit.
            output.bits_per_weight = 0.0;
        }
        let mut hash = std::io::BufWriter::new(Hashed(Sha256::new()));
        // Neither the hash nor these types can fail.
        let _ = serde_json::to_writer(&mut hash, &(&this.source, &this.source_files, &this.outputs));
        let options: Vec<_> = this.steps.iter().map(|s| (&s.step, &s.options)).collect();
        if !options.is_empty() {
            let _ = serde_json::to_writer(&mut hash, &options);
        }
        let hash = hash.into_inner().map(|h| h.0).unwrap_or_default();
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Takes what is written into a hash.
struct Hashed(sha2::Sha256);

impl std::io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        sha2::Digest::update(&mut self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A step of the recipe, as it is carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name.
    pub step: String,
    /// What it does, in a few words.
    pub what: String,
    /// Its options, which decide the output bytes.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub options: IndexMap<String, serde_json::Value>,
}

/// A file as it was when planned. The device number is left out: it may be another one after a reboot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its modification time, nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Its change time, nanoseconds since 1970.
    #[serde(default)]
    pub ctime_ns: i128,
    /// Its inode number.
    #[serde(default)]
    pub inode: u64,
}

impl SourceFile {
    /// A file with this stamp.
    pub(crate) fn new(path: &Path, stamp: &FileStamp) -> Self {
        let FileStamp { bytes, mtime_ns, ctime_ns, ino, .. } = *stamp;
        Self { path: path.to_owned(), bytes, mtime_ns, ctime_ns, inode: ino }
    }

    /// True if it is the same file with the same contents, whatever its links and permissions are.
    pub(crate) fn has_contents_of(&self, stamp: &FileStamp) -> bool {
        (self.inode, self.bytes, self.mtime_ns) == (stamp.ino, stamp.bytes, stamp.mtime_ns)
    }

    /// As [`SourceFile::has_contents_of`].
    pub(crate) fn is_like(&self, meta: &std::fs::Metadata) -> bool {
        self.has_contents_of(&FileStamp::from(meta))
    }

    /// True if the file has this stamp still.
    pub(crate) fn is(&self, stamp: &FileStamp) -> bool {
        *self == Self::new(&self.path, stamp)
    }
}

/// One output of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedOutput {
    /// Final path: a file or a folder.
    pub path: PathBuf,
    /// Format name.
    pub format: FormatId,
    /// What was asked for: `Q4_K_M`, `bf16`, `auto`.
    pub quantization: String,
    /// `max` where blocks are searched further than the reference does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Files and their exact sizes.
    pub files: Vec<(PathBuf, u64)>,
    /// True if `path` is a folder that is published as a whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
    /// Those of the files that were there already when planned. They are replaced if `may_replace` says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<PathBuf>,
    /// The same files as they were then: a file that was written to since is not replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<SourceFile>,
    /// The user allowed to replace what was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_replace: bool,
    /// Files of an earlier output at the same place that this one does not have. They are removed when it is published, if `may_replace`
    /// says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<SourceFile>,
    /// Exact size over all files.
    pub bytes: u64,
    /// Bits per weight over all tensors, without headers.
    pub bits_per_weight: f64,
    /// Where the manifest goes; `None` where none is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
    /// An earlier output whose bytes are copied where the source is unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<PlannedReuse>,
    /// Registration in another program once it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// What the importance matrix covers, when one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imatrix: Option<ImatrixCoverage>,
    /// What it is expected to lose and to take, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What it is expected to lose by the measure that its types were chosen by, where that is the divergence on a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<PredictedDivergence>,
    /// How far the outputs of a graph are from those of the original on calibration data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<GraphQuality>,
    /// Tensors in output order; shared, since there may be a million.
    #[serde(with = "shared")]
    pub tensors: Arc<Vec<PlannedTensor>>,
}

/// The list behind an [`Arc`] in JSON.
mod shared {
    use super::PlannedTensor;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(list: &Arc<Vec<PlannedTensor>>, s: S) -> Result<S::Ok, S::Error> {
        list.as_slice().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<Vec<PlannedTensor>>, D::Error> {
        Vec::deserialize(d).map(Arc::new)
    }
}

/// An earlier output that a new one may copy from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedReuse {
    /// The earlier output: a file or a folder.
    pub output: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Tensors that have the same shape and types in both. Whether their source is unchanged too shows while it is read.
    pub tensors: usize,
    /// Their bytes in the output.
    pub bytes: u64,
    /// Nothing is published if the new output would be the same to the byte as the earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_unchanged: bool,
}

/// One tensor of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedTensor {
    /// Name in the output.
    pub name: Name,
    /// Layer number, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Kind: name without layer and suffix (`ffn_down`).
    #[serde(deserialize_with = "Name::read_word")]
    pub kind: Name,
    /// What it is for.
    pub role: Role,
    /// Encoding in the source.
    pub from: Encoding,
    /// Encoding in the output.
    pub to: Encoding,
    /// Dimensions, outermost first.
    pub shape: Dims,
    /// Encoded bytes in the output.
    pub bytes: u64,
    /// Why this type, when a rule or fallback chose it.
    #[serde(default, deserialize_with = "Name::read_optional_word", skip_serializing_if = "Option::is_none")]
    pub because: Option<Name>,
    /// The type that was wanted but does not fit the shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_from: Option<Encoding>,
}

/// The KL divergence that the types of an output are expected to cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedDivergence {
    /// Mean over positions, in nats: the sum of what each tensor costs alone.
    pub nats: f64,
    /// Tokens of the text that the costs were measured on.
    pub tokens: usize,
    /// Pairs of a tensor and a type that were measured.
    pub measured: usize,
    /// All pairs that could have been chosen; the others are predicted from those that were measured.
    pub of: usize,
    /// Groups of tensors of one kind in a quarter of the depth that were measured, as a whole or by one of their tensors.
    #[serde(default)]
    pub groups: usize,
    /// All groups; 0 in plans of earlier versions.
    #[serde(default)]
    pub of_groups: usize,
    /// Kinds of tensors that were measured as a whole, because there was no time for all groups.
    #[serde(default)]
    pub kinds: usize,
    /// What the whole network was measured to lose with these types, on tokens that no cost was measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<ChoiceCheck>,
}

/// How the types of an output were compared with others on a second text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceCheck {
    /// The text, in words.
    pub text: String,
    /// Its tokens.
    pub tokens: usize,
    /// Mixes that were compared.
    pub mixes: usize,
    /// What the chosen types lose.
    pub chosen: Checked,
    /// The best file type of at most the budget, with its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_type: Option<(String, Checked)>,
    /// True if the file type was taken: every mix had a larger mean, or a larger 99.9th percentile or maximum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub took_file_type: bool,
}

/// How far an importance matrix covers the tensors of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImatrixCoverage {
    /// The file.
    pub file: PathBuf,
    /// The data set it was made from, if the file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Chunks of text it was made from; 0 if the file does not say.
    pub chunks: u32,
    /// Entries of the file.
    pub entries: usize,
    /// Entries that `include_weights` or `exclude_weights` took away.
    #[serde(default)]
    pub left_out: usize,
    /// Tensors that become a type importance matters for.
    pub quantized: usize,
    /// Those of them that have values.
    pub used: usize,
    /// Those that have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Entries that name no tensor of the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    /// Used entries with columns of no importance: their values may be rounded away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zero_columns: Vec<PartOf>,
    /// Used entries with experts that no token reached: their columns count all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen_experts: Vec<PartOf>,
}

/// Some of the columns or experts of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOf {
    /// The tensor.
    pub tensor: String,
    /// How many are meant.
    pub count: usize,
    /// How many it has.
    pub of: usize,
}
