//! Runs a network with one tensor in another type, and compares what it says with what it said before.

use super::encoded::encoded;
use crate::forecast::Subject;
use crate::forward::{Forward, Observer};
use crate::model::{ModelError, Result};
use crate::quality::{BaseRow, score};
use crate::quant::{Effort, Encoding};
use crate::task::{Task, collected, locked};
use std::sync::Mutex;

/// Most bytes of logits and of states that are kept of the network as it is.
const KEPT_BYTES: usize = 512 << 20;
/// Positions whose logits are computed together.
const BLOCK: usize = 256;

/// What a network says of some tokens, and what it is in between.
pub(super) struct Reference<'a> {
    forward: &'a Forward,
    sequences: Vec<Vec<u32>>,
    /// Rows of the states whose logits are compared.
    positions: Vec<usize>,
    logits: Vec<f32>,
    states: Vec<f32>,
    /// The state before some layers, by layer.
    before: Vec<(u32, Vec<f32>)>,
}

/// Keeps the state before every n-th layer.
struct Keep {
    every: u32,
    before: Vec<(u32, Vec<f32>)>,
}

impl Observer for Keep {
    fn wants_layers(&self) -> bool {
        true
    }

    fn layer(&mut self, layer: u32, layers: u32, hidden: &[f32]) -> Result<()> {
        let next = layer + 1;
        if next < layers && next.is_multiple_of(self.every) {
            self.before.push((next, hidden.to_vec()));
        }
        Ok(())
    }
}

impl<'a> Reference<'a> {
    /// Runs the network as it is.
    ///
    /// # Errors
    /// Those of the forward pass; no tokens.
    pub(super) fn new(forward: &'a Forward, sequences: Vec<Vec<u32>>, task: Task<'_>) -> Result<Self> {
        let quiet = Task { progress: &|_, _| {}, ..task };
        let tokens: usize = sequences.iter().map(Vec::len).sum();
        if tokens == 0 {
            return Err(ModelError::request("there are no tokens to measure with"));
        }
        let state_bytes = tokens * forward.width() * 4;
        let layers_kept = (KEPT_BYTES / 2 / state_bytes.max(1)).max(1);
        let every = (forward.layers() as usize).div_ceil(layers_kept).max(1);
        let mut keep = Keep { every: u32::try_from(every).unwrap_or(u32::MAX), before: Vec::new() };
        let states = forward.states(&sequences, quiet, &mut keep)?;
        // Evenly spread, where all together would take too much memory.
        let most = (KEPT_BYTES / 2 / (forward.vocabulary() * 4).max(1)).clamp(1, tokens);
        let positions: Vec<usize> = (0..most).map(|i| i * tokens / most).collect();
        let mut reference = Self { forward, sequences, positions, logits: Vec::new(), states, before: keep.before };
        reference.logits = reference.all_logits(forward, &reference.states, quiet)?;
        if reference.logits.iter().any(|l| !l.is_finite()) {
            return Err(ModelError::bad("the network gives logits that are not finite"));
        }
        Ok(reference)
    }

    /// Positions that are compared.
    pub(super) fn positions(&self) -> usize {
        self.positions.len()
    }

    fn chosen(&self, states: &[f32], range: std::ops::Range<usize>) -> Vec<f32> {
        let width = self.forward.width();
        self.positions[range].iter().flat_map(|p| states[p * width..(p + 1) * width].iter().copied()).collect()
    }

    fn all_logits(&self, forward: &Forward, states: &[f32], task: Task<'_>) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        forward.logits(&self.chosen(states, 0..self.positions.len()), task, &mut (), &mut out)?;
        Ok(out)
    }

    /// The mean KL divergence, in nats, of the network with `subject` in type `encoding` from the network as it is.
    ///
    /// # Errors
    /// Those of the forward pass; a type that the tensor cannot have.
    pub(super) fn divergence(
        &self,
        subject: &Subject,
        encoding: Encoding,
        effort: Effort,
        task: Task<'_>,
    ) -> Result<f64> {
        self.group(&[(subject.clone(), encoding)], effort, task)
    }

    /// The mean KL divergence, in nats, of the network with all `changes` from the network as it is. The layers before the first change are not
    /// computed again.
    ///
    /// # Errors
    /// Those of the forward pass; a type that a tensor cannot have.
    pub(super) fn group(&self, changes: &[(Subject, Encoding)], effort: Effort, task: Task<'_>) -> Result<f64> {
        let each = self.whole(changes, effort, task)?;
        let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
        // Rounding leaves tiny negative numbers where nothing is lost.
        if mean.is_finite() { Ok(mean.max(0.0)) } else { Ok(f64::INFINITY) }
    }

    /// The KL divergence, in nats, at each position of the network with all `changes` from the network as it is.
    ///
    /// # Errors
    /// Those of the forward pass; a type that a tensor cannot have.
    pub(super) fn whole(&self, changes: &[(Subject, Encoding)], effort: Effort, task: Task<'_>) -> Result<Vec<f64>> {
        let quiet = Task { progress: &|_, _| {}, ..task };
        let mut tensors = changes.iter().map(|(subject, e)| encoded(subject, *e, effort));
        let Some(first) = tensors.next() else { return Ok(vec![0.0; self.positions.len()]) };
        let changed = tensors.fold(self.forward.with_tensor(first), |forward, tensor| forward.with_tensor(tensor));
        let states;
        let states = match first_layer(changes) {
            // The output matrix alone.
            u32::MAX => &self.states,
            layer => {
                let kept = self.before.iter().rev().find(|(at, _)| *at <= layer);
                states = match kept {
                    Some((at, hidden)) => changed.states_from(*at, hidden, &self.sequences, quiet)?,
                    None => changed.states(&self.sequences, quiet, &mut ())?,
                };
                &states
            }
        };
        self.against(&changed, states, task)
    }

    /// The KL divergence at each position, from the final states of a changed network.
    fn against(&self, changed: &Forward, states: &[f32], task: Task<'_>) -> Result<Vec<f64>> {
        let quiet = Task { progress: &|_, _| {}, ..task };
        let vocabulary = self.forward.vocabulary();
        let mut all = Vec::with_capacity(self.positions.len());
        let mut logits = Vec::new();
        for start in (0..self.positions.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(self.positions.len());
            changed.logits(&self.chosen(states, start..end), quiet, &mut (), &mut logits)?;
            let each: Vec<Mutex<f64>> = (start..end).map(|_| Mutex::new(f64::NAN)).collect();
            quiet.each::<(), ModelError>(end - start, |i, ()| {
                let row = |all: &[f32], at: usize| -> std::ops::Range<usize> {
                    let at = at * vocabulary;
                    at..(at + vocabulary).min(all.len())
                };
                let base = &self.logits[row(&self.logits, start + i)];
                let position = score(&logits[row(&logits, i)], Some(BaseRow::Logits(base)), 0);
                if let Some(against) = position.and_then(|p| p.against) {
                    *locked(&each[i]) = against.kld;
                }
                Ok(())
            })?;
            if task.is_cancelled() {
                return Err(ModelError::request("cancelled"));
            }
            all.extend(each.into_iter().map(collected));
        }
        Ok(all)
    }
}

/// The first layer that a change reaches; the largest number if only the output matrix is changed.
fn first_layer(changes: &[(Subject, Encoding)]) -> u32 {
    let of = |(subject, _): &(Subject, Encoding)| match subject.entry.layer() {
        None if subject.entry.name.as_str() == "output.weight" => u32::MAX,
        layer => layer.unwrap_or(0),
    };
    changes.iter().map(of).min().unwrap_or(u32::MAX)
}
