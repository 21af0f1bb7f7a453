//! What happens in a job, one JSON object a line. The command line, `--json`, the workbench and the report read the same stream.

use super::manifest::Copied;
use crate::evaluate::Baseline;
use crate::model::{ErrorCode, Name, OutputIndex, Role, Warning};
use crate::plan::{GraphQuality, StageKind};
use crate::quant::Encoding;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One thing that happened in a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, RFC 3339.
    pub t: jiff::Timestamp,
    /// The job's identifier.
    pub job: String,
    /// What.
    #[serde(flatten)]
    pub body: EventBody,
}

/// Reads JSON that holds events or reports. It goes through `serde_json::Value`, because gguf-rs switches on serde_json's
/// `arbitrary_precision` (feature `verify-gguf-rs`), under which flattened and tagged types cannot read floats directly.
///
/// # Errors
/// As `serde_json::from_slice`.
pub fn from_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_value(serde_json::from_slice(bytes)?)
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure: `file.bad`, `disk.full`, …
    pub code: ErrorCode,
    /// One sentence: what, in which file, where.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A tensor's work begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorStart {
    /// Which output of the plan (0-based).
    pub output: OutputIndex,
    /// Name in the output.
    pub name: Name,
    /// Transformer layer, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Kind: the name without the layer and suffix (`ffn_down`, `attn_q`). `tensor_kind` in JSON, where `kind` is the event's.
    #[serde(rename = "tensor_kind", deserialize_with = "Name::read_word")]
    pub kind: Name,
    /// Role: `attention`, `ffn`, `norm`, `embedding`, `output`, `other`.
    pub role: Role,
    /// Encoding in the source.
    pub from: Encoding,
    /// Encoding in the output.
    pub to: Encoding,
    /// Encoded bytes in the output.
    pub bytes: u64,
}

/// A tensor's work is done. The metrics compare the source's values with the output's; absent when nothing was re-encoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TensorDone {
    /// What it was.
    #[serde(flatten)]
    pub tensor: TensorStart,
    /// Root mean square error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Signal to quantization noise, dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// The same weighted by the importance of the columns; only with an importance matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted_sqnr_db: Option<f64>,
    /// How far the noise is below that of the reference's bytes, dB, weighted by importance where there is one; only with `effort = "max"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f64>,
    /// Cosine similarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f64>,
    /// Largest absolute error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_abs: Option<f64>,
}

/// A measured value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What: `size_bytes`, `sqnr_db`.
    pub name: String,
    /// The value, in the unit of the name.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// One standard error, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<f64>,
    /// The model it is of.
    pub model: String,
    /// The model it is measured against, when it is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The layer it is of; the whole model when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// How it was computed, where there is more than one way: `exact`, `llama.cpp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The output of the plan that it is of (0-based).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputIndex>,
}

/// Reads a number; JSON has `null` for one that is not finite.
pub(crate) fn number<'de, D: serde::Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(d)?.unwrap_or(f64::NAN))
}

/// A condition on a metric that was checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The metric.
    pub metric: String,
    /// The condition under which the check fails: `kld_mean > 0.01`.
    pub condition: String,
    /// The measured value.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// False if the condition holds.
    pub passed: bool,
    /// The model it is of.
    pub model: String,
    /// The output of the plan that it is of (0-based).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputIndex>,
    /// What is wrong, where that is more than a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

/// Where a measurement is: an evaluation of models on a text, or an importance matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureProgress {
    /// What is computed: `layers`, `output` (the predictions), `texts`.
    pub step: String,
    /// The model.
    pub model: String,
    /// Its place among the models, in the order in which they are run, from 0.
    pub nth: usize,
    /// Models.
    pub models: usize,
    /// Layers done on this batch of windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Layers of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// The batch of windows, from 0.
    pub batch: usize,
    /// Batches.
    pub batches: usize,
    /// What was collected so far for an importance matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// What was collected so far for an importance matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Experts of the layers seen; 0 for networks without experts.
    pub experts: usize,
    /// How many of them got no token yet.
    pub unreached: usize,
    /// Bytes of the sums.
    pub bytes: u64,
}

/// Resources at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
pub struct Sample {
    /// Resident bytes of the worker.
    pub rss: u64,
    /// Cores in use.
    pub cpu: f64,
    /// Source bytes per second.
    pub read_rate: f64,
    /// Output bytes per second.
    pub write_rate: f64,
    /// Share of the whole job done, 0 to 1.
    pub fraction: f64,
    /// Seconds left, when it can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<f64>,
}

