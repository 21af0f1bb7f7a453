//! The history of a job: its events folded into one state. The command line, the workbench and the watcher all read this one fold.

use super::{Attempts, JobState};
use crate::engine::{Check, Event, EventBody, Failure, MeasureProgress, Metric, Sample, TensorDone, TensorStart};
use crate::model::{OutputIndex, Warning, numbered};
use crate::plan::{Plan, StageKind};
use crate::quant::{Encoding, Sums};
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Warnings and metrics kept for one job.
const MAX_NOTES: usize = 10_000;

/// Values so far that are kept: a few for each model.
const MAX_SO_FAR: usize = 256;

/// What tells metrics apart: name, model, layer and output.
type MetricKey = (String, String, Option<u32>, Option<OutputIndex>);

/// Bytes of the texts of warnings that are kept. Events of other users' jobs are read too.
const MAX_NOTE_BYTES: usize = 4 << 20;

/// Bytes of a title and of an error that are kept.
const MAX_TITLE: usize = 1000;
const MAX_ERROR: usize = 64 << 10;

/// A duration that can be shown: more than thirty thousand years are none.
const MAX_SECONDS: f64 = 1e12;

/// How much of each tensor a history keeps. A job may have a million tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Detail {
    /// Nothing.
    #[default]
    None,
    /// Which tensors are done.
    Counts,
    /// Everything that the events say.
    Figures,
}

/// How far one tensor is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TensorState {
    /// Not begun.
    #[default]
    Waiting,
    /// Being worked on; 0 to 1.
    Working(f64),
    /// Done; dB of signal over error, or nothing when nothing was re-encoded.
    Done(Option<f64>),
}

/// One tensor of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobTensor {
    /// Name in the output.
    pub name: String,
    /// Kind, such as `ffn_down`.
    pub kind: String,
    /// Layer, if it belongs to one.
    pub layer: Option<u32>,
    /// Encoding before.
    pub from: Encoding,
    /// Encoding after.
    pub to: Encoding,
    /// Encoded bytes.
    pub bytes: u64,
    /// How far it is.
    pub state: TensorState,
    /// Root mean square error.
    pub rmse: Option<f64>,
    /// Cosine similarity.
    pub cosine: Option<f64>,
    /// Largest absolute error.
    pub max_abs: Option<f64>,
    /// Why this type.
    pub note: Option<String>,
}

/// An output as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobOutput {
    /// Final path.
    pub path: String,
    /// Its path as the latest `plan` event spells it.
    spelled: String,
    /// Exact size, once known.
    pub bytes: Option<u64>,
    /// All bytes in place.
    pub written: bool,
    /// Who has read it back.
    pub verified: Vec<String>,
    /// It has its final name.
    pub published: bool,
    /// The earlier output that it would be the same as; then it is not published.
    pub unchanged: Option<PathBuf>,
}

/// A job as described by its events. Without access to the lock, it cannot know that a process is gone: its state is never
/// [`JobState::Lost`].
#[derive(Clone, Debug)]
pub struct JobHistory {
    /// What is converted, for people.
    pub title: String,
    /// State after the latest event.
    pub state: JobState,
    /// When the job was made.
    pub created: Option<jiff::Timestamp>,
    /// When it was queued last.
    pub queued: Option<jiff::Timestamp>,
    /// When work began, the latest time.
    pub started: Option<jiff::Timestamp>,
    /// The process that works on it, or did so last.
    pub pid: Option<u32>,
    /// Worker threads.
    pub threads: usize,
    /// Share of the job done, 0 to 1.
    pub fraction: f64,
    /// The latest resources, while it works.
    pub sample: Option<Sample>,
    /// Wall seconds of work, without pauses, once ended.
    pub seconds: Option<f64>,
    /// Seconds that the latest run was paused for.
    pub paused_seconds: f64,
    /// Since when it is paused.
    paused_since: Option<jiff::Timestamp>,
    /// Highest resident memory, once finished.
    pub peak_rss: Option<u64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The signal that interrupted it.
    pub signal: Option<i32>,
    /// Tensors expected, over all outputs.
    pub expected: usize,
    /// Tensors done; counted only where tensors are kept.
    pub done: usize,
    /// Tensors by (output, name), where they are kept ([`JobHistory::with_tensors`]).
    pub tensors: IndexMap<(OutputIndex, String), JobTensor>,
    /// The stage that began last.
    pub stage: Option<StageKind>,
    /// Outputs in order.
    pub outputs: Vec<JobOutput>,
    /// Warnings of plan and work, each once.
    pub warnings: Vec<Warning>,
    /// Measured values of the latest attempt, the newest of each model, name and layer.
    pub metrics: Vec<Metric>,
    /// Values over the part of the text that was scored so far.
    pub so_far: Vec<Metric>,
    /// Where a measurement is.
    pub place: Option<MeasureProgress>,
    /// Checks of the latest attempt.
    pub checks: Vec<Check>,
    /// How often it was begun, and how that ended.
    pub attempts: Attempts,
    detail: Detail,
    /// The place of each metric in the list.
    metric_places: HashMap<MetricKey, usize>,
    /// Bytes of the texts of the warnings.
    note_bytes: usize,
    /// Hashes of the finished tensors, where they are only counted.
    finished: HashSet<u64>,
}

