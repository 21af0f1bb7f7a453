//! What a measurement found, kept as `report.json` in the folder of its job.

use crate::engine::{Check, Metric};
use crate::files::FileStamp;
use crate::forward::Rounding;
use crate::model::Warning;
use crate::quality::{self, Estimate, Measured, Needs, Report, Value, metric};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the reports that this program writes.
pub(super) const VERSION: u32 = 1;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum MeasurementReport {
    /// Of models on a text.
    Evaluation(EvaluationReport),
    /// An importance matrix.
    Imatrix(ImatrixReport),
}

/// The result of an evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EvaluationReport {
    /// Version of this form.
    pub version: u32,
    /// remold's version.
    pub remold: String,
    /// The models; a baseline that is none of those asked for comes first.
    pub models: Vec<MeasuredModel>,
    /// What they were compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// The text.
    pub text: TextRecord,
    /// How the inputs of products were rounded.
    pub rounding: Rounding,
    /// What was measured on, in a few words.
    pub measured_on: String,
    /// What a reader should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the conditions say.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Wall seconds of the last attempt.
    pub seconds: f64,
    /// Highest resident memory, bytes.
    pub peak_rss: u64,
    /// Threads.
    pub threads: usize,
    /// The command that measures the same again.
    pub command: String,
}

/// What was measured of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MeasuredModel {
    /// A name that distinguishes it from the others.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
    /// True for the model that the others are compared with.
    #[serde(default)]
    pub is_baseline: bool,
    /// Its files as they were.
    #[serde(default)]
    pub files: Vec<FileRecord>,
    /// The values, in the order of the table of metrics; those of layers too.
    #[serde(default)]
    pub values: Vec<MeasuredValue>,
}

/// A measured value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MeasuredValue {
    /// The metric, as in events.
    pub metric: String,
    /// The value.
    #[serde(deserialize_with = "crate::engine::number")]
    pub value: f64,
    /// One standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<f64>,
    /// The layer it is of; the whole model when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
}

/// A file as it was when it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    /// Its path.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// What models were compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// Its name.
    pub label: String,
    /// The model, or the file of log-probabilities.
    pub path: PathBuf,
    /// Its files as they were.
    #[serde(default)]
    pub files: Vec<FileRecord>,
}

/// The text of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TextRecord {
    /// Where it was; absent where the tokens came from a file of log-probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// SHA-256 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of the tokens of all windows: the same for measurements on the same input.
    pub windows_sha256: String,
    /// Windows; texts of embedding models.
    pub windows: usize,
    /// Tokens of a window.
    pub window_tokens: usize,
    /// Tokens scored; 0 for an importance matrix.
    #[serde(default)]
    pub scored_tokens: usize,
}

/// The result of making an importance matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ImatrixReport {
    /// Version of this form.
    pub version: u32,
    /// remold's version.
    pub remold: String,
    /// The model.
    pub model: PathBuf,
    /// Its files as they were.
    #[serde(default)]
    pub files: Vec<FileRecord>,
    /// The text.
    pub text: TextRecord,
    /// The file written.
    pub output: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Tensors in it.
    pub tensors: usize,
    /// Windows that it counts, with those of merged files.
    pub chunks: u32,
    /// Tokens computed.
    pub tokens: usize,
    /// What the text did not reach.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Wall seconds of the last attempt.
    pub seconds: f64,
    /// Highest resident memory, bytes.
    pub peak_rss: u64,
    /// Threads.
    pub threads: usize,
    /// The command that makes the same again.
    pub command: String,
}

impl FileRecord {
    /// Of a file as it was.
    pub(super) fn of((path, stamp): &(PathBuf, FileStamp)) -> Self {
        Self {
            path: super::request::absolute(path),
            bytes: stamp.bytes,
            mtime_ns: i64::try_from(stamp.mtime_ns).unwrap_or(i64::MAX),
        }
    }

    /// True if the file is what it was.
    pub(crate) fn holds(&self) -> bool {
        FileStamp::of_path(&self.path).is_ok_and(|stamp| Self::of(&(self.path.clone(), stamp)) == *self)
    }
}

