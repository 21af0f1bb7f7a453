//! One followed job, from its plan and events.

use super::grid::GridRow;
use crate::engine::{Event, EventBody, Report, Sample, TensorStart};
use crate::job::{self, JobHistory, JobTensor, TensorState, Wording};
use crate::model::{OutputIndex, Role, numbered};
use crate::plan::Plan;
use crate::quant::{Encoding, Sums};
use crate::tui::core::{Level, Series, units};
use indexmap::IndexMap;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
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

/// A job, from its plan and events.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Identifier.
    pub id: String,
    /// The plan, if its folder has one.
    pub plan: Option<Arc<Plan>>,
    /// Grid rows by (output, kind).
    pub grid: IndexMap<(OutputIndex, String), GridRow>,
    /// The history that the events give.
    pub history: JobHistory,
    /// Source bytes per second.
    pub rate: Series,
    /// Output bytes per second.
    pub write_rate: Series,
    /// Resident bytes.
    pub rss: Series,
    /// Cores in use.
    pub cpu: Series,
    /// The event log, oldest first.
    pub log: VecDeque<LogLine>,
    /// Lines that were ever in it.
    pub(in crate::tui::tabs::jobs) said: usize,
    /// Second of the latest sample in the series.
    sampled: Option<i64>,
    /// The recipe as TOML, one entry a line.
    pub recipe: Vec<String>,
    /// The command that carries the job out again.
    pub command: Option<String>,
    /// What the finished run found.
    pub report: Option<Arc<Report>>,
}

/// Lines of log kept for one job.
const MAX_LOG: usize = 10_000;
/// No model has more layers; a larger number in an event is not drawn.
const MAX_LAYERS: u32 = 1024;