impl JobTensor {
    /// Error and signal of its elements; nothing where it is not done, or nothing was lost.
    pub(crate) fn sums(&self) -> Option<Sums> {
        match (self.state, self.rmse) {
            (TensorState::Done(Some(db)), Some(rmse)) => {
                Some(Sums::from_figures(self.to.elems_in(self.bytes), rmse, db))
            }
            _ => None,
        }
    }
}

impl Default for JobHistory {
    fn default() -> Self {
        Self {
            title: String::new(),
            state: JobState::Queued,
            created: None,
            queued: None,
            started: None,
            pid: None,
            threads: 0,
            fraction: 0.0,
            sample: None,
            seconds: None,
            paused_seconds: 0.0,
            paused_since: None,
            peak_rss: None,
            failure: None,
            signal: None,
            expected: 0,
            done: 0,
            tensors: IndexMap::new(),
            stage: None,
            outputs: Vec::new(),
            warnings: Vec::new(),
            metrics: Vec::new(),
            so_far: Vec::new(),
            place: None,
            metric_places: HashMap::new(),
            checks: Vec::new(),
            attempts: Attempts::default(),
            detail: Detail::None,
            note_bytes: 0,
            finished: HashSet::new(),
        }
    }
}

/// A text of at most about this many bytes.
fn bounded(text: &str, most: usize) -> String {
    match text.len() > most {
        true => format!("{}…", &text[..text.floor_char_boundary(most)]),
        false => text.to_owned(),
    }
}

pub(super) fn bounded_failure(error: &Failure) -> Failure {
    let hint = error.hint.as_ref().map(|h| bounded(h, MAX_ERROR));
    Failure { code: error.code, message: bounded(&error.message, MAX_ERROR), hint }
}

/// Seconds as an event has them, which another program may have written.
pub(super) fn sane_seconds(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.clamp(0.0, MAX_SECONDS) } else { 0.0 }
}

impl JobHistory {
    /// A history that counts tensors, with a few bytes for each.
    pub(crate) fn counting() -> Self {
        Self { detail: Detail::Counts, ..Self::default() }
    }

    /// A history that keeps the figures of every tensor.
    pub(crate) fn with_tensors() -> Self {
        Self { detail: Detail::Figures, ..Self::default() }
    }

    /// The history from these events, without tensors.
    #[cfg(test)]
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut this = Self::default();
        events.iter().for_each(|e| this.apply(e));
        this
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<JobState> {
        Some(self.state).filter(|s| s.ended())
    }

    /// Seconds left, when that can be said.
    pub fn eta(&self) -> Option<f64> {
        self.sample.as_ref().and_then(|s| s.eta)
    }

    /// The outputs that have their final names, with their sizes.
    pub(crate) fn published(&self) -> Vec<(PathBuf, u64)> {
        let published = self.outputs.iter().filter(|o| o.published);
        published.map(|o| (PathBuf::from(&o.path), o.bytes.unwrap_or_default())).collect()
    }

