//! Progress for people on stderr: a live block on a terminal, plain lines in a pipe.

use super::plan_text::warnings;
use super::text::{Style, bytes, cut, safe, seconds};
use super::{err, print};
use crate::engine::{Event, EventBody, Sample, TensorStart};
use crate::plan::Plan;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shortest time between two drawings of the live block.
const REDRAW: Duration = Duration::from_millis(100);
/// A line in a pipe for each tenth of the work.
const PLAIN_STEPS: f64 = 10.0;

/// Draws what happens.
pub struct Progress {
    live: bool,
    style: Style,
    ascii: bool,
    /// By layer: (tensors done, tensors in all), over all outputs. Tensors without a layer are under `None`.
    layers: BTreeMap<Option<u32>, (usize, usize)>,
    tensors: usize,
    done: usize,
    /// Hashes of the finished tensors: there may be a million.
    finished: HashSet<u64>,
    now: String,
    sample: Sample,
    drawn_lines: usize,
    last_drawn: Option<Instant>,
    last_step: u32,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(plan: &Plan) -> Self {
        let mut layers: BTreeMap<Option<u32>, (usize, usize)> = BTreeMap::new();
        let utf8 =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|v| std::env::var(v).ok()).find(|v| !v.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let live = std::io::stderr().is_terminal() && !dumb;
        // Only the live block shows layers.
        for t in plan.outputs.iter().flat_map(|o| o.tensors.iter()).filter(|_| live) {
            layers.entry(t.layer).or_default().1 += 1;
        }
        Self {
            live,
            style: Style::stderr(),
            ascii: !utf8.is_some_and(|v| v.to_ascii_uppercase().replace('-', "").contains("UTF8")),
            tensors: plan.outputs.iter().map(|o| o.tensors.len()).sum(),
            layers,
            done: 0,
            finished: HashSet::new(),
            now: String::new(),
            sample: Sample::default(),
            drawn_lines: 0,
            last_drawn: None,
            last_step: 0,
        }
    }

    /// Takes one event.
    pub fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::Plan { outputs, tensors, bytes: n, warnings: list } => {
                self.erase();
                err(&warnings(list, self.style));
                err(&format!("{tensors} tensors, {} → {}\n", bytes(*n), safe(&outputs.join(", "))));
            }
            EventBody::TensorStarted(t) => {
                // A job that is resumed does once more what its journal does not hold.
                self.count(t, false);
                self.now = format!("{}  {} → {}", safe(&t.name), t.from, t.to);
            }
            EventBody::TensorFinished(t) => self.count(&t.tensor, true),
            EventBody::Sample(s) => self.sample = s.clone(),
            EventBody::Warning(w) => {
                self.erase();
                err(&warnings(std::slice::from_ref(w), self.style));
            }
            EventBody::Cancelled { .. } | EventBody::Failed { .. } => {
                // Its unfinished files are removed: a resumed job begins again.
                self.finished.clear();
                self.layers.values_mut().for_each(|l| l.0 = 0);
                (self.done, self.last_step, self.sample) = (0, 0, Sample::default());
                self.erase();
                return;
            }
            EventBody::Finished { .. } | EventBody::Interrupted { .. } => {
                self.erase();
                return;
            }
            EventBody::OutputWritten { .. } => self.now = "checking what was written".to_owned(),
            _ => {}
        }
        if self.live { self.draw() } else { self.line() }
    }

    /// Counts a tensor once, however often a job that is resumed does it.
    fn count(&mut self, tensor: &TensorStart, finished: bool) {
        let mut hasher = DefaultHasher::new();
        (tensor.output, &tensor.name).hash(&mut hasher);
        let key = hasher.finish();
        let changed = if finished { self.finished.insert(key) } else { self.finished.remove(&key) };
        let step = |n: &mut usize| *n = if finished { *n + 1 } else { n.saturating_sub(1) };
        if changed {
            step(&mut self.done);
            if let Some(layer) = self.layers.get_mut(&tensor.layer) {
                step(&mut layer.0);
            }
        }
    }

    fn line(&mut self) {
        let step = (self.done as f64 / self.tensors.max(1) as f64 * PLAIN_STEPS) as u32;
        if step > self.last_step {
            self.last_step = step;
            let line = format!("{:3} %  {} of {} tensors  {}", step * 10, self.done, self.tensors, self.rates());
            err(&format!("{}\n", line.trim_end()));
        }
    }

    fn rates(&self) -> String {
        let mut parts = Vec::new();
        if self.sample.read_rate > 0.0 {
            parts.push(format!("{}/s", bytes(self.sample.read_rate as u64)));
        }
        if self.sample.rss > 0 {
            parts.push(format!("memory {}", bytes(self.sample.rss)));
        }
        if let Some(eta) = self.sample.eta.filter(|e| *e >= 1.0) {
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
        let fraction = (self.done as f64 / self.tensors.max(1) as f64).max(self.sample.fraction).min(1.0);
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
        lines.push(cut(&format!("{} of {}  {}", self.done, self.tensors, self.rates()), width));
        lines.push(cut(&self.now, width));
        print::redraw(self.drawn_lines, &lines);
        self.drawn_lines = lines.len();
    }
}
