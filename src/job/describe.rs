//! Events in words. The command line, the log and the workbench use the same ones; only figures and paths are written as each
//! of them does elsewhere.

use crate::engine::{Check, EventBody, Metric, TensorDone};
use crate::quality;
use crate::units::small;
use std::path::Path;

/// Metrics that a summary has: the others are in the report.
pub(crate) const SUMMARY_METRICS: [&str; 12] = [
    "perplexity",
    "ppl_ratio",
    "kld_mean",
    "kld_p99",
    "top1_agreement",
    "output_snr_db",
    "output_max_error",
    "output_cosine",
    "cosine_mean",
    "cosine_min",
    "similarity_spearman",
    "neighbour_overlap",
];

/// How serious a message or a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the record.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// How figures and paths are written.
#[derive(Clone, Copy)]
pub(crate) struct Wording<'a> {
    /// A path.
    pub path: &'a dyn Fn(&Path) -> String,
    /// A number of bytes.
    pub bytes: fn(u64) -> String,
    /// How long something took, in seconds.
    pub seconds: fn(f64) -> String,
}

/// A line that says what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLine {
    /// How serious it is.
    pub level: Level,
    /// What kind of thing happened: `started`, `tensor`, `warning`.
    pub word: &'static str,
    /// The rest; empty where the word says everything.
    pub text: String,
}

impl EventLine {
    /// The line for a log that shows levels: without the words `warning` and `tensor`, which the level and the text show.
    pub(crate) fn short(&self) -> String {
        match (self.word, self.text.as_str()) {
            ("warning" | "tensor", text) => text.to_owned(),
            (word, "") => word.to_owned(),
            (word, text) => format!("{word}  {text}"),
        }
    }
}

