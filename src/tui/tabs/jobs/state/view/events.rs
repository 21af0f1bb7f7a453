//! Folds the events of a job into its view.

use super::JobView;
use crate::engine::{Event, EventBody, Sample, TensorStart};
use crate::job::JobState;
use crate::tui::core::{Level, units};
use crate::tui::tabs::jobs::CellState;
use crate::units::small;

impl JobView {
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
}