/// The kinds of event. The `kind` strings are stable; readers ignore kinds they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum EventBody {
    /// The job was made and waits.
    #[serde(rename = "job.queued")]
    Queued {
        /// What is converted, for people.
        title: String,
    },
    /// Work begins.
    #[serde(rename = "job.started")]
    Started {
        /// Process that does the work.
        pid: u32,
        /// Worker threads.
        threads: usize,
    },
    /// The work holds; the process keeps what it has.
    #[serde(rename = "job.paused")]
    Paused,
    /// The work continues after a pause.
    #[serde(rename = "job.resumed")]
    Resumed,
    /// What will be done.
    #[serde(rename = "plan")]
    Plan {
        /// Final path of each output.
        outputs: Vec<String>,
        /// Tensors over all outputs.
        tensors: usize,
        /// Bytes over all outputs.
        bytes: u64,
        /// Warnings of the plan.
        warnings: Vec<Warning>,
    },
    /// A stage of the plan begins.
    #[serde(rename = "stage.started")]
    StageStarted {
        /// Which.
        stage: StageKind,
        /// The outputs it works on (0-based).
        outputs: Vec<OutputIndex>,
    },
    /// A stage of the plan is done.
    #[serde(rename = "stage.finished")]
    StageFinished {
        /// Which.
        stage: StageKind,
        /// Wall time.
        seconds: f64,
    },
    /// How far a stage is, where its work is not tensors.
    #[serde(rename = "stage.progress")]
    StageProgress {
        /// Which.
        stage: StageKind,
        /// 0 to 1.
        fraction: f64,
        /// What it works on.
        what: String,
    },
    /// A tensor begins.
    #[serde(rename = "tensor.started")]
    TensorStarted(TensorStart),
    /// A tensor's progress.
    #[serde(rename = "tensor.progress")]
    TensorProgress {
        /// Which output.
        output: OutputIndex,
        /// Name in the output.
        name: String,
        /// 0 to 1.
        fraction: f64,
    },
    /// A tensor is done.
    #[serde(rename = "tensor.finished")]
    TensorFinished(TensorDone),
    /// A measured value.
    #[serde(rename = "metric")]
    Metric(Metric),
    /// A value over the part of the text that was scored so far.
    #[serde(rename = "metric.so_far")]
    MetricSoFar(Metric),
    /// Where a measurement is.
    #[serde(rename = "measure.progress")]
    MeasureProgress(MeasureProgress),
    /// A condition on a metric was checked.
    #[serde(rename = "check")]
    Check(Check),
    /// The baseline of a comparison.
    #[serde(rename = "compare.baseline")]
    Baseline {
        /// Its path.
        model: String,
        /// How it was chosen, and whether it is quantized itself.
        baseline: Baseline,
    },
    /// A warning while working.
    #[serde(rename = "warning")]
    Warning(Warning),
    /// Resources.
    #[serde(rename = "sample")]
    Sample(Sample),
    /// An output's bytes are all in place (not yet under its final name).
    #[serde(rename = "output.written")]
    OutputWritten {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// Final path.
        path: String,
        /// Size.
        bytes: u64,
    },
    /// How far the outputs of a graph are from those of the original on calibration data, as measured when the output was planned.
    #[serde(rename = "output.calibrated")]
    OutputCalibrated {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// Final path.
        path: String,
        /// What was measured.
        calibration: GraphQuality,
    },
    /// The tensors that could be copied from an earlier output are in place; the others are encoded.
    #[serde(rename = "output.reused")]
    OutputReused {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// Final path.
        path: String,
        /// What was copied, and from where.
        copied: Copied,
    },
    /// An output would be the same to the byte as an earlier one, and is not published.
    #[serde(rename = "output.unchanged")]
    OutputUnchanged {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// The path that it would have.
        path: String,
        /// The earlier output.
        earlier: PathBuf,
    },
    /// An output was read back and agrees.
    #[serde(rename = "output.verified")]
    OutputVerified {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// Final path.
        path: String,
        /// Who read it: `remold`, `gguf-rs`.
        by: Vec<String>,
    },
    /// An output has its final name.
    #[serde(rename = "output.published")]
    OutputPublished {
        /// Which output of the plan (0-based).
        #[serde(default)]
        output: OutputIndex,
        /// Final path.
        path: String,
        /// Size.
        bytes: u64,
    },
    /// The job is done.
    #[serde(rename = "job.finished")]
    Finished {
        /// Wall time.
        seconds: f64,
        /// Highest resident memory, bytes.
        peak_rss: u64,
    },
    /// The process was asked to end (SIGTERM, SIGHUP). What was done is kept; the job can be resumed.
    #[serde(rename = "job.interrupted")]
    Interrupted {
        /// Wall time.
        seconds: f64,
        /// The signal's number.
        signal: i32,
    },
    /// The job failed; nothing half-written stays.
    #[serde(rename = "job.failed")]
    Failed {
        /// Wall time.
        seconds: f64,
        /// Why.
        error: Failure,
    },
    /// The job was cancelled; nothing half-written stays.
    #[serde(rename = "job.cancelled")]
    Cancelled {
        /// Wall time.
        seconds: f64,
    },
    /// A kind this version does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

