//! One followed job as its plan and events tell it.

use super::grid::{CellState, GridRow};
use crate::engine::{Event, EventBody, Failure, Report, Sample, TensorStart};
use crate::job::{Attempts, JobState, is_same_output};
use crate::model::Warning;
use crate::plan::Plan;
use crate::tui::core::{Level, Series, units};
use crate::units::small;
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// A line of a job's event log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// When.
    pub t: jiff::Timestamp,
    /// How serious.
    pub level: Level,
    /// What.
    pub text: String,
}

/// An output as far as it has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputState {
    /// Final path.
    pub path: String,
    /// Exact size, once known.
    pub bytes: Option<u64>,
    /// All bytes in place.
    pub written: bool,
    /// Who has read it back.
    pub verified: Vec<String>,
    /// Stands under its final name.
    pub published: bool,
}

/// One tensor of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobTensor {
    /// Name in the output.
    pub name: String,
    /// Kind and layer: its place in the grid.
    pub place: (String, Option<u32>),
    /// Encoding before.
    pub from: String,
    /// Encoding after.
    pub to: String,
    /// Encoded bytes.
    pub bytes: u64,
    /// How far it is.
    pub cell: CellState,
    /// Root mean square error.
    pub rmse: Option<f64>,
    /// Cosine similarity.
    pub cosine: Option<f64>,
    /// Largest absolute error.
    pub max_abs: Option<f64>,
    /// Why this type.
    pub note: Option<String>,
}

/// A job as its plan and events tell it.
#[derive(Clone, Debug, Default)]
pub struct JobView {
    /// Identifier.
    pub id: String,
    /// The plan, if its folder has one.
    pub plan: Option<Arc<Plan>>,
    /// Grid rows by (output, kind).
    pub grid: IndexMap<(usize, String), GridRow>,
    /// Tensors by (output, name).
    pub tensors: IndexMap<(usize, String), JobTensor>,
    /// Outputs in order.
    pub outputs: Vec<OutputState>,
    /// Tensors expected.
    pub expected: usize,
    /// Tensors done.
    pub done: usize,
    /// Source bytes per second.
    pub rate: Series,
    /// Output bytes per second.
    pub write_rate: Series,
    /// Resident bytes.
    pub rss: Series,
    /// Cores in use.
    pub cpu: Series,
    /// Share of the job done.
    pub fraction: f64,
    /// Seconds left.
    pub eta: Option<f64>,
    /// Worker threads.
    pub threads: usize,
    /// When work began.
    pub started: Option<jiff::Timestamp>,
    /// Wall seconds, once ended.
    pub seconds: Option<f64>,
    /// Highest resident memory.
    pub peak_rss: Option<u64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// How it ended, if it has.
    pub ended: Option<JobState>,
    /// How often it was begun, and how that ended.
    pub attempts: Attempts,
    /// Warnings of plan and work.
    pub warnings: Vec<Warning>,
    /// The event log, oldest first.
    pub log: VecDeque<LogLine>,
    /// Second of the latest sample in the series.
    sampled: Option<i64>,
    /// The recipe as TOML, one entry a line.
    pub recipe: Vec<String>,
    /// What the finished run found.
    pub report: Option<Arc<Report>>,
}

/// Lines of log kept for one job.
const LOG_MOST: usize = 10_000;
/// No model has more layers; a larger number in an event is not drawn.
const LAYERS_MOST: u32 = 1024;

impl JobView {
    /// A view of the job with this identifier, knowing nothing yet.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// Lays out the grid as the plan says.
    pub fn set_plan(&mut self, plan: Arc<Plan>) {
        for (o, output) in plan.outputs.iter().enumerate() {
            for t in output.tensors.iter() {
                self.touch(o, &t.kind, t.layer, &t.role, &t.to, t.bytes, None);
                let note = t.fallback_from.as_ref().map(|f| format!("{f} does not fit this shape"));
                let entry = self.tensors.entry((o, t.name.to_string())).or_default();
                t.name.as_str().clone_into(&mut entry.name);
                t.from.as_str().clone_into(&mut entry.from);
                t.to.as_str().clone_into(&mut entry.to);
                entry.bytes = t.bytes;
                entry.place = (t.kind.to_string(), t.layer);
                entry.note = note.or_else(|| t.because.clone().map(String::from));
            }
            self.output(&output.path.display().to_string()).bytes = Some(output.bytes);
        }
        self.expected = self.expected.max(self.tensors.len());
        for w in &plan.warnings {
            self.warn(w);
        }
        self.plan = Some(plan);
    }

