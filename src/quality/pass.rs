//! Runs several models over the windows of a text: all layers for a batch of windows, one model after the other, then the output heads in blocks of
//! positions, where the logits of all models meet.
//!
//! **Memory.** A batch is as many windows as fit into [`Pass::memory`]. Counted are: what the layers need for a token
//! ([`FLOATS_PER_WIDTH`] values for each value of a hidden state), the final states of the scored positions of every model, the baseline's
//! hidden states that are kept for the comparison of layers (an eighth), and two blocks of logits with the rounded baseline (a
//! quarter). The weights of the layer at work come on top, and about 60 bytes for each scored position of each model.

mod resume;

use super::layers::{Compare, Kept, LayerDivergence};
use super::logits_file::{LogitRows, LogitsFile, LogitsWriter};
use super::statistics::{BaseRow, Estimate, Position, Positions, score};
use super::windows::Windows;
use crate::files::Checkpoint;
use crate::forward::{Forward, Observer};
use crate::model::{ModelError, Result};
use crate::task::{Task, collected, locked};
use resume::State;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Memory of a pass if nothing else is asked.
pub(crate) const DEFAULT_MEMORY: u64 = 1 << 30;
/// Values that a layer has at work for a token, in widths of the hidden state: the state, its norm, queries, keys, values, the attention's
/// output, and twice the feed-forward part, which is three to four times wider.
const FLOATS_PER_WIDTH: u64 = 16;
/// Parts of a step of progress; a step is a layer, or the output matrix, of a model on a batch.
const PARTS: usize = 1000;
/// Most positions whose logits are made together: with more, the output matrix would not be read noticeably less often.
const MOST_POSITIONS: usize = 1024;

/// A network that can be run. Tests put a fake in its place.
pub(crate) trait Network: Sync {
    /// Rows of the head.
    fn vocabulary(&self) -> usize;
    /// Values of a hidden state.
    fn width(&self) -> usize;
    /// Number of layers.
    fn layers(&self) -> u32;
    /// Final hidden states of all tokens, windows one after the other. `from` is the first layer to run, with the hidden state before it, if that
    /// is not the beginning.
    fn states(
        &self,
        from: Option<(u32, &[f32])>,
        windows: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>>;
    /// Logits of some states.
    fn logits(&self, states: &[f32], task: Task<'_>, out: &mut Vec<f32>) -> Result<()>;
}

impl Network for Forward {
    fn vocabulary(&self) -> usize {
        self.vocabulary()
    }
    fn width(&self) -> usize {
        self.width()
    }
    fn layers(&self) -> u32 {
        self.layers()
    }
    fn states(
        &self,
        from: Option<(u32, &[f32])>,
        windows: &[Vec<u32>],
        task: Task<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        self.states_observed(from, windows, task, observer)
    }
    fn logits(&self, states: &[f32], task: Task<'_>, out: &mut Vec<f32>) -> Result<()> {
        self.logits(states, task, &mut (), out)
    }
}

/// Where a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PassPlace<'a> {
    /// What is computed: `layers`, `output`, `texts`.
    pub step: &'static str,
    /// The model.
    pub model: &'a Path,
    /// Its place in the order in which the models are run, from 0.
    pub nth: usize,
    /// Models.
    pub models: usize,
    /// Layers done.
    pub layer: Option<u32>,
    /// Layers of the model.
    pub layers: Option<u32>,
    /// The batch of windows, from 0.
    pub batch: usize,
    /// Batches.
    pub batches: usize,
}

/// The most important figures over the positions scored so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Running {
    /// By the names of the table of metrics.
    pub figures: Vec<(&'static str, Estimate)>,
}

/// Figures that are shown while a pass runs.
const RUNNING: [&str; 3] = ["perplexity", "kld_mean", "top1_agreement"];
/// Shortest time between two sets of running figures.
const RUNNING_EVERY: Duration = Duration::from_millis(500);

/// Hears how a pass goes on.
pub(crate) trait Listener: Sync {
    /// Where the pass is.
    fn place(&self, _at: &PassPlace<'_>) {}
    /// Figures over all positions scored so far.
    fn running(&self, _model: &Path, _running: &Running) {}
    /// `done` of `all` parts of the work are done. `what` says what is being run.
    fn progress(&self, _done: usize, _all: usize, _what: &str) {}
    /// A layer of a model was compared with the baseline's, over all windows so far.
    fn layer(&self, _model: &Path, _layer: u32, _divergence: &LayerDivergence) {}
}

/// Hears nothing.
#[cfg(test)]
pub(crate) struct Deaf;

#[cfg(test)]
impl Listener for Deaf {}

/// A model that takes part.
#[derive(Clone, Copy)]
pub(crate) struct Entrant<'a> {
    /// What it is called.
    pub label: &'a str,
    /// Where it is.
    pub path: &'a Path,
    /// The network.
    pub network: &'a dyn Network,
}

/// What the models are compared with.
#[derive(Clone, Copy)]
pub(crate) enum Base<'a> {
    /// Nothing.
    None,
    /// One of them.
    Entrant(usize),
    /// A file of log-probabilities, whose windows are those of the pass.
    File(&'a LogitsFile),
}

/// A run of models over the windows of a text.
pub(crate) struct Pass<'a> {
    /// The models; all have the same vocabulary.
    pub entrants: Vec<Entrant<'a>>,
    /// What they are compared with.
    pub base: Base<'a>,
    /// The windows.
    pub windows: &'a Windows,
    /// Bytes to stay within.
    pub memory: u64,
    /// The baseline's log-probabilities are rounded as llama-perplexity rounds them, instead of compared as they are.
    pub rounded: bool,
    /// Where to write the log-probabilities of the baseline, or of the only model.
    pub save: Option<&'a Path>,
    /// The file at work.
    pub writer: Option<LogitsWriter>,
    /// Where the work is kept, so that another process can continue it.
    pub checkpoint: Option<&'a Checkpoint>,
}