    /// The checks that failed.
    pub(crate) fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| !c.passed)
    }

    /// True if the tensor is done, as far as tensors are kept.
    pub(crate) fn is_done(&self, tensor: &TensorStart) -> bool {
        match self.detail {
            Detail::None => false,
            Detail::Counts => self.finished.contains(&hash(tensor)),
            Detail::Figures => {
                let key = (tensor.output, tensor.name.to_string());
                self.tensors.get(&key).is_some_and(|t| matches!(t.state, TensorState::Done(_)))
            }
        }
    }

    /// True for an event with which a job begins from nothing: it was cancelled or failed before, and its unfinished files are
    /// removed. A job that was interrupted or lost continues from its journal.
    pub(crate) fn starts_over(&self, body: &EventBody) -> bool {
        matches!(body, EventBody::Queued { .. } | EventBody::Started { .. })
            && matches!(self.state, JobState::Cancelled | JobState::Failed)
    }

    /// Takes in what the plan says, before or after its events.
    pub(crate) fn set_plan(&mut self, plan: &Plan) {
        for (o, output) in numbered(&plan.outputs) {
            for t in output.tensors.iter().filter(|_| self.detail == Detail::Figures) {
                let note = t.fallback_from.as_ref().map(|f| format!("{f} does not fit this shape"));
                let entry = self.tensors.entry((o, t.name.to_string())).or_default();
                t.name.as_str().clone_into(&mut entry.name);
                t.kind.as_str().clone_into(&mut entry.kind);
                (entry.from, entry.to) = (t.from, t.to);
                (entry.layer, entry.bytes) = (t.layer, t.bytes);
                entry.note = note.or_else(|| t.because.clone().map(String::from));
            }
            self.output(&output.path.display().to_string()).bytes = Some(output.bytes);
        }
        self.expected = self.expected.max(plan.outputs.iter().map(|o| o.tensors.len()).sum());
        plan.warnings.iter().for_each(|w| self.warn(w));
    }

    /// Takes one event in.
    pub(crate) fn apply(&mut self, event: &Event) {
        // A paused job that waits for its turn is queued again, and continues in the same process.
        let waits = matches!(event.body, EventBody::Queued { .. }) && self.state == JobState::Paused;
        if !waits {
            self.attempts.apply(event);
        }
        if self.starts_over(&event.body) {
            self.tensors.values_mut().for_each(|t| t.state = TensorState::Waiting);
            self.finished.clear();
            (self.done, self.fraction) = (0, 0.0);
        }
        match &event.body {
            EventBody::Queued { title } => {
                self.created.get_or_insert(event.t);
                self.queued = Some(event.t);
                self.title = bounded(title, MAX_TITLE);
                self.enter(JobState::Queued);
            }
            EventBody::Started { pid, threads } => {
                self.started = Some(event.t);
                (self.paused_seconds, self.paused_since) = (0.0, None);
                (self.pid, self.threads) = (Some(*pid), *threads);
                self.metrics.clear();
                self.metric_places.clear();
                self.so_far.clear();
                self.place = None;
                self.checks.clear();
                self.enter(JobState::Running);
            }
            EventBody::Paused => {
                self.paused_since.get_or_insert(event.t);
                self.enter(JobState::Paused);
            }
            EventBody::Resumed => {
                self.end_pause(event.t);
                self.enter(JobState::Running);
            }
            EventBody::Plan { outputs, tensors, warnings, .. } => {
                self.expected = self.expected.max(*tensors);
                outputs.iter().enumerate().for_each(|(at, path)| self.planned(at, path));
                warnings.iter().for_each(|w| self.warn(w));
            }
            EventBody::TensorStarted(start) => self.tensor_started(start),
            EventBody::TensorProgress { output, name, fraction } => {
                if let Some(tensor) = self.tensors.get_mut(&(*output, name.clone())) {
                    tensor.state = TensorState::Working(*fraction);
                }
            }
            EventBody::TensorFinished(done) => self.tensor_finished(done),
            EventBody::Metric(m) => self.measured(m),
            EventBody::MetricSoFar(m) => self.measured_so_far(m),
            EventBody::MeasureProgress(place) => self.place = Some(place.clone()),
            EventBody::Check(c) if self.checks.len() < MAX_NOTES => self.checks.push(c.clone()),
            EventBody::Warning(w) => self.warn(w),
            EventBody::Sample(s) => {
                self.fraction = if s.fraction.is_finite() { s.fraction.clamp(0.0, 1.0) } else { 0.0 };
                self.sample = Some(s.clone());
            }
            EventBody::StageStarted { stage, .. } => self.stage = Some(*stage),
            EventBody::Check(_)
            | EventBody::Baseline { .. }
            | EventBody::StageProgress { .. }
            | EventBody::StageFinished { .. }
            | EventBody::OutputCalibrated { .. }
            | EventBody::OutputReused { .. }
            | EventBody::Unknown => {}
            body => self.apply_to_output_or_end(body, event.t),
        }
    }

    /// Applies events about an output, and those that end a run.
    fn apply_to_output_or_end(&mut self, body: &EventBody, t: jiff::Timestamp) {
        match body {
            EventBody::OutputWritten { path, bytes, .. } => {
                let output = self.output(path);
                (output.bytes, output.written) = (Some(*bytes), true);
            }
            EventBody::OutputUnchanged { path, earlier, .. } => self.output(path).unchanged = Some(earlier.clone()),
            EventBody::OutputVerified { path, by, .. } => by.clone_into(&mut self.output(path).verified),
            EventBody::OutputPublished { path, bytes, .. } => {
                let output = self.output(path);
                (output.bytes, output.written, output.published) = (Some(*bytes), true, true);
            }
            EventBody::Finished { seconds, peak_rss } => {
                self.end(JobState::Finished, *seconds, t);
                (self.peak_rss, self.fraction) = (Some(*peak_rss), 1.0);
            }
            EventBody::Failed { seconds, error } => {
                self.end(JobState::Failed, *seconds, t);
                self.failure = Some(bounded_failure(error));
            }
            EventBody::Cancelled { seconds } => self.end(JobState::Cancelled, *seconds, t),
            EventBody::Interrupted { seconds, signal } => {
                self.end(JobState::Interrupted, *seconds, t);
                self.signal = Some(*signal);
            }
            _ => {}
        }
    }

    /// Keeps a value. One of the same name, model and layer takes the place of the earlier one.
    fn measured(&mut self, m: &Metric) {
        let key = (m.name.clone(), m.model.clone(), m.layer, m.output);
        let known = self.metric_places.get(&key).copied();
        if let Some(known) = known.and_then(|at| self.metrics.get_mut(at)) {
            known.clone_from(m);
        } else if self.metrics.len() < MAX_NOTES {
            self.metric_places.insert(key, self.metrics.len());
            self.metrics.push(m.clone());
        }
    }

    fn measured_so_far(&mut self, m: &Metric) {
        let known = self.so_far.iter().position(|known| known.name == m.name && known.model == m.model);
        if let Some(at) = known {
            self.so_far[at].clone_from(m);
        } else if self.so_far.len() < MAX_SO_FAR {
            self.so_far.push(m.clone());
        }
    }

    /// Goes into a state; what an end before said does not count any more.
    fn enter(&mut self, state: JobState) {
        self.state = state;
        (self.seconds, self.failure, self.signal, self.peak_rss, self.sample) = (None, None, None, None, None);
    }

    fn end(&mut self, state: JobState, seconds: f64, t: jiff::Timestamp) {
        self.enter(state);
        self.end_pause(t);
        self.seconds = Some((sane_seconds(seconds) - self.paused_seconds).max(0.0));
    }

    fn end_pause(&mut self, t: jiff::Timestamp) {
        if let Some(since) = self.paused_since.take() {
            self.paused_seconds += t.duration_since(since).as_secs_f64().max(0.0);
        }
    }

    fn warn(&mut self, w: &Warning) {
        let bytes = self.note_bytes.saturating_add(w.text.len());
        if self.warnings.len() < MAX_NOTES && bytes <= MAX_NOTE_BYTES && !self.warnings.contains(w) {
            self.note_bytes = bytes;
            self.warnings.push(w.clone());
        }
    }

    /// A job that is resumed does once more what its journal does not hold.
    fn tensor_started(&mut self, start: &TensorStart) {
        self.done -= usize::from(self.is_done(start)).min(self.done);
        self.keep(start, TensorState::Working(0.0));
    }

    fn tensor_finished(&mut self, done: &TensorDone) {
        if self.detail != Detail::None {
            self.done += usize::from(!self.is_done(&done.tensor));
        }
        if let Some(tensor) = self.keep(&done.tensor, TensorState::Done(done.sqnr_db)) {
            (tensor.rmse, tensor.cosine, tensor.max_abs) = (done.rmse, done.cosine, done.max_abs);
        }
    }

    fn keep(&mut self, start: &TensorStart, state: TensorState) -> Option<&mut JobTensor> {
        match (self.detail, state) {
            (Detail::None, _) => None,
            (Detail::Counts, TensorState::Done(_)) => {
                self.finished.insert(hash(start));
                None
            }
            (Detail::Counts, _) => {
                self.finished.remove(&hash(start));
                None
            }
            (Detail::Figures, _) => {
                let entry = self.tensors.entry((start.output, start.name.to_string())).or_default();
                start.name.as_str().clone_into(&mut entry.name);
                start.kind.as_str().clone_into(&mut entry.kind);
                (entry.from, entry.to) = (start.from, start.to);
                (entry.layer, entry.bytes, entry.state) = (start.layer, start.bytes, state);
                Some(entry)
            }
        }
    }

    /// The output at this place of the plan, whose path a `plan` event spells like this.
    fn planned(&mut self, at: usize, path: &str) {
        let known = self.outputs.get(at).is_some_and(|o| is_same_output(Path::new(&o.path), Path::new(path)));
        if !known {
            let new = JobOutput { path: path.to_owned(), ..JobOutput::default() };
            match self.outputs.iter().position(|o| o.path == path || o.spelled == path) {
                _ if self.outputs.len() >= MAX_NOTES => return,
                Some(_) => return,
                None => self.outputs.insert(at.min(self.outputs.len()), new),
            }
        }
        if let Some(output) = self.outputs.get_mut(at) {
            path.clone_into(&mut output.spelled);
        }
    }

    fn output(&mut self, path: &str) -> &mut JobOutput {
        let exact = self.outputs.iter().position(|o| o.path == path || o.spelled == path);
        let same = |o: &JobOutput| is_same_output(Path::new(&o.path), Path::new(path));
        let at = exact.or_else(|| self.outputs.iter().position(same)).unwrap_or_else(|| {
            if self.outputs.len() < MAX_NOTES {
                self.outputs.push(JobOutput { path: path.to_owned(), ..JobOutput::default() });
            }
            self.outputs.len() - 1
        });
        &mut self.outputs[at]
    }
}