impl JobView {
    /// A view of the job with this identifier, knowing nothing yet.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            plan: None,
            grid: IndexMap::new(),
            history: JobHistory::with_tensors(),
            rate: Series::default(),
            write_rate: Series::default(),
            rss: Series::default(),
            cpu: Series::default(),
            log: VecDeque::new(),
            said: 0,
            sampled: None,
            recipe: Vec::new(),
            command: None,
            report: None,
        }
    }

    /// Lays out the grid as the plan says.
    pub(crate) fn set_plan(&mut self, plan: Arc<Plan>) {
        self.history.set_plan(&plan);
        for (o, output) in numbered(&plan.outputs) {
            for t in output.tensors.iter() {
                self.touch(o, &t.kind, t.layer, t.role, t.to, t.bytes, None);
            }
        }
        self.plan = Some(plan);
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a tensor as plan and events both spell them")]
    fn touch(
        &mut self,
        output: OutputIndex,
        kind: &str,
        layer: Option<u32>,
        role: Role,
        to: Encoding,
        bytes: u64,
        state: Option<TensorState>,
    ) {
        let row = self.grid.entry((output, kind.to_owned())).or_default();
        row.role = role;
        row.to = to;
        row.layered |= layer.is_some();
        let at = layer.filter(|l| *l < MAX_LAYERS).unwrap_or(0) as usize;
        if row.cells.len() <= at {
            row.cells.resize(at + 1, TensorState::Waiting);
        }
        match state {
            Some(s) => row.cells[at] = s,
            None => row.bytes = row.bytes.saturating_add(bytes),
        }
    }

    fn say(&mut self, t: jiff::Timestamp, level: Level, text: String) {
        if self.log.len() >= MAX_LOG {
            self.log.pop_front();
        }
        self.said += 1;
        self.log.push_back(LogLine { t, level, text });
    }

    /// Takes one event in.
    pub(crate) fn apply(&mut self, event: &Event) {
        if self.history.starts_over(&event.body) {
            self.grid.values_mut().for_each(|row| {
                row.cells.fill(TensorState::Waiting);
                row.pooled = Sums::default();
            });
        }
        let tensor = match &event.body {
            EventBody::TensorStarted(t) => Some(t),
            EventBody::TensorFinished(t) => Some(&t.tensor),
            _ => None,
        };
        let before = tensor.and_then(|t| self.sums(t));
        self.history.apply(event);
        if let Some(tensor) = tensor {
            self.pool(tensor, before);
        }
        match &event.body {
            EventBody::TensorStarted(t) => self.cell(t, TensorState::Working(0.0)),
            EventBody::TensorFinished(t) => self.cell(&t.tensor, TensorState::Done(t.sqnr_db)),
            EventBody::TensorProgress { output, name, fraction } => self.progress(*output, name, *fraction),
            EventBody::Sample(s) => self.sample(event.t, s),
            _ => {}
        }
        let path = |path: &Path| self.whole_path(path).display().to_string();
        let wording = Wording { path: &path, bytes: units::bytes, seconds: units::took };
        for line in job::event_lines(&event.body, &wording) {
            self.say(event.t, line.level, line.short());
        }
    }

    /// Error and signal of a tensor, as far as they are known.
    fn sums(&self, t: &TensorStart) -> Option<Sums> {
        self.history.tensors.get(&(t.output, t.name.to_string()))?.sums()
    }

    /// Puts what is known of a tensor now in the place of what was known before: a job that continues may do a tensor again.
    fn pool(&mut self, t: &TensorStart, before: Option<Sums>) {
        let now = self.sums(t);
        let row = self.grid.entry((t.output, t.kind.to_string())).or_default();
        if let Some(before) = before {
            row.pooled.remove(&before);
        }
        if let Some(now) = now {
            row.pooled.add(&now);
        }
    }

    fn cell(&mut self, t: &TensorStart, state: TensorState) {
        self.touch(t.output, &t.kind, t.layer, t.role, t.to, t.bytes, Some(state));
    }

    fn progress(&mut self, output: OutputIndex, name: &str, fraction: f64) {
        let Some(tensor) = self.history.tensors.get(&(output, name.to_owned())) else { return };
        if let Some(row) = self.grid.get_mut(&(output, tensor.kind.clone()))
            && let Some(cell) = row.cells.get_mut(tensor.layer.unwrap_or(0) as usize)
        {
            *cell = TensorState::Working(fraction);
        }
    }

    /// One sample a second is kept: figures that change more often cannot be read, and cost bytes over a slow line.
    fn sample(&mut self, t: jiff::Timestamp, s: &Sample) {
        if self.sampled.replace(t.as_second()) == Some(t.as_second()) {
            return;
        }
        self.rate.push(s.read_rate);
        self.write_rate.push(s.write_rate);
        self.rss.push(s.rss as f64);
        self.cpu.push(s.cpu);
    }

    /// The path of an output as the plan has it: an event of a job that was run in a shell spells it relative to the folder of that shell.
    fn whole_path(&self, path: &Path) -> PathBuf {
        let whole = self.plan.iter().flat_map(|p| &p.outputs).map(|o| &o.path);
        let same = |o: &&PathBuf| job::is_same_output(o, path);
        let known = whole.filter(same).find(|_| path.is_relative());
        known.map_or_else(|| path.to_owned(), Clone::clone)
    }

    /// Tensors done and in all; with several outputs, how many times those of the model: `39 tensors × 2 outputs`.
    pub fn count(&self) -> String {
        let history = &self.history;
        let (done, all, outputs) = (history.done, history.expected.max(history.done), history.outputs.len());
        let first = history.tensors.keys().filter(|(o, _)| *o == OutputIndex(0)).count();
        let alike = first > 0 && first * outputs == all;
        match (outputs, alike) {
            (0 | 1, _) => format!("{done} of {all} tensors"),
            (_, true) if done == all => format!("{} × {outputs} outputs", units::plural(first, "tensor", "tensors")),
            _ => format!("{done} of {all} in {outputs} outputs"),
        }
    }

    /// The worst tensors of an output by dB, worst first.
    pub fn worst(&self, output: OutputIndex, most: usize) -> Vec<(&JobTensor, f64)> {
        let mut all: Vec<(&JobTensor, f64)> = self
            .history
            .tensors
            .iter()
            .filter(|((o, _), _)| *o == output)
            .filter_map(|(_, t)| if let TensorState::Done(Some(db)) = t.state { Some((t, db)) } else { None })
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

    /// Two layers of one size with 20 and 30 dB are 22.6 dB together; the mean of the two would be 25.
    #[test]
    fn the_figure_of_a_kind_is_a_ratio_of_sums_and_not_a_mean_of_ratios() {
        let mut view = JobView::new("1");
        let mut say = |body| view_of(&mut view, body);
        let done = |layer: u32, db: f64| {
            let start = TensorStart {
                name: format!("{layer}").into(),
                kind: "ffn_up".into(),
                layer: Some(layer),
                bytes: 400,
                ..TensorStart::default()
            };
            let rmse = 10f64.powf(-db / 20.0);
            let body =
                TensorDone { tensor: start.clone(), sqnr_db: Some(db), rmse: Some(rmse), ..TensorDone::default() };
            (EventBody::TensorStarted(start), EventBody::TensorFinished(body))
        };
        let (_, first) = done(0, 20.0);
        let (again, second) = done(1, 30.0);
        assert_eq!(say(first), Some((200, 0, 200)));
        assert_eq!(say(second.clone()), Some((226, 0, 200)));
        assert_eq!(say(again), Some((200, 0, 200)), "it is done once more");
        assert_eq!(say(second), Some((226, 0, 200)));
    }

    /// Applies an event; gives the figures of the first row in tenths of a dB.
    fn view_of(view: &mut JobView, body: EventBody) -> Option<(i64, usize, i64)> {
        view.apply(&Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body });
        let (db, layer, worst) = view.grid[0].quality()?;
        Some(((db * 10.0).round() as i64, layer, (worst * 10.0).round() as i64))
    }

    #[test]
    fn a_cancelled_job_begins_at_nothing_and_a_lost_one_where_it_stopped() {
        let start = TensorStart { name: "a".into(), kind: "ffn_up".into(), layer: Some(0), ..TensorStart::default() };
        let mut view = JobView::new("1");
        let mut say = |body| {
            view.apply(&Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body });
            let cell = view.grid[0].cells[0];
            assert_eq!(view.history.tensors[0].state, cell);
            (view.history.done, cell)
        };
        let begun = || EventBody::Started { pid: 1, threads: 1 };
        let done = TensorDone { tensor: start, sqnr_db: Some(20.0), ..TensorDone::default() };
        assert_eq!(say(EventBody::TensorFinished(done)), (1, TensorState::Done(Some(20.0))));
        assert_eq!(say(begun()), (1, TensorState::Done(Some(20.0))));
        say(EventBody::Cancelled { seconds: 1.0 });
        assert_eq!(say(begun()), (0, TensorState::Waiting));
    }
}
