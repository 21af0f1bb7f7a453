//! What a run found, kept as `report.json` in the job's folder.

use super::event::{Check, Metric, TensorDone};
use super::manifest::Copied;
use crate::model::FormatId;
use crate::model::Name;
use crate::plan::{Estimate, GraphQuality, PredictedDivergence};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The result of a finished run. `T` are the rows of an output, one a tensor: a list where the report was read, and made one by one
/// where it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report<T = Vec<TensorDone>> {
    /// remold's version.
    pub version: String,
    /// The source path.
    pub source: PathBuf,
    /// Wall seconds, pauses included.
    pub seconds: f64,
    /// Wall seconds of encoding, without pauses: what the forecast of the time is about. Absent in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encode_seconds: Option<f64>,
    /// Wall seconds that the run was paused for; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_seconds: Option<f64>,
    /// CPU seconds of the process, user and system.
    pub cpu_seconds: f64,
    /// Highest resident memory, bytes.
    pub peak_rss: u64,
    /// Worker threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The most memory that the plan allowed for, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// One entry an output.
    pub outputs: Vec<OutputReport<T>>,
}

impl<T> Report<T> {
    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let outputs = self
            .outputs
            .iter_mut()
            .flat_map(|o| std::iter::once(&mut o.path).chain(o.reused.iter_mut().map(|copied| &mut copied.from)));
        std::iter::once(&mut self.source).chain(outputs)
    }

    /// Its paths: the source, then those of each output.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let outputs = self
            .outputs
            .iter()
            .flat_map(|o| std::iter::once(&o.path).chain(o.reused.iter().map(|copied| &copied.from)));
        std::iter::once(&self.source).chain(outputs).cloned().collect()
    }

    /// Gives it other paths, in the order of [`Report::paths`]; returns those that it had.
    pub(crate) fn set_paths(&mut self, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        self.paths_mut().zip(paths).map(|(path, new)| std::mem::replace(path, new)).collect()
    }
}

/// What was written and how far it is from the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputReport<T = Vec<TensorDone>> {
    /// Final path.
    pub path: PathBuf,
    /// Format name.
    pub format: FormatId,
    /// What was requested.
    pub quantization: String,
    /// Files it consists of.
    #[serde(default)]
    pub files: usize,
    /// Size over all files.
    pub bytes: u64,
    /// Bits per weight.
    pub bits_per_weight: f64,
    /// Estimated signal to noise of the model's output, dB: the measured relative noise of each tensor times its share in what the model
    /// says. Weighted by the importance matrix where there is one. Absent without loss, and in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sqnr_db: Option<f64>,
    /// True where `output_sqnr_db` is weighted by an importance matrix.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output_weighted: bool,
    /// SQNR of the weights, over all tensors that were re-encoded with loss, dB, not weighted; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// What was forecast when the run began, from a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Estimate>,
    /// What its types were expected and measured to cost on a text, where that chose them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<PredictedDivergence>,
    /// How far the outputs of a graph are from those of the original on calibration data, as measured when planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<GraphQuality>,
    /// How far the noise over all these tensors is below that of the reference's bytes, dB; only with `effort = "max"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f64>,
    /// What was copied from an earlier output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Copied>,
    /// The manifest, where one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
    /// The tensor with the lowest SQNR; absent when nothing was re-encoded with loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
    /// Who read the output back and agreed.
    pub verified_by: Vec<String>,
    /// What was measured of it on a text, if the recipe asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<OutputEvaluation>,
    /// Every tensor with its error.
    pub tensors: T,
}

/// What was measured of an output on a text, against the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputEvaluation {
    /// The text.
    pub data: PathBuf,
    /// SHA-256 of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sha256: Option<String>,
    /// The model that it is measured against: the source.
    pub baseline: PathBuf,
    /// How activations were rounded: `exact` or `llama.cpp`.
    pub mode: String,
    /// What was measured on, in a few words.
    pub measured_on: String,
    /// Measured values.
    pub metrics: Vec<Metric>,
    /// Checks.
    pub checks: Vec<Check>,
}

/// The tensor of an output that is farthest from the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// Name in the output.
    pub name: Name,
    /// Its SQNR, dB.
    pub sqnr_db: f64,
}

impl<T> Report<T> {
    /// The same report with other outputs.
    pub(crate) fn with_outputs<U>(self, outputs: Vec<OutputReport<U>>) -> Report<U> {
        Report {
            outputs,
            version: self.version,
            source: self.source,
            seconds: self.seconds,
            encode_seconds: self.encode_seconds,
            paused_seconds: self.paused_seconds,
            cpu_seconds: self.cpu_seconds,
            peak_rss: self.peak_rss,
            threads: self.threads,
            memory_bytes: self.memory_bytes,
        }
    }

    /// Seconds on the clock that the forecasts of all outputs come to.
    pub(crate) fn forecast_seconds(&self) -> Option<f64> {
        let cpu: Option<Vec<f64>> = self.outputs.iter().map(|o| Some(o.forecast?.cpu_seconds)).collect();
        Some(cpu?.iter().sum::<f64>() / self.threads?.max(1) as f64)
    }

    /// The checks that failed, over all outputs.
    pub(crate) fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        self.outputs.iter().filter_map(|o| o.evaluation.as_ref()).flat_map(|e| &e.checks).filter(|c| !c.passed)
    }

    /// The report without the rows of its outputs.
    pub(crate) fn without_rows(mut self) -> Report<()> {
        let outputs = std::mem::take(&mut self.outputs);
        self.with_outputs(outputs.into_iter().map(|o| o.with_rows(())).collect())
    }
}

impl<T> OutputReport<T> {
    /// The same report with other rows.
    pub(crate) fn with_rows<U>(self, tensors: U) -> OutputReport<U> {
        let Self {
            path,
            format,
            quantization,
            files,
            bytes,
            bits_per_weight,
            output_sqnr_db,
            output_weighted,
            sqnr_db,
            forecast,
            divergence,
            calibration,
            gain_db,
            reused,
            manifest,
            worst,
            verified_by,
            evaluation,
            ..
        } = self;
        OutputReport {
            path,
            format,
            quantization,
            files,
            bytes,
            bits_per_weight,
            output_sqnr_db,
            output_weighted,
            sqnr_db,
            forecast,
            divergence,
            calibration,
            gain_db,
            reused,
            manifest,
            worst,
            verified_by,
            evaluation,
            tensors,
        }
    }
}
