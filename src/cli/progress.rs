//! Progress for people on stderr: a live block on a terminal, plain lines in a pipe.

use super::plan_text::{reason, warnings};
use super::text::{Style, bytes, cut, plural, safe, seconds};
use super::{err, print};
use crate::engine::{Event, EventBody, TensorDone};
use crate::job::JobHistory;
use crate::model::Name;
use crate::plan::{Plan, StageKind};
use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shortest time between two drawings of the live block.
const REDRAW: Duration = Duration::from_millis(100);
/// A line in a pipe for each tenth of the work.
const PLAIN_STEPS: f64 = 10.0;
/// Work that is done sooner has no lines in a pipe, unless details are asked for.
const PLAIN_AFTER: Duration = Duration::from_secs(2);

/// Draws what happens.
pub(crate) struct Progress {
    live: bool,
    style: Style,
    ascii: bool,
    /// By layer: (tensors done, tensors in all), over all outputs. Tensors without a layer are under `None`.
    layers: BTreeMap<Option<u32>, (usize, usize)>,
    history: JobHistory,
    now: String,
    drawn_lines: usize,
    last_drawn: Option<Instant>,
    last_step: u32,
    begun: Instant,
    details: Option<Details>,
    /// What was said of the last plan.
    shown: String,
    /// When the evaluation of the outputs began, and the tenths of it that were reported.
    evaluated: Option<(Instant, u32)>,
}

/// What `--verbose` says of a job.
struct Details {
    memory_bytes: u64,
    /// Output and tensor → why it gets its type.
    reasons: HashMap<(usize, Name), String>,
}

impl Details {
    fn of(plan: &Plan) -> Self {
        let outputs = plan.outputs.iter().enumerate();
        let all = outputs.flat_map(|(i, o)| o.tensors.iter().map(move |t| ((i, t.name.clone()), reason(t))));
        Self { memory_bytes: plan.memory_bytes, reasons: all.filter(|(_, why)| !why.is_empty()).collect() }
    }

    /// `blk.0.ffn_down.weight  F32 → Q6_K  1.21 MB  38.2 dB  (more bits)`.
    fn tensor(&self, done: &TensorDone) -> String {
        let t = &done.tensor;
        let mut line = format!("{}  {} → {}  {}", safe(&t.name), t.from, t.to, bytes(t.bytes));
        if let Some(db) = done.sqnr_db {
            line.push_str(&format!("  {} dB", crate::units::decibel(db)));
        }
        if let Some(why) = self.reasons.get(&(t.output.0, t.name.clone())) {
            line.push_str(&format!("  ({})", safe(why)));
        }
        line
    }
}