/// What was measured of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The scored positions.
    pub positions: Positions,
    /// Divergence after each layer; empty where it was not measured.
    pub layers: Vec<LayerDivergence>,
}

/// Bytes of a batch that a token of a window takes, with models of at most this width.
fn token_bytes(width: usize, models: usize, windows: &Windows) -> u64 {
    let share = windows.scored.len() as f64 / windows.length.max(1) as f64;
    let kept = (models as f64 * share).ceil() as u64;
    width.max(1) as u64 * size_of::<f32>() as u64 * (FLOATS_PER_WIDTH + kept)
}

/// The [`Pass::memory`] with which a batch is one window: a pass never takes less.
pub(super) fn least_memory(width: usize, models: usize, windows: &Windows) -> u64 {
    let window = token_bytes(width, models, windows).saturating_mul(windows.length as u64);
    window.div_ceil(5).saturating_mul(8)
}

impl Pass<'_> {
    /// Runs all models over all windows, from where an earlier run was, if it kept that.
    ///
    /// # Errors
    /// Those of the networks; logits that are not finite; a cancelled task.
    pub(crate) fn run(mut self, task: Task<'_>, listener: &dyn Listener) -> Result<Vec<Outcome>> {
        let (order, batch) = (self.order(), self.batch());
        let steps: usize = self.entrants.iter().map(|e| e.network.layers() as usize + 1).sum();
        let all = steps * self.windows.len().div_ceil(batch);
        let mut state = self.checkpoint.and_then(|c| State::load(&self, c));
        let vocabulary = order.first().map_or(0, |i| self.entrants[*i].network.vocabulary());
        if let Some(path) = self.save {
            let done = state.as_ref().map_or(0, |s| s.at * self.windows.scored.len());
            let folder = self.checkpoint.map(Checkpoint::folder);
            let mut writer = LogitsWriter::open(path, self.windows, vocabulary, (done, folder))?;
            if writer.is_none() {
                // What was written of the file is not there any more.
                state = None;
                writer = LogitsWriter::open(path, self.windows, vocabulary, (0, folder))?;
            }
            self.writer = writer;
        }
        let mut state = state.unwrap_or_else(|| State::new(order.len()));
        while state.at < self.windows.len() {
            let count = batch.min(self.windows.len() - state.at);
            let before = state.at / batch * steps;
            let ran = self.layers(&mut state, count, (before, all), task, listener);
            if ran.is_err() && task.is_cancelled() {
                self.keep(&state, &order);
            }
            ran?;
            let entrants = self.entrants.len();
            let done = before + steps - entrants;
            let say = |part: usize| listener.progress(done * PARTS + entrants * part, all * PARTS, "output");
            let heard =
                Heard { listener, say: &say, batch: state.at / batch, batches: self.windows.len().div_ceil(batch) };
            let (at, states) = (state.at, std::mem::take(&mut state.states));
            let ran = self.heads(at, &states, &mut state.outcomes, task, &heard);
            state.states = states;
            if ran.is_err() && task.is_cancelled() {
                let scored = at * self.windows.scored.len();
                state.outcomes.iter_mut().for_each(|o| o.positions.0.truncate(scored));
                self.keep(&state, &order);
            }
            ran?;
            state.next_batch(count);
            if let Some(checkpoint) = self.checkpoint.filter(|c| state.at < self.windows.len() && c.is_due()) {
                self.writer.as_mut().map_or(Ok(()), LogitsWriter::flush)?;
                state.save(&order, checkpoint);
            }
        }
        listener.progress(all * PARTS, all * PARTS, "output");
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        Ok(state.outcomes)
    }

    /// Keeps the work of a run that was asked to stop, if it is to be continued.
    fn keep(&mut self, state: &State, order: &[usize]) {
        if let Some(checkpoint) = self.checkpoint.filter(|c| c.is_wanted()) {
            state.save(order, checkpoint);
            self.writer.as_mut().into_iter().for_each(LogitsWriter::keep);
        }
    }

    /// Room for the baseline's hidden states of so many windows.
    fn kept(&self, windows: usize, network: &dyn Network) -> Kept {
        Kept::new(windows * self.windows.length, network.width(), network.layers() as usize, self.memory / 8)
    }

    /// Windows of a batch.
    fn batch(&self) -> usize {
        let width = self.entrants.iter().map(|e| e.network.width()).max().unwrap_or(1);
        let token = token_bytes(width, self.entrants.len(), self.windows);
        let tokens = (self.memory / 8 * 5) / token.max(1);
        usize::try_from(tokens / self.windows.length.max(1) as u64).unwrap_or(usize::MAX).max(1)
    }

    /// Positions whose logits are made together.
    fn block(&self, vocabulary: usize) -> usize {
        // Two blocks of f32, and one of u16.
        let position = vocabulary.max(1) as u64 * 10;
        usize::try_from(self.memory / 4 / position).unwrap_or(MOST_POSITIONS).clamp(1, MOST_POSITIONS)
    }

    /// The order in which the models are run: the baseline first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.entrants.len()).collect();
        if let Base::Entrant(base) = self.base {
            order.sort_by_key(|i| *i != base);
        }
        order
    }

    /// Runs the layers of every model on a batch: the final states of its scored positions, and the divergence by layer.
    fn layers(
        &self,
        state: &mut State,
        count: usize,
        (before, all): (usize, usize),
        task: Task<'_>,
        listener: &dyn Listener,
    ) -> Result<()> {
        let inputs = &self.windows.inputs[state.at..state.at + count];
        let order = self.order();
        let (batch, batches) = (state.at / self.batch(), self.windows.len().div_ceil(self.batch()));
        let layers_of = |i: &usize| self.entrants[*i].network.layers() as usize;
        let mut done = before + order.iter().take(state.turn).map(layers_of).sum::<usize>();
        for (nth, &i) in order.iter().enumerate().skip(state.turn) {
            let entrant = &self.entrants[i];
            let network = entrant.network;
            let (models, layers) = (self.entrants.len(), network.layers());
            let place = |layer: u32| {
                let (step, model) = ("layers", entrant.path);
                let (layer, layers) = (Some(layer), Some(layers));
                listener.place(&PassPlace { step, model, nth, models, layer, layers, batch, batches });
            };
            let begun = state.layer.map_or(0, |l| l + 1);
            place(begun);
            let say = |layer: usize, layers: usize| {
                let layer = layer.min(layers);
                place(u32::try_from(layer).unwrap_or(u32::MAX));
                listener.progress((done + layer) * PARTS, all * PARTS, entrant.label);
            };
            let task = Task { progress: &say, ..task };
            let mut heard = |layer, d: &LayerDivergence| listener.layer(entrant.path, layer, d);
            let is_base = matches!(self.base, Base::Entrant(b) if b == i) && self.entrants.len() > 1;
            if is_base && state.kept.is_none() {
                state.kept = Some(self.kept(count, network));
            }
            let start = std::mem::take(&mut state.hidden);
            let from = state.layer.map(|_| (begun, start.as_slice()));
            let mut watch = Watch {
                state: &mut *state,
                order: &order,
                model: i,
                is_base,
                checkpoint: self.checkpoint,
                heard: &mut heard,
            };
            let ran = network.states(from, inputs, task, &mut watch).map_err(|e| e.in_file(entrant.path));
            let cancelled = if task.is_cancelled() { Err(cancelled()) } else { Ok(()) };
            let hidden = match ran.and_then(|hidden| cancelled.map(|()| hidden)) {
                Ok(hidden) => hidden,
                Err(e) => {
                    if state.hidden.is_empty() {
                        state.hidden = start;
                    }
                    return Err(e);
                }
            };
            let width = network.width();
            if hidden.len() != count * self.windows.length * width {
                return Err(ModelError::bad("the network gave a wrong number of states").in_file(entrant.path));
            }
            let scored = &self.windows.scored;
            for window in hidden.chunks_exact(self.windows.length * width) {
                state.states[i].extend_from_slice(&window[scored.start * width..scored.end * width]);
            }
            state.turn = nth + 1;
            state.layer = None;
            state.hidden.clear();
            done += network.layers() as usize;
        }
        Ok(())
    }

    /// Makes the logits of a batch in blocks of positions, and scores them.
    fn heads(
        &mut self,
        at: usize,
        states: &[Vec<f32>],
        outcomes: &mut [Outcome],
        task: Task<'_>,
        heard: &Heard<'_>,
    ) -> Result<()> {
        let order = self.order();
        let Some(first) = order.first() else { return Ok(()) };
        let vocabulary = self.entrants[*first].network.vocabulary();
        let positions = states[*first].len() / self.entrants[*first].network.width().max(1);
        let scored = self.windows.scored.len();
        let block = self.block(vocabulary);
        let quiet = Task { progress: &|_, _| {}, ..task };
        let (mut base_logits, mut own_logits) = (Vec::new(), Vec::new());
        let mut told = Instant::now();
        for from in (0..positions).step_by(block) {
            let count = block.min(positions - from);
            // Positions of all windows, one after the other.
            let place = Place { from: at * scored + from, count, vocabulary };
            let mut rounded = match self.base {
                Base::File(file) => Some(file.rows(place.from, count)?),
                _ => None,
            };
            let mut has_base = false;
            for &i in &order {
                let entrant = self.entrants[i];
                let is_base = matches!(self.base, Base::Entrant(b) if b == i);
                heard.place(entrant, order.iter().position(|o| *o == i).unwrap_or(0), order.len());
                let logits = if is_base { &mut base_logits } else { &mut own_logits };
                let width = entrant.network.width();
                logits.clear();
                let part = &states[i][from * width..(from + count) * width];
                entrant.network.logits(part, quiet, logits).map_err(|e| e.in_file(entrant.path))?;
                if task.is_cancelled() {
                    return Err(cancelled());
                }
                if logits.len() != count * vocabulary {
                    return Err(ModelError::bad("the network gave a wrong number of logits").in_file(entrant.path));
                }
                let base = match (&rounded, has_base) {
                    (Some(rows), _) if !is_base => BaseRows::Rounded(rows),
                    (None, true) => BaseRows::Logits(&base_logits),
                    _ => BaseRows::None,
                };
                let logits = if is_base { &base_logits } else { &own_logits };
                let scores = self.score(logits, base, place, entrant, quiet)?;
                outcomes[i].positions.0.extend(scores);
                if is_base {
                    has_base = true;
                }
                let saves = self.writer.is_some() && (is_base || self.entrants.len() == 1);
                if saves || is_base && self.rounded {
                    let rows = LogitRows::round(logits, vocabulary);
                    if let Some(writer) = self.writer.as_mut().filter(|_| saves) {
                        writer.push(&rows)?;
                    }
                    rounded = rounded.or(Some(rows).filter(|_| is_base && self.rounded));
                }
            }
            // The figures of the whole text follow at the end.
            if told.elapsed() >= RUNNING_EVERY {
                self.tell(outcomes, heard.listener);
                told = Instant::now();
            }
            (heard.say)((from + count) * PARTS / positions.max(1));
        }
        self.tell(outcomes, heard.listener);
        Ok(())
    }

    /// Tells the listener the figures so far.
    fn tell(&self, outcomes: &[Outcome], listener: &dyn Listener) {
        for (entrant, outcome) in self.entrants.iter().zip(outcomes) {
            let summary = outcome.positions.summary();
            let figures = summary.figures.into_iter().filter(|(name, _)| RUNNING.contains(name)).collect();
            listener.running(entrant.path, &Running { figures });
        }
    }

    fn score(
        &self,
        logits: &[f32],
        base: BaseRows<'_>,
        place: Place,
        entrant: Entrant<'_>,
        task: Task<'_>,
    ) -> Result<Vec<Position>> {
        let scored = self.windows.scored.len();
        let scores = Mutex::new(Vec::with_capacity(place.count));
        task.each(place.count, |n, (): &mut ()| {
            let row = &logits[n * place.vocabulary..(n + 1) * place.vocabulary];
            let number = place.from + n;
            let (window, position) = (number / scored, number % scored);
            let against = match base {
                BaseRows::None => None,
                BaseRows::Logits(all) => Some(BaseRow::Logits(&all[n * place.vocabulary..(n + 1) * place.vocabulary])),
                BaseRows::Rounded(rows) => rows.row(n).map(BaseRow::Rounded),
            };
            let scored = score(row, against, self.windows.targets[window][position]);
            locked(&scores).push((n, scored));
            Ok::<(), ModelError>(())
        })?;
        if task.is_cancelled() {
            return Err(cancelled());
        }
        let mut scores = collected(scores);
        scores.sort_unstable_by_key(|(n, _)| *n);
        let checked = |(n, position): (usize, Option<Position>)| {
            position.ok_or_else(|| {
                let row = &logits[n * place.vocabulary..(n + 1) * place.vocabulary];
                let number = place.from + n;
                let token = self.windows.scored.start + number % scored;
                self.not_finite(row, &format!("token {token} of window {}", number / scored + 1), entrant)
            })
        };
        scores.into_iter().map(checked).collect()
    }

    fn not_finite(&self, row: &[f32], at: &str, entrant: Entrant<'_>) -> ModelError {
        if let Base::File(file) = self.base
            && row.iter().all(|v| v.is_finite())
        {
            let what = format!("the log-probabilities for {at} are not finite");
            return ModelError::bad(what).in_file(file.path());
        }
        ModelError::bad(format!("the logits for {at} are not finite")).in_file(entrant.path).with_hint(NOT_FINITE)
    }
}

