//! What a run found, kept as `report.json` in the job's folder.

use super::event::TensorDone;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The result of a finished run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// remold's version.
    pub version: String,
    /// The source path.
    pub source: PathBuf,
    /// Wall seconds.
    pub seconds: f64,
    /// CPU seconds of the process, user and system.
    pub cpu_seconds: f64,
    /// Highest resident memory, bytes.
    pub peak_rss: u64,
    /// One entry an output.
    pub outputs: Vec<OutputReport>,
}

/// What was written and how far it is from the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputReport {
    /// Final path.
    pub path: PathBuf,
    /// Format name.
    pub format: String,
    /// What was asked for.
    pub quantization: String,
    /// Files it consists of.
    #[serde(default)]
    pub files: usize,
    /// Size over all files.
    pub bytes: u64,
    /// Bits per weight.
    pub bits_per_weight: f64,
    /// SQNR over all re-encoded tensors together, dB; absent when nothing was re-encoded with loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// How far the noise over all these tensors lies under that of the reference's bytes, dB; with `effort = "max"` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f64>,
    /// Who read the output back and agreed.
    pub verified_by: Vec<String>,
    /// Every tensor with its error.
    pub tensors: Vec<TensorDone>,
}
