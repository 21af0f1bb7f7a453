//! One followed job as its plan and events tell it.

mod events;

use super::grid::{CellState, GridRow};
use crate::engine::{Failure, Report, TensorStart};
use crate::job::{Attempts, JobState, is_same_output};
use crate::model::Warning;
use crate::plan::Plan;
use crate::tui::core::{Level, Series, units};
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
    use crate::engine::{Event, EventBody, TensorDone};

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