/// What is said of values that are not finite.
pub(super) const NOT_FINITE: &str = "The weights are finite, but the values that the network computes from them are not: convert the model again from its source.";

#[derive(Clone, Copy)]
enum BaseRows<'a> {
    None,
    Logits(&'a [f32]),
    Rounded(&'a LogitRows),
}

/// Watches the layers of one model: keeps or compares their states, and keeps the work.
struct Watch<'a> {
    state: &'a mut State,
    order: &'a [usize],
    model: usize,
    is_base: bool,
    checkpoint: Option<&'a Checkpoint>,
    heard: &'a mut dyn FnMut(u32, &LayerDivergence),
}

impl Observer for Watch<'_> {
    fn wants_layers(&self) -> bool {
        self.state.kept.is_some() || self.checkpoint.is_some()
    }

    fn layer(&mut self, layer: u32, layers: u32, hidden: &[f32]) -> Result<()> {
        let state = &mut *self.state;
        match &mut state.kept {
            Some(kept) if self.is_base => kept.layer(layer, layers, hidden)?,
            Some(kept) => {
                let compared = &mut state.outcomes[self.model].layers;
                Compare { kept, layers: compared, heard: &mut *self.heard }.layer(layer, layers, hidden)?;
            }
            None => {}
        }
        if let Some(checkpoint) = self.checkpoint {
            state.layer = Some(layer);
            state.hidden.clear();
            state.hidden.extend_from_slice(hidden);
            if checkpoint.is_due() {
                state.save(self.order, checkpoint);
            }
        }
        Ok(())
    }
}

/// Who hears of the heads of a batch.
struct Heard<'a> {
    listener: &'a dyn Listener,
    /// Parts of the batch that are done.
    say: &'a dyn Fn(usize),
    batch: usize,
    batches: usize,
}

impl Heard<'_> {
    fn place(&self, entrant: Entrant<'_>, nth: usize, models: usize) {
        let (batch, batches) = (self.batch, self.batches);
        let (step, model) = ("output", entrant.path);
        self.listener.place(&PassPlace { step, model, nth, models, layer: None, layers: None, batch, batches });
    }
}

/// Some positions, counted over all windows.
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    count: usize,
    vocabulary: usize,
}

/// The error of a cancelled pass. It is not shown: the caller knows that it cancelled.
pub(super) fn cancelled() -> ModelError {
    ModelError::request("cancelled")
}

#[cfg(test)]
mod tests;