/// Key of a tensor that is only counted.
fn hash(tensor: &TensorStart) -> u64 {
    let mut hasher = DefaultHasher::new();
    (tensor.output, &tensor.name).hash(&mut hasher);
    hasher.finish()
}

/// True for two spellings of one output: the plan in a job's folder has absolute paths, the events of a job that was run in a shell
/// have the paths that were given there.
pub(crate) fn is_same_output(one: &Path, other: &Path) -> bool {
    let plain = |p| Path::strip_prefix(p, ".").unwrap_or(p);
    let (one, other) = (plain(one), plain(other));
    match (one.is_absolute(), other.is_absolute()) {
        (true, false) => one.ends_with(other),
        (false, true) => other.ends_with(one),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    fn event(body: EventBody) -> Event {
        Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body }
    }

    fn started() -> EventBody {
        EventBody::Started { pid: 7, threads: 2 }
    }

    fn finished_tensor(name: &str) -> EventBody {
        let tensor = TensorStart { name: name.into(), ..TensorStart::default() };
        EventBody::TensorFinished(TensorDone { tensor, sqnr_db: Some(20.0), ..TensorDone::default() })
    }

    #[test]
    fn the_time_of_a_job_does_not_count_its_pauses() {
        let mut history = JobHistory::default();
        let mut at = |seconds: i64, body: EventBody| {
            history.apply(&Event { t: jiff::Timestamp::from_second(seconds).unwrap(), job: "1".into(), body });
            (history.seconds, history.paused_seconds)
        };
        at(0, started());
        at(2, EventBody::Paused);
        at(30, EventBody::Queued { title: String::new() });
        at(36, EventBody::Resumed);
        assert_eq!(at(40, EventBody::Finished { seconds: 40.0, peak_rss: 1 }), (Some(6.0), 34.0));
        // Another run of the same job, cancelled while it is paused.
        at(50, started());
        at(51, EventBody::Paused);
        assert_eq!(at(55, EventBody::Cancelled { seconds: 5.0 }), (Some(1.0), 4.0));
    }

    #[test]
    fn an_output_has_one_entry_however_it_is_spelled() {
        let mut history = JobHistory::default();
        for path in ["/w/a.gguf", "./a.gguf", "/w/./a.gguf", "a.gguf"] {
            history.output(path);
        }
        assert_eq!(history.outputs.len(), 1);
        history.output("/w/ba.gguf");
        history.output("/v/a.gguf");
        assert_eq!(history.outputs.len(), 3);
    }

    /// Two outputs of one file name in two folders, one of them spelled relative to the shell's folder.
    #[test]
    fn outputs_of_one_name_are_distinguished_by_the_plan() {
        let outputs = vec!["/tmp/a.gguf".to_owned(), "a.gguf".to_owned()];
        let plan = EventBody::Plan { outputs, tensors: 1, bytes: 1, warnings: Vec::new() };
        let published = EventBody::OutputPublished { output: OutputIndex(0), path: "a.gguf".into(), bytes: 5 };
        let mut history = JobHistory::default();
        // As the plan of the folder spells them, where that was read first.
        let mut view = JobHistory::default();
        view.output("/tmp/a.gguf");
        view.output("/w/a.gguf");
        for history in [&mut history, &mut view] {
            history.apply(&event(plan.clone()));
            history.apply(&event(published.clone()));
            let published: Vec<bool> = history.outputs.iter().map(|o| o.published).collect();
            assert_eq!(published, [false, true]);
        }
        assert_eq!(history.published(), [(PathBuf::from("a.gguf"), 5)]);
    }

    #[test]
    fn a_cancelled_job_begins_at_nothing_and_an_interrupted_one_where_it_stopped() {
        for mut history in [JobHistory::counting(), JobHistory::with_tensors()] {
            let mut say = |body| {
                history.apply(&event(body));
                (history.done, history.fraction)
            };
            say(started());
            say(EventBody::Sample(Sample { fraction: 0.5, ..Sample::default() }));
            assert_eq!(say(finished_tensor("a")), (1, 0.5));
            assert_eq!(say(finished_tensor("a")), (1, 0.5), "a tensor counts once");
            say(EventBody::Interrupted { seconds: 1.0, signal: 15 });
            assert_eq!(say(started()), (1, 0.5));
            let again = TensorStart { name: "a".into(), ..TensorStart::default() };
            assert_eq!(say(EventBody::TensorStarted(again)).0, 0, "what the journal does not hold is done again");
            say(finished_tensor("a"));
            assert_eq!(say(EventBody::Cancelled { seconds: 1.0 }), (1, 0.5));
            assert_eq!(say(EventBody::Queued { title: "x".into() }), (0, 0.0));
        }
        let mut history = JobHistory::default();
        history.apply(&event(finished_tensor("a")));
        assert_eq!((history.done, history.tensors.len(), history.finished.len()), (0, 0, 0), "nothing is kept");
    }

    #[test]
    fn the_latest_end_counts() {
        let failure = Failure { code: ErrorCode::DiskFull, message: "no space left".into(), hint: None };
        let mut history = JobHistory::of(&[
            event(EventBody::Queued { title: "x".into() }),
            event(started()),
            event(EventBody::Failed { seconds: 3.0, error: failure.clone() }),
        ]);
        let end = |h: &JobHistory| (h.ended(), h.seconds, h.failure.clone(), h.pid);
        assert_eq!(end(&history), (Some(JobState::Failed), Some(3.0), Some(failure), Some(7)));
        history.apply(&event(started()));
        assert_eq!(end(&history), (None, None, None, Some(7)));
        history.apply(&event(EventBody::Finished { seconds: 1.0, peak_rss: 9 }));
        assert_eq!((history.ended(), history.peak_rss, history.fraction), (Some(JobState::Finished), Some(9), 1.0));
        assert_eq!(history.attempts.all().len(), 2);
    }

    /// A paused job waits for its turn before it continues; that is not a new attempt.
    #[test]
    fn a_job_that_goes_on_after_a_pause_has_one_attempt() {
        let queued = || EventBody::Queued { title: "x".into() };
        let mut history = JobHistory::default();
        for body in [queued(), started(), EventBody::Paused, queued(), EventBody::Resumed] {
            history.apply(&event(body));
        }
        assert_eq!(history.state, JobState::Running);
        assert_eq!((history.attempts.all().len(), history.attempts.earlier().len()), (1, 0));
        assert_eq!(history.attempts.all()[0].state, None);
    }

    /// Checks are those of the latest attempt.
    #[test]
    fn failed_checks_are_known_until_the_job_starts_over() {
        let check = |passed| EventBody::Check(Check { metric: "kld_mean".into(), passed, ..Check::default() });
        let mut history = JobHistory::of(&[event(started()), event(check(true)), event(check(false))]);
        assert_eq!((history.checks.len(), history.failed_checks().count()), (2, 1));
        history.apply(&event(EventBody::Finished { seconds: 1.0, peak_rss: 9 }));
        assert_eq!((history.ended(), history.failed_checks().count()), (Some(JobState::Finished), 1));
        history.apply(&event(started()));
        assert_eq!(history.checks.len(), 0);
    }

    #[test]
    fn warnings_are_kept_once_and_bounded() {
        let mut history = JobHistory::default();
        for n in 0..MAX_NOTES + 5 {
            // Comparing each with all others would take too long in a test.
            history.warnings.push(Warning::new("a", n.to_string()));
        }
        history.warnings.truncate(MAX_NOTES - 1);
        for text in ["0", "new", "newer"] {
            history.apply(&event(EventBody::Warning(Warning::new("a", text.to_owned()))));
        }
        assert_eq!(history.warnings.len(), MAX_NOTES);
        assert_eq!(history.warnings[MAX_NOTES - 1].text, "new");
    }

    /// Events in a shared folder of jobs are written by others.
    #[test]
    fn absurd_events_take_bounded_memory_and_figures() {
        let mut history = JobHistory::default();
        history.apply(&event(EventBody::Queued { title: "x".repeat(1 << 20) }));
        for n in 0..400 {
            let text = format!("{n} {}", "y".repeat(20_000));
            history.apply(&event(EventBody::Warning(Warning::new("x", text))));
        }
        assert!(history.title.len() <= MAX_TITLE + 4 && history.warnings.len() < 250, "{}", history.warnings.len());
        for fraction in [f64::NAN, -1e308, 1e308] {
            history.apply(&event(EventBody::Sample(Sample { fraction, ..Sample::default() })));
            assert!((0.0..=1.0).contains(&history.fraction));
            history.apply(&event(started()));
            history.apply(&event(EventBody::Cancelled { seconds: fraction }));
            assert!(history.seconds.is_some_and(|s| (0.0..=MAX_SECONDS).contains(&s)));
            assert!(history.attempts.all().iter().all(|a| a.seconds.is_none_or(|s| (0.0..=MAX_SECONDS).contains(&s))));
        }
        let error = Failure { code: ErrorCode::DiskFull, message: "z".repeat(1 << 20), hint: None };
        history.apply(&event(EventBody::Failed { seconds: 1.0, error }));
        assert!(history.failure.is_some_and(|f| f.message.len() < 2 * MAX_ERROR));
    }
}