impl EventBody {
    /// True for what changes the state of the job.
    pub(crate) fn changes_state(&self) -> bool {
        matches!(
            self,
            Self::Queued { .. }
                | Self::Started { .. }
                | Self::Paused
                | Self::Resumed
                | Self::Finished { .. }
                | Self::Failed { .. }
                | Self::Interrupted { .. }
                | Self::Cancelled { .. }
        )
    }

    /// The same event with absolute paths: who reads it later may do so from another folder. `None` for an event without paths.
    pub(crate) fn with_absolute_paths(&self) -> Option<Self> {
        let mut this = match self {
            Self::Plan { .. }
            | Self::Metric(_)
            | Self::MetricSoFar(_)
            | Self::MeasureProgress(_)
            | Self::Check(_)
            | Self::Baseline { .. }
            | Self::OutputWritten { .. }
            | Self::OutputCalibrated { .. }
            | Self::OutputReused { .. }
            | Self::OutputUnchanged { .. }
            | Self::OutputVerified { .. }
            | Self::OutputPublished { .. } => self.clone(),
            _ => return None,
        };
        let full = |path: &mut PathBuf| {
            if let Ok(whole) = std::path::absolute(&*path) {
                *path = whole;
            }
        };
        let full_text = |path: &mut String| {
            // An empty path has no absolute form.
            if let Ok(whole) = std::path::absolute(&*path) {
                *path = whole.display().to_string();
            }
        };
        match &mut this {
            Self::Plan { outputs, .. } => outputs.iter_mut().for_each(full_text),
            Self::Metric(m) | Self::MetricSoFar(m) => {
                full_text(&mut m.model);
                m.baseline.as_mut().map(full_text);
            }
            Self::MeasureProgress(p) => full_text(&mut p.model),
            Self::Check(c) => full_text(&mut c.model),
            Self::Baseline { model, .. } => full_text(model),
            Self::OutputReused { path, copied, .. } => {
                full_text(path);
                full(&mut copied.from);
            }
            Self::OutputUnchanged { path, earlier, .. } => {
                full_text(path);
                full(earlier);
            }
            Self::OutputCalibrated { path, .. }
            | Self::OutputWritten { path, .. }
            | Self::OutputVerified { path, .. }
            | Self::OutputPublished { path, .. } => {
                full_text(path);
            }
            _ => {}
        }
        Some(this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that has fields, with all of them.
    fn bodies() -> Vec<EventBody> {
        vec![
            EventBody::Queued { title: "a → b".into() },
            EventBody::Started { pid: 7, threads: 2 },
            EventBody::Paused,
            EventBody::Resumed,
            EventBody::Plan {
                outputs: vec!["x".into()],
                tensors: 3,
                bytes: 9,
                warnings: vec![Warning::about("a.b", "t", "c")],
            },
            EventBody::StageStarted { stage: StageKind::Convert, outputs: vec![OutputIndex(0), OutputIndex(1)] },
            EventBody::StageFinished { stage: StageKind::Publish, seconds: 0.5 },
            EventBody::StageProgress { stage: StageKind::Evaluate, fraction: 0.25, what: "a".into() },
            EventBody::TensorStarted(TensorStart { layer: Some(3), kind: "ffn_down".into(), ..TensorStart::default() }),
            EventBody::TensorProgress { output: OutputIndex(0), name: "t".into(), fraction: 0.5 },
            EventBody::TensorFinished(TensorDone { rmse: Some(0.25), ..TensorDone::default() }),
            EventBody::Baseline { model: "m".into(), baseline: Baseline::default() },
            EventBody::Metric(Metric { name: "sqnr_db".into(), value: 22.5, layer: Some(1), ..Metric::default() }),
            EventBody::Metric(Metric { uncertainty: Some(0.5), mode: Some("exact".into()), ..Metric::default() }),
            EventBody::MetricSoFar(Metric { name: "perplexity".into(), value: 5.5, ..Metric::default() }),
            EventBody::MeasureProgress(MeasureProgress {
                step: "layers".into(),
                layer: Some(3),
                coverage: Some(Coverage { experts: 8, unreached: 1, bytes: 9 }),
                ..MeasureProgress::default()
            }),
            EventBody::Check(Check { metric: "kld_mean".into(), value: 0.5, passed: true, ..Check::default() }),
            EventBody::Warning(Warning::new("a.b", "c")),
            EventBody::Sample(Sample { rss: 1, fraction: 1.0, eta: Some(3.0), ..Sample::default() }),
            EventBody::OutputWritten { output: OutputIndex(0), path: "x".into(), bytes: 1 },
            EventBody::OutputCalibrated {
                output: OutputIndex(0),
                path: "x".into(),
                calibration: GraphQuality { measured_on: 2, method: Some("mse".into()), ..GraphQuality::default() },
            },
            EventBody::OutputReused {
                output: OutputIndex(0),
                path: "x".into(),
                copied: Copied { tensors: 2, of: 3, ..Copied::default() },
            },
            EventBody::OutputVerified { output: OutputIndex(0), path: "x".into(), by: vec!["remold".into()] },
            EventBody::OutputPublished { output: OutputIndex(0), path: "x".into(), bytes: 1 },
            EventBody::Finished { seconds: 0.5, peak_rss: 13_852_672 },
            EventBody::Failed { seconds: 0.5, error: Failure { code: ErrorCode::Io, message: "m".into(), hint: None } },
            EventBody::Cancelled { seconds: 2.0 },
            EventBody::Interrupted { seconds: 2.0, signal: 15 },
            EventBody::OutputUnchanged { output: OutputIndex(0), path: "x".into(), earlier: "y".into() },
        ]
    }

    #[test]
    fn every_event_survives_its_line() {
        for body in bodies() {
            let event = Event { t: "2026-01-02T03:04:05Z".parse().unwrap(), job: "1".into(), body };
            let line = serde_json::to_string(&event).unwrap();
            assert_eq!(line.matches("\"kind\"").count(), 1, "{line}");
            let back: Event = from_json(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(back, event, "{line}");
        }
    }

    /// docs/events.md has every kind with its fields, and no other kind.
    #[test]
    fn every_event_is_documented() {
        let page = include_str!("../../docs/events.md");
        let table = page.split("## Events of jobs").nth(1).and_then(|rest| rest.split("## Objects").next()).unwrap();
        let rows: Vec<(&str, &str)> = table
            .lines()
            .filter(|line| !line.starts_with("| `kind` |"))
            .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
            .map(|(kinds, fields)| (kinds, fields.trim_end_matches(" |")))
            .collect();
        let words = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let documented: Vec<String> = rows.iter().flat_map(|(kinds, _)| words(&format!("`{kinds}"))).collect();
        let source = include_str!("event.rs").split("pub enum EventBody").nth(1).unwrap();
        let source = source.split("impl EventBody").next().unwrap();
        let known: Vec<&str> = source.split("rename = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(known.len() > 20, "{known:?}");
        for kind in &known {
            assert!(documented.iter().any(|d| d == kind), "{kind} is not in docs/events.md");
        }
        for kind in &documented {
            assert!(known.contains(&kind.as_str()), "{kind} is in docs/events.md only");
        }
        let of = |kind: &str| rows.iter().find(|(kinds, _)| words(&format!("`{kinds}")).iter().any(|k| k == kind));
        for body in bodies() {
            let json = serde_json::to_value(&body).unwrap();
            let kind = json["kind"].as_str().unwrap();
            let mut fields = of(kind).unwrap().1.to_owned();
            // A row may refer to the one that has the same fields.
            if fields.contains("as `tensor.started`") {
                fields.push_str(of("tensor.started").unwrap().1);
            }
            if fields.contains("the same") {
                fields.push_str(of("metric").unwrap().1);
            }
            let named = words(&fields);
            for key in json.as_object().unwrap().keys().filter(|k| *k != "kind") {
                assert!(named.contains(key), "`{key}` of {kind} is not in docs/events.md");
            }
        }
    }
}