impl MeasuredModel {
    /// What was measured of a model, with its files.
    pub(super) fn of(measured: &Measured, files: &[(PathBuf, FileStamp)]) -> Self {
        let value = |v: &Value| MeasuredValue {
            metric: v.metric.to_owned(),
            value: v.estimate.value,
            uncertainty: v.estimate.uncertainty,
            layer: v.layer,
        };
        Self {
            label: measured.label.clone(),
            path: super::request::absolute(&measured.path),
            is_baseline: measured.is_baseline,
            files: files.iter().map(FileRecord::of).collect(),
            values: measured.values.iter().map(value).collect(),
        }
    }

    /// The value of the whole model.
    pub(crate) fn get(&self, metric: &str) -> Option<&MeasuredValue> {
        self.values.iter().find(|v| v.metric == metric && v.layer.is_none())
    }

    /// The values of a metric by layer, in order.
    pub(crate) fn by_layer<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = (u32, f64)> + 'a {
        self.values.iter().filter(move |v| v.metric == metric).filter_map(|v| Some((v.layer?, v.value)))
    }

    /// True if its files are what they were. A model of which no file is known is taken as changed.
    pub(crate) fn holds(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(FileRecord::holds)
    }
}

impl EvaluationReport {
    /// In the form in which figures are printed. Metrics that this version does not know are left out.
    pub(crate) fn to_quality(&self) -> Report {
        let value = |v: &MeasuredValue| {
            let estimate = Estimate { value: v.value, uncertainty: v.uncertainty };
            Some(Value { metric: metric(&v.metric)?.name, estimate, layer: v.layer })
        };
        let measured = |m: &MeasuredModel| Measured {
            label: m.label.clone(),
            path: m.path.clone(),
            is_baseline: m.is_baseline,
            values: m.values.iter().filter_map(value).collect(),
        };
        Report {
            models: self.models.iter().map(measured).collect(),
            baseline: self.baseline.as_ref().map(|b| (b.label.clone(), b.path.clone())),
            rounding: self.rounding,
            measured_on: self.measured_on.clone(),
            notes: self.notes.clone(),
            seconds: self.seconds,
        }
    }

    /// The checks that failed.
    pub(crate) fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| !c.passed)
    }
}

impl MeasurementReport {
    /// True if its text ends with that command.
    pub(crate) const fn ends_with_command(&self) -> bool {
        matches!(self, Self::Evaluation(_))
    }
}

/// The values of a report as events have them; those of layers are sent when they are measured.
pub(super) fn metrics(report: &Report) -> Vec<Metric> {
    let baseline = report.baseline.as_ref().map(|(_, path)| path.display().to_string());
    let of_model = |model: &Measured| {
        let named = |v: &Value| {
            let against = !model.is_baseline && metric(v.metric).is_some_and(|m| m.needs.is_relative());
            Metric {
                name: v.metric.to_owned(),
                value: v.estimate.value,
                uncertainty: v.estimate.uncertainty,
                model: model.path.display().to_string(),
                baseline: baseline.clone().filter(|_| against),
                layer: v.layer,
                mode: mode(v.metric, report.rounding),
                ..Metric::default()
            }
        };
        model.values.iter().filter(|v| v.layer.is_none()).map(named).collect::<Vec<_>>()
    };
    report.models.iter().flat_map(of_model).collect()
}

/// How a metric was computed; speeds in llama.cpp were not computed here.
fn mode(name: &str, rounding: Rounding) -> Option<String> {
    let elsewhere = metric(name).is_some_and(|m| m.needs == Needs::LlamaCpp);
    (!elsewhere).then(|| rounding.name().to_owned())
}

/// What the conditions say of each model. The baseline is not checked, unless it was asked for alone.
pub(super) fn checks(report: &Report, conditions: &[quality::Condition]) -> Vec<Check> {
    let checked = report.models.iter().filter(|m| !m.is_baseline || report.models.len() == 1);
    let check = |model: &Measured, condition: &quality::Condition| {
        // What is missing has not passed.
        let value = model.decisive(condition).unwrap_or(f64::NAN);
        Check {
            metric: condition.metric.name.to_owned(),
            condition: condition.to_string(),
            value,
            passed: !condition.fails(value),
            model: model.path.display().to_string(),
            ..Check::default()
        }
    };
    checked.flat_map(|m| conditions.iter().map(move |c| check(m, c))).collect()
}

/// SHA-256 of a file.
pub(super) fn sha256_of(path: &Path) -> Option<String> {
    use sha2::{Digest, Sha256};
    let bytes = std::fs::read(path).ok()?;
    Some(Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect())
}
