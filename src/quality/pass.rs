//! Runs several models over the windows of a text: all layers for a batch of windows, one model after the other, then the output heads in blocks of
//! positions, where the logits of all models meet.
//!
//! **Memory.** A batch is as many windows as fit into [`Pass::memory`]. Counted are: what the layers need for a token
//! ([`FLOATS_PER_WIDTH`] values for each value of a hidden state), the final states of the scored positions of every model, the baseline's
//! hidden states that are kept for the comparison of layers (an eighth), and two blocks of logits with the rounded baseline (a
//! quarter). The weights of the layer at work come on top, and about 60 bytes for each scored position of each model.

use super::layers::{Compare, Kept, LayerDivergence};
use super::logits_file::{LogitRows, LogitsFile, LogitsWriter};
use super::statistics::{BaseRow, Position, Positions, score};
use super::windows::Windows;
use crate::forward::{Forward, Observer};
use crate::model::{ModelError, Result};
use crate::task::{Task, collected, locked};
use std::path::Path;
use std::sync::Mutex;

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
    /// Final hidden states of all tokens, windows one after the other.
    fn states(&self, windows: &[Vec<u32>], task: Task<'_>, observer: &mut dyn Observer) -> Result<Vec<f32>>;
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
    fn states(&self, windows: &[Vec<u32>], task: Task<'_>, observer: &mut dyn Observer) -> Result<Vec<f32>> {
        self.states(windows, task, observer)
    }
    fn logits(&self, states: &[f32], task: Task<'_>, out: &mut Vec<f32>) -> Result<()> {
        self.logits(states, task, &mut (), out)
    }
}

/// Hears how a pass goes on.
pub(crate) trait Listener: Sync {
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
    /// Writes the log-probabilities of the baseline, or of the only model.
    pub save: Option<LogitsWriter>,
}

/// What was measured of a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The scored positions.
    pub positions: Positions,
    /// Divergence after each layer; empty where it was not measured.
    pub layers: Vec<LayerDivergence>,
}

impl Pass<'_> {
    /// Runs all models over all windows.
    ///
    /// # Errors
    /// Those of the networks; logits that are not finite; a cancelled task.
    pub(crate) fn run(mut self, task: Task<'_>, listener: &dyn Listener) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::default(); self.entrants.len()];
        let batch = self.batch();
        let steps: usize = self.entrants.iter().map(|e| e.network.layers() as usize + 1).sum();
        let all = steps * self.windows.len().div_ceil(batch);
        let mut done = 0;
        let mut at = 0;
        while at < self.windows.len() {
            let count = batch.min(self.windows.len() - at);
            let states = self.states(at, count, &mut outcomes, &mut done, all, task, listener)?;
            let entrants = self.entrants.len();
            let say = |part: usize| listener.progress(done * PARTS + entrants * part, all * PARTS, "output");
            self.heads(at, &states, &mut outcomes, task, &say)?;
            done += self.entrants.len();
            at += count;
        }
        listener.progress(all * PARTS, all * PARTS, "output");
        if let Some(writer) = self.save.take() {
            writer.finish()?;
        }
        Ok(outcomes)
    }

    /// Windows of a batch.
    fn batch(&self) -> usize {
        let width = self.entrants.iter().map(|e| e.network.width()).max().unwrap_or(1).max(1) as u64;
        let share = self.windows.scored.len() as f64 / self.windows.length.max(1) as f64;
        let kept = (self.entrants.len() as f64 * share).ceil() as u64;
        let token = width * size_of::<f32>() as u64 * (FLOATS_PER_WIDTH + kept);
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

    /// The final states of the scored positions of a batch, for each model.
    #[allow(clippy::too_many_arguments, reason = "the state of a loop, used once")]
    fn states(
        &self,
        at: usize,
        count: usize,
        outcomes: &mut [Outcome],
        done: &mut usize,
        all: usize,
        task: Task<'_>,
        listener: &dyn Listener,
    ) -> Result<Vec<Vec<f32>>> {
        let inputs = &self.windows.inputs[at..at + count];
        let mut kept: Option<Kept> = None;
        let mut states = vec![Vec::new(); self.entrants.len()];
        for i in self.order() {
            let entrant = &self.entrants[i];
            let network = entrant.network;
            let in_model = |e: ModelError| e.in_file(entrant.path);
            let before = *done;
            let say = |layer: usize, layers: usize| {
                let layer = layer.min(layers);
                listener.progress((before + layer) * PARTS, all * PARTS, entrant.label);
            };
            let task = Task { progress: &say, ..task };
            let mut heard = |layer, d: &LayerDivergence| listener.layer(entrant.path, layer, d);
            let is_base = matches!(self.base, Base::Entrant(b) if b == i) && self.entrants.len() > 1;
            let hidden = if is_base {
                let (width, layers) = (network.width(), network.layers() as usize);
                let mut keep = Kept::new(count * self.windows.length, width, layers, self.memory / 8);
                let hidden = network.states(inputs, task, &mut keep).map_err(in_model)?;
                kept = Some(keep);
                hidden
            } else if let Some(kept) = &kept {
                let mut compare = Compare { kept, layers: &mut outcomes[i].layers, heard: &mut heard };
                network.states(inputs, task, &mut compare).map_err(in_model)?
            } else {
                network.states(inputs, task, &mut ()).map_err(in_model)?
            };
            if task.is_cancelled() {
                return Err(cancelled());
            }
            let width = network.width();
            if hidden.len() != count * self.windows.length * width {
                return Err(ModelError::bad("the network gave a wrong number of states").in_file(entrant.path));
            }
            let scored = &self.windows.scored;
            for window in hidden.chunks_exact(self.windows.length * width) {
                states[i].extend_from_slice(&window[scored.start * width..scored.end * width]);
            }
            *done += network.layers() as usize;
        }
        Ok(states)
    }

    /// Makes the logits of a batch in blocks of positions, and scores them.
    fn heads(
        &mut self,
        at: usize,
        states: &[Vec<f32>],
        outcomes: &mut [Outcome],
        task: Task<'_>,
        say: &dyn Fn(usize),
    ) -> Result<()> {
        let order = self.order();
        let Some(first) = order.first() else { return Ok(()) };
        let vocabulary = self.entrants[*first].network.vocabulary();
        let positions = states[*first].len() / self.entrants[*first].network.width().max(1);
        let scored = self.windows.scored.len();
        let block = self.block(vocabulary);
        let quiet = Task { progress: &|_, _| {}, ..task };
        let (mut base_logits, mut own_logits) = (Vec::new(), Vec::new());
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
                let saves = self.save.is_some() && (is_base || self.entrants.len() == 1);
                if saves || is_base && self.rounded {
                    let rows = LogitRows::round(logits, vocabulary);
                    if let Some(writer) = self.save.as_mut().filter(|_| saves) {
                        writer.push(&rows)?;
                    }
                    rounded = rounded.or(Some(rows).filter(|_| is_base && self.rounded));
                }
            }
            say((from + count) * PARTS / positions.max(1));
        }
        Ok(())
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