impl Progress {
    /// Nothing done yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut layers: BTreeMap<Option<u32>, (usize, usize)> = BTreeMap::new();
        let utf8 =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|v| std::env::var(v).ok()).find(|v| !v.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let live = std::io::stderr().is_terminal() && !dumb && !print::is_quiet();
        // Only the live block shows layers.
        for t in plan.outputs.iter().flat_map(|o| o.tensors.iter()).filter(|_| live) {
            layers.entry(t.layer).or_default().1 += 1;
        }
        let mut history = JobHistory::counting();
        history.set_plan(plan);
        Self {
            live,
            style: Style::stderr(),
            ascii: !utf8.is_some_and(|v| v.to_ascii_uppercase().replace('-', "").contains("UTF8")),
            layers,
            history,
            now: String::new(),
            drawn_lines: 0,
            last_drawn: None,
            last_step: 0,
            begun: Instant::now(),
            details: print::is_verbose().then(|| Details::of(plan)),
            shown: String::new(),
            evaluated: None,
        }
    }

    /// Takes one event.
    pub(crate) fn event(&mut self, event: &Event) {
        if print::is_quiet() {
            return;
        }
        self.count(event);
        self.detail(event);
        let mut evaluated = None;
        match &event.body {
            EventBody::Plan { outputs, tensors, bytes: n, warnings: list } => {
                let tensors = plural(*tensors, "tensor");
                let what = format!("{tensors}, {} → {}\n", bytes(*n), safe(&outputs.join(", ")));
                let text = format!("{}{what}", warnings(list, self.style));
                // Each attempt of a job has a plan, usually the same.
                if self.shown != text {
                    self.erase();
                    err(&text);
                    self.shown = text;
                }
            }
            EventBody::TensorStarted(t) => {
                self.now = format!("{}  {} → {}", safe(&t.name), t.from, t.to);
            }
            EventBody::Warning(w) => {
                self.erase();
                err(&warnings(std::slice::from_ref(w), self.style));
            }
            _ if event.body.changes_state() && self.history.ended().is_some() => {
                self.erase();
                return;
            }
            EventBody::OutputWritten { .. } => self.now = "verifying the output".to_owned(),
            EventBody::StageStarted { stage: StageKind::Evaluate, .. } => {
                self.now = "evaluating the output".to_owned();
                self.evaluated = Some((Instant::now(), 0));
            }
            EventBody::StageProgress { fraction, what, .. } => {
                self.now = format!("evaluating {:3.0} %  {}", fraction * 100.0, safe(what));
                evaluated = Some(*fraction);
            }
            _ => {}
        }
        if self.live {
            return self.draw();
        }
        self.line();
        if let Some(fraction) = evaluated {
            self.evaluation_line(fraction);
        }
    }

    /// What `--verbose` says of an event.
    fn detail(&mut self, event: &Event) {
        let Some(details) = &self.details else { return };
        let line = match &event.body {
            EventBody::Started { threads, .. } => {
                let memory = bytes(details.memory_bytes);
                format!("job {}, {}, memory at most {memory}", event.job, plural(*threads, "thread"))
            }
            EventBody::TensorFinished(done) => details.tensor(done),
            _ => return,
        };
        self.erase();
        err(&format!("{}\n", self.style.dim(&line)));
    }

    /// Takes the event into the history, and counts the tensors of each layer as the history does.
    fn count(&mut self, event: &Event) {
        let tensor = match &event.body {
            EventBody::TensorStarted(t) => Some(t),
            EventBody::TensorFinished(t) => Some(&t.tensor),
            _ => None,
        };
        if self.history.starts_over(&event.body) {
            self.layers.values_mut().for_each(|l| l.0 = 0);
            self.last_step = 0;
        }
        let before = tensor.is_some_and(|t| self.history.is_done(t));
        self.history.apply(event);
        let Some(tensor) = tensor.filter(|t| self.history.is_done(t) != before) else { return };
        if let Some(layer) = self.layers.get_mut(&tensor.layer) {
            layer.0 = if before { layer.0.saturating_sub(1) } else { layer.0 + 1 };
        }
    }

    fn line(&mut self) {
        if self.details.is_none() && self.begun.elapsed() < PLAIN_AFTER {
            return;
        }
        let (done, tensors) = (self.history.done, self.history.expected);
        let step = (done as f64 / tensors.max(1) as f64 * PLAIN_STEPS) as u32;
        if step > self.last_step {
            self.last_step = step;
            let line = format!("{:3} %  {done} of {tensors} tensors  {}", step * 10, self.rates());
            err(&format!("{}\n", line.trim_end()));
        }
    }

    /// A line in a pipe for each tenth of an evaluation that takes long.
    fn evaluation_line(&mut self, fraction: f64) {
        let Some((begun, step)) = self.evaluated else { return };
        // The first line says that there is an evaluation at all.
        let now = ((fraction * PLAIN_STEPS) as u32).max(1);
        let long = self.details.is_some() || begun.elapsed() >= PLAIN_AFTER;
        if long && now > step {
            self.evaluated = Some((begun, now));
            err(&format!("{}\n", self.now));
        }
    }

    fn rates(&self) -> String {
        let mut parts = Vec::new();
        let Some(sample) = &self.history.sample else { return String::new() };
        if sample.read_rate > 0.0 {
            parts.push(format!("{}/s", bytes(sample.read_rate as u64)));
        }
        if sample.rss > 0 {
            parts.push(format!("memory {}", bytes(sample.rss)));
        }
        if let Some(eta) = sample.eta.filter(|e| *e >= 1.0) {
            parts.push(format!("{} left", seconds(eta)));
        }
        parts.join("  ")
    }

    fn erase(&mut self) {
        if self.drawn_lines > 0 {
            print::redraw(self.drawn_lines, &[]);
            self.drawn_lines = 0;
        }
    }

    fn draw(&mut self) {
        if self.last_drawn.is_some_and(|t| t.elapsed() < REDRAW) {
            return;
        }
        self.last_drawn = Some(Instant::now());
        let width = crossterm::terminal::size().map_or(80, |(w, _)| usize::from(w)).clamp(20, 200);
        let (full, empty) = if self.ascii { ("#", ".") } else { ("█", "─") };
        let (done, tensors) = (self.history.done, self.history.expected);
        let fraction = (done as f64 / tensors.max(1) as f64).max(self.history.fraction).min(1.0);
        let bar_width = width.saturating_sub(8).min(60);
        let filled = (fraction * bar_width as f64) as usize;
        let bar = format!("{}{}", full.repeat(filled), empty.repeat(bar_width - filled));
        let marks: Vec<char> = if self.ascii { ".-+#".chars().collect() } else { "·░▒█".chars().collect() };
        let cell = |(done, all): &(usize, usize)| match (*done, *all) {
            (0, _) => marks[0],
            (d, a) if d >= a => marks[3],
            (d, a) if d * 2 < a => marks[1],
            _ => marks[2],
        };
        let layers: String = self.layers.iter().filter(|(l, _)| l.is_some()).map(|(_, v)| cell(v)).collect();
        let mut lines = vec![format!("{bar} {:3.0} %", fraction * 100.0)];
        if !layers.is_empty() {
            lines.push(cut(&format!("layers {layers}"), width));
        }
        lines.push(cut(&format!("{done} of {tensors}  {}", self.rates()), width));
        lines.push(cut(&self.now, width));
        print::redraw(self.drawn_lines, &lines);
        self.drawn_lines = lines.len();
    }
}