/// `1 tensor`, `3 tensors`.
fn many(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// What happened, for a log. A plan has a line for each of its warnings; samples, and tensors that are not done, have none.
pub(crate) fn event_lines(body: &EventBody, wording: &Wording<'_>) -> Vec<EventLine> {
    let path = |p: &str| (wording.path)(Path::new(p));
    let (bytes, seconds) = (wording.bytes, wording.seconds);
    let (level, word, text) = match body {
        EventBody::TensorStarted(_)
        | EventBody::TensorProgress { .. }
        | EventBody::Sample(_)
        | EventBody::MetricSoFar(_)
        | EventBody::MeasureProgress(_) => return Vec::new(),
        // What a stage does is said by the events of its outputs; its end says how long it took.
        EventBody::StageStarted { .. } | EventBody::StageProgress { .. } => return Vec::new(),
        EventBody::StageFinished { stage, seconds: s } => {
            (Level::Info, "stage", format!("{} finished in {}", stage.name(), seconds(*s)))
        }
        EventBody::Plan { outputs, tensors, bytes: n, warnings } => {
            let outputs: Vec<String> = outputs.iter().map(|o| path(o)).collect();
            let text = format!("{}, {} → {}", many(*tensors, "tensor"), bytes(*n), outputs.join(", "));
            let plan = EventLine { level: Level::Info, word: "plan", text };
            let warning =
                |w: &crate::model::Warning| EventLine { level: Level::Warn, word: "warning", text: w.text.clone() };
            return std::iter::once(plan).chain(warnings.iter().map(warning)).collect();
        }
        EventBody::Queued { title } => (Level::Info, "queued", title.clone()),
        EventBody::Started { pid, threads } => {
            (Level::Info, "started", format!("process {pid}, {}", many(*threads, "thread")))
        }
        EventBody::Paused => (Level::Info, "paused", String::new()),
        EventBody::Resumed => (Level::Info, "resumed", String::new()),
        EventBody::TensorFinished(t) => (Level::Info, "tensor", tensor(t)),
        EventBody::Baseline { model, .. } => (Level::Info, "baseline", model.clone()),
        EventBody::Metric(m) => (Level::Info, "metric", format!("{}  of {}", metric_text(m), path(&m.model))),
        EventBody::Check(c) => {
            let (level, word) = if c.passed { (Level::Info, "passed") } else { (Level::Warn, "failed") };
            (level, "check", format!("{word}  {}  of {}", check_text(c), path(&c.model)))
        }
        EventBody::Warning(w) => (Level::Warn, "warning", w.text.clone()),
        EventBody::OutputWritten { path: p, bytes: n, .. } => {
            (Level::Info, "written", format!("{}  {}", path(p), bytes(*n)))
        }
        EventBody::OutputCalibrated { calibration: c, .. } => {
            let by = c.method.as_ref().map_or_else(String::new, |m| format!("ranges by {m}  "));
            (Level::Info, "calibrated", format!("{by}{}", c.shown()))
        }
        EventBody::OutputReused { copied: c, .. } => {
            let from = (wording.path)(&c.from);
            let text = format!("{} of {}, {}, copied from {from}", c.tensors, many(c.of, "tensor"), bytes(c.bytes));
            (Level::Info, "reused", text)
        }
        EventBody::OutputUnchanged { path: p, earlier, .. } => {
            let text = format!("{} would be identical to {} and is not written", path(p), (wording.path)(earlier));
            (Level::Info, "unchanged", text)
        }
        EventBody::OutputVerified { path: p, by, .. } => {
            (Level::Info, "verified", format!("{}  by {}", path(p), by.join(" and ")))
        }
        EventBody::OutputPublished { path: p, bytes: n, .. } => {
            (Level::Info, "published", format!("{}  {}", path(p), bytes(*n)))
        }
        EventBody::Finished { seconds: s, peak_rss } => {
            (Level::Info, "finished", format!("in {}, peak memory {}", seconds(*s), bytes(*peak_rss)))
        }
        EventBody::Failed { error, .. } => {
            let hint = error.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
            (Level::Error, "failed", format!("{}.{hint}", error.message))
        }
        EventBody::Cancelled { .. } => (Level::Warn, "cancelled", String::new()),
        EventBody::Interrupted { signal, .. } => {
            (Level::Warn, "interrupted", format!("by signal {signal}; it can be resumed"))
        }
        EventBody::Unknown => (Level::Info, "unknown", "an event from a newer version".to_owned()),
    };
    vec![EventLine { level, word, text }]
}

/// A measured value: `mean KLD 0.002517 ± 0.000061`.
pub(crate) fn metric_text(m: &Metric) -> String {
    let layer = m.layer.map(|l| format!(" after layer {l}")).unwrap_or_default();
    match quality::metric(&m.name) {
        Some(spec) => format!("{}{layer} {}", spec.title, spec.text(m.value, m.uncertainty)),
        None => format!("{}{layer} {}", m.name, m.value),
    }
}

/// The checks that need no condition in the recipe: the metric, the words if it passed, the words if it failed.
const ALWAYS: [(&str, &str, &str); 2] = [
    (
        "tokenizer_ids_equal",
        "the text has the same tokens as in the source",
        "of the text has the same tokens as in the source",
    ),
    (
        "chat_template_equal",
        "conversations have the same text as in the source",
        "of the conversations have the same text as in the source",
    ),
];

/// A check: `kld_mean is 0.002517 (fails if kld_mean > 0.01)`.
pub(crate) fn check_text(c: &Check) -> String {
    if let Some((_, good, bad)) = ALWAYS.iter().find(|(name, ..)| *name == c.metric) {
        let what = c.what.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
        return match c.passed {
            true => (*good).to_owned(),
            false => format!("only {:.1} % {bad}{what}", c.value * 100.0),
        };
    }
    let value = match quality::metric(&c.metric) {
        _ if c.value.is_nan() => "not a number".to_owned(),
        Some(spec) => spec.text(c.value, None),
        None => c.value.to_string(),
    };
    let what = c.what.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
    format!("{} is {value} (fails if {}){what}", c.metric, c.condition)
}

fn tensor(done: &TensorDone) -> String {
    let t = &done.tensor;
    let mut figures = Vec::new();
    figures.extend(done.sqnr_db.map(|db| format!("weights {db:.1} dB")));
    figures.extend(done.rmse.filter(|_| done.sqnr_db.is_some()).map(|rmse| format!("rmse {}", small(rmse))));
    figures.extend(done.gain_db.map(|db| format!("{db:.2} dB gained")));
    let space = if figures.is_empty() { "" } else { "  " };
    format!("{}  {} → {}{space}{}", t.name, t.from, t.to, figures.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Failure, TensorStart};
    use crate::model::ErrorCode;
    use crate::model::{OutputIndex, Warning};
    use crate::quant::BlockType;
    use crate::tensor::DType;

    fn said(body: &EventBody) -> Vec<(Level, String)> {
        let wording = Wording {
            path: &|p| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            bytes: |n| format!("{n} bytes"),
            seconds: |s| format!("{s} seconds"),
        };
        event_lines(body, &wording).iter().map(|l| (l.level, l.short())).collect()
    }

    #[test]
    fn each_event_is_one_line_and_a_plan_has_its_warnings() {
        let plan = EventBody::Plan {
            outputs: vec!["/w/a.gguf".into(), "/w/b.gguf".into()],
            tensors: 1,
            bytes: 9,
            warnings: vec![Warning::new("a", "odd field")],
        };
        let lines = said(&plan);
        assert_eq!(lines[0], (Level::Info, "plan  1 tensor, 9 bytes → a.gguf, b.gguf".into()));
        assert_eq!(lines[1..], [(Level::Warn, "odd field".into())]);
        let start = || TensorStart {
            name: "x.weight".into(),
            from: DType::F16.into(),
            to: BlockType::Q4_K.into(),
            ..Default::default()
        };
        let done = TensorDone { tensor: start(), sqnr_db: Some(20.04), rmse: Some(0.5), ..Default::default() };
        let error =
            Failure { code: ErrorCode::DiskFull, message: "no space left".into(), hint: Some("Free some.".into()) };
        let cases = [
            (EventBody::Started { pid: 7, threads: 1 }, Level::Info, "started  process 7, 1 thread"),
            (EventBody::Resumed, Level::Info, "resumed"),
            (EventBody::TensorFinished(done), Level::Info, "x.weight  f16 → Q4_K  weights 20.0 dB  rmse 5.00e-1"),
            (EventBody::Warning(Warning::new("a", "odd")), Level::Warn, "odd"),
            (
                EventBody::OutputPublished { output: OutputIndex(0), path: "/w/a".into(), bytes: 3 },
                Level::Info,
                "published  a  3 bytes",
            ),
            (
                EventBody::Finished { seconds: 2.0, peak_rss: 5 },
                Level::Info,
                "finished  in 2 seconds, peak memory 5 bytes",
            ),
            (EventBody::Failed { seconds: 1.0, error }, Level::Error, "failed  no space left. Free some."),
            (EventBody::Cancelled { seconds: 1.0 }, Level::Warn, "cancelled"),
            (
                EventBody::Metric(Metric {
                    name: "kld_mean".into(),
                    value: 0.002_517,
                    uncertainty: Some(0.000_061),
                    model: "/w/a.gguf".into(),
                    ..Metric::default()
                }),
                Level::Info,
                "metric  mean KLD 0.002517 ± 0.000061  of a.gguf",
            ),
            (
                EventBody::Check(Check {
                    metric: "kld_mean".into(),
                    condition: "kld_mean > 0.001".into(),
                    value: 0.002_517,
                    model: "/w/a.gguf".into(),
                    ..Check::default()
                }),
                Level::Warn,
                "check  failed  kld_mean is 0.002517 (fails if kld_mean > 0.001)  of a.gguf",
            ),
        ];
        for (body, level, text) in cases {
            assert_eq!(said(&body), [(level, text.to_owned())]);
        }
        assert!(said(&EventBody::TensorStarted(start())).is_empty());
    }
}