    fn warn(&mut self, w: &Warning) {
        if !self.warnings.contains(w) {
            self.warnings.push(w.clone());
        }
    }

    fn output(&mut self, path: &str) -> &mut OutputState {
        let at = self.outputs.iter().position(|o| is_same_output(Path::new(&o.path), Path::new(path))).unwrap_or_else(
            || {
                self.outputs.push(OutputState { path: path.to_owned(), ..OutputState::default() });
                self.outputs.len() - 1
            },
        );
        &mut self.outputs[at]
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a tensor as plan and events both spell them")]
    fn touch(
        &mut self,
        output: usize,
        kind: &str,
        layer: Option<u32>,
        role: &str,
        to: &str,
        bytes: u64,
        state: Option<CellState>,
    ) {
        let row = self.grid.entry((output, kind.to_owned())).or_default();
        role.clone_into(&mut row.role);
        to.clone_into(&mut row.to);
        row.layered |= layer.is_some();
        let at = layer.filter(|l| *l < LAYERS_MOST).unwrap_or(0) as usize;
        if row.cells.len() <= at {
            row.cells.resize(at + 1, CellState::Waiting);
        }
        match state {
            Some(s) => row.cells[at] = s,
            None => row.bytes = row.bytes.saturating_add(bytes),
        }
    }

    fn tensor(&mut self, t: &TensorStart, cell: CellState) -> &mut JobTensor {
        self.touch(t.output, &t.kind, t.layer, &t.role, &t.to, t.bytes, Some(cell));
        let entry = self.tensors.entry((t.output, t.name.to_string())).or_default();
        t.name.as_str().clone_into(&mut entry.name);
        t.from.as_str().clone_into(&mut entry.from);
        t.to.as_str().clone_into(&mut entry.to);
        entry.bytes = t.bytes;
        entry.cell = cell;
        entry.place = (t.kind.to_string(), t.layer);
        entry
    }

    fn say(&mut self, t: jiff::Timestamp, level: Level, text: String) {
        if self.log.len() >= LOG_MOST {
            self.log.pop_front();
        }
        self.log.push_back(LogLine { t, level, text });
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        let t = event.t;
        self.attempts.apply(event);
        match &event.body {
            EventBody::Queued { title } => {
                self.begin_again();
                self.say(t, Level::Info, format!("queued  {title}"));
            }
            EventBody::Paused => {
                self.eta = None;
                self.say(t, Level::Info, String::from("paused"));
            }
            EventBody::Resumed => self.say(t, Level::Info, String::from("goes on")),
            EventBody::Started { pid, threads } => {
                self.begin_again();
                self.threads = *threads;
                self.started = Some(t);
                self.say(t, Level::Info, format!("started  process {pid}, {threads} threads"));
            }
            EventBody::Plan { outputs, tensors, bytes, warnings } => {
                self.expected = self.expected.max(*tensors);
                for o in outputs {
                    self.output(o);
                }
                for w in warnings {
                    self.warn(w);
                }
                let size = units::bytes(*bytes);
                let n = units::plural(*tensors, "tensor", "tensors");
                let within = if outputs.len() > 1 { format!(" in {} outputs", outputs.len()) } else { String::new() };
                self.say(t, Level::Info, format!("plan  {n}{within}, {size}"));
            }
            EventBody::TensorStarted(_) | EventBody::TensorProgress { .. } | EventBody::TensorFinished(_) => {
                self.apply_tensor(t, &event.body);
            }
            EventBody::Warning(w) => {
                self.warn(w);
                self.say(t, Level::Warn, w.text.clone());
            }
            EventBody::Sample(s) => self.sample(t, s),
            EventBody::OutputWritten { .. }
            | EventBody::OutputReused { .. }
            | EventBody::OutputUnchanged { .. }
            | EventBody::OutputVerified { .. }
            | EventBody::OutputPublished { .. } => self.apply_output(t, &event.body),
            EventBody::Finished { .. }
            | EventBody::Failed { .. }
            | EventBody::Cancelled { .. }
            | EventBody::Interrupted { .. } => self.apply_end(t, &event.body),
            EventBody::Metric(m) => self.say(t, Level::Info, format!("metric  {} {} of {}", m.name, m.value, m.model)),
            EventBody::Unknown => {}
        }
    }

    /// Takes an event of a tensor in.
    fn apply_tensor(&mut self, t: jiff::Timestamp, body: &EventBody) {
        match body {
            EventBody::TensorStarted(start) => {
                // A run that was begun again does once more what its journal does not hold.
                let before = self.is_done(start);
                self.done -= usize::from(before);
                self.tensor(start, CellState::Working(0.0));
            }
            EventBody::TensorProgress { output, name, fraction } => {
                if let Some(entry) = self.tensors.get_mut(&(*output, name.clone())) {
                    entry.cell = CellState::Working(*fraction);
                    let (kind, layer) = entry.place.clone();
                    if let Some(row) = self.grid.get_mut(&(*output, kind))
                        && let Some(cell) = row.cells.get_mut(layer.unwrap_or(0) as usize)
                    {
                        *cell = CellState::Working(*fraction);
                    }
                }
            }
            EventBody::TensorFinished(done) => {
                let before = self.is_done(&done.tensor);
                self.done += usize::from(!before);
                let entry = self.tensor(&done.tensor, CellState::Done(done.sqnr_db));
                entry.rmse = done.rmse;
                entry.cosine = done.cosine;
                entry.max_abs = done.max_abs;
                let start = &done.tensor;
                let mut text = format!("{}  {} → {}", start.name, start.from, start.to);
                if let (Some(db), Some(rmse)) = (done.sqnr_db, done.rmse) {
                    text += &format!("  weights {db:.1} dB  rmse {}", small(rmse));
                }
                self.say(t, Level::Info, text);
            }
            _ => {}
        }
    }

    fn is_done(&self, start: &TensorStart) -> bool {
        let key = (start.output, start.name.to_string());
        self.tensors.get(&key).is_some_and(|t| matches!(t.cell, CellState::Done(_)))
    }

    /// Takes an event of an output in.
    fn apply_output(&mut self, t: jiff::Timestamp, body: &EventBody) {
        let text = match body {
            EventBody::OutputWritten { path, bytes } => {
                let o = self.output(path);
                o.bytes = Some(*bytes);
                o.written = true;
                format!("written  {path}")
            }
            EventBody::OutputReused { copied, .. } => {
                let from = copied.from.display();
                format!("reused  {} of {} tensors of {from}", copied.tensors, copied.of)
            }
            EventBody::OutputUnchanged { earlier, .. } => format!("unchanged  the same as {}", earlier.display()),
            EventBody::OutputVerified { path, by } => {
                by.clone_into(&mut self.output(path).verified);
                format!("verified  {path}  by {}", by.join(" and "))
            }
            EventBody::OutputPublished { path, bytes } => {
                let o = self.output(path);
                o.bytes = Some(*bytes);
                (o.written, o.published) = (true, true);
                format!("published  {path}  {}", units::bytes(*bytes))
            }
            _ => return,
        };
        self.say(t, Level::Info, text);
    }

    /// Takes the end of a run in.
    fn apply_end(&mut self, t: jiff::Timestamp, body: &EventBody) {
        match body {
            EventBody::Finished { seconds, peak_rss } => {
                self.end(JobState::Finished, *seconds);
                self.peak_rss = Some(*peak_rss);
                self.fraction = 1.0;
                self.say(t, Level::Info, format!("finished  in {}", units::took(*seconds)));
            }
            EventBody::Failed { seconds, error } => {
                self.end(JobState::Failed, *seconds);
                self.failure = Some(error.clone());
                self.say(t, Level::Error, format!("failed  {}", error.message));
            }
            EventBody::Cancelled { seconds } => {
                self.end(JobState::Cancelled, *seconds);
                self.say(t, Level::Warn, String::from("cancelled; nothing half-written stays"));
            }
            EventBody::Interrupted { seconds, signal } => {
                self.end(JobState::Interrupted, *seconds);
                self.say(t, Level::Warn, format!("interrupted by signal {signal}; what was done is kept"));
            }
            _ => {}
        }
    }

    /// One sample a second is kept: figures that change more often cannot be read, and cost bytes over a slow line.
    fn sample(&mut self, t: jiff::Timestamp, s: &Sample) {
        self.fraction = s.fraction;
        self.eta = s.eta;
        if self.sampled.replace(t.as_second()) == Some(t.as_second()) {
            return;
        }
        self.rate.push(s.read_rate);
        self.write_rate.push(s.write_rate);
        self.rss.push(s.rss as f64);
        self.cpu.push(s.cpu);
    }

    /// What the end before said does not count any more.
    fn begin_again(&mut self) {
        // Such an end left nothing half-written: all is done once more. A lost job goes on from its journal.
        if matches!(self.ended, Some(JobState::Cancelled | JobState::Failed)) {
            self.tensors.values_mut().for_each(|t| t.cell = CellState::Waiting);
            self.grid.values_mut().for_each(|row| row.cells.fill(CellState::Waiting));
            self.done = 0;
        }
        (self.ended, self.seconds, self.failure, self.peak_rss) = (None, None, None, None);
    }

    fn end(&mut self, state: JobState, seconds: f64) {
        self.ended = Some(state);
        self.seconds = Some(seconds);
        self.eta = None;
    }

    /// Tensors done and in all; with several outputs, how many times those of the model: `39 tensors × 2 outputs`.
    pub fn count(&self) -> String {
        let (done, all, outputs) = (self.done, self.expected.max(self.done), self.outputs.len());
        let first = self.tensors.keys().filter(|(o, _)| *o == 0).count();
        let alike = first > 0 && first * outputs == all;
        match (outputs, alike) {
            (0 | 1, _) => format!("{done} of {all} tensors"),
            (_, true) if done == all => format!("{} × {outputs} outputs", units::plural(first, "tensor", "tensors")),
            _ => format!("{done} of {all} in {outputs} outputs"),
        }
    }

    /// The worst tensors of an output by dB, worst first.
    pub fn worst(&self, output: usize, most: usize) -> Vec<(&JobTensor, f64)> {
        let mut all: Vec<(&JobTensor, f64)> = self
            .tensors
            .iter()
            .filter(|((o, _), _)| *o == output)
            .filter_map(|(_, t)| if let CellState::Done(Some(db)) = t.cell { Some((t, db)) } else { None })
            .collect();
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::TensorDone;

    #[test]
    fn an_output_has_one_line_however_it_is_spelt() {
        let mut view = JobView::new("1");
        for path in ["/w/a.gguf", "./a.gguf", "/w/./a.gguf", "a.gguf"] {
            view.output(path);
        }
        assert_eq!(view.outputs.len(), 1);
        view.output("/w/ba.gguf");
        view.output("/v/a.gguf");
        assert_eq!(view.outputs.len(), 3);
    }

    #[test]
    fn a_cancelled_job_begins_at_nothing_and_a_lost_one_where_it_stopped() {
        let start = TensorStart { name: "a".into(), kind: "ffn_up".into(), layer: Some(0), ..TensorStart::default() };
        let mut view = JobView::new("1");
        let mut say = |body| {
            view.apply(&Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body });
            (view.done, view.tensors[0].cell)
        };
        let begun = || EventBody::Started { pid: 1, threads: 1 };
        let done = TensorDone { tensor: start, sqnr_db: Some(20.0), ..TensorDone::default() };
        assert_eq!(say(EventBody::TensorFinished(done)), (1, CellState::Done(Some(20.0))));
        assert_eq!(say(begun()), (1, CellState::Done(Some(20.0))));
        say(EventBody::Cancelled { seconds: 1.0 });
        assert_eq!(say(begun()), (0, CellState::Waiting));
    }
}
