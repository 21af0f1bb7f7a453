//! What a pass has computed, kept on disk so that another process continues after the last layer that was done.
//!
//! Kept are: the scored positions of the batches that are done; of the batch at work the hidden state after the last layer, the final states
//! of the models that are done, and the baseline's hidden states for the comparison of layers. All of it is part of [`Pass::memory`].
//! Values are kept to the bit, so that the figures are those of a pass that was not interrupted.

use super::super::layers::{Kept, LayerDivergence};
use super::super::statistics::{Against, Position, Positions};
use super::{Base, Outcome, Pass};
use crate::files::{Checkpoint, Content, Part};

/// Where a pass is, with everything that it needs to go on from there.
#[derive(Default)]
pub(super) struct State {
    /// The first window of the batch.
    pub(super) at: usize,
    /// Models whose layers are done for this batch, in the order in which they are run.
    pub(super) turn: usize,
    /// The last layer that is done of the next model.
    pub(super) layer: Option<u32>,
    /// The hidden state after that layer.
    pub(super) hidden: Vec<f32>,
    /// The baseline's hidden states of this batch.
    pub(super) kept: Option<Kept>,
    /// Final states of the scored positions of this batch, by model.
    pub(super) states: Vec<Vec<f32>>,
    /// What was measured of the batches before, and the divergence of this one, by model.
    pub(super) outcomes: Vec<Outcome>,
}

impl State {
    /// The beginning.
    pub(super) fn new(models: usize) -> Self {
        Self { states: vec![Vec::new(); models], outcomes: vec![Outcome::default(); models], ..Self::default() }
    }

    /// Goes to the next batch.
    pub(super) fn next_batch(&mut self, windows: usize) {
        self.at += windows;
        (self.turn, self.layer, self.kept) = (0, None, None);
        self.hidden.clear();
        self.states.iter_mut().for_each(Vec::clear);
    }

    /// Keeps it on disk.
    pub(super) fn save(&self, order: &[usize], checkpoint: &Checkpoint) {
        let (at, turn) = (self.at, self.turn);
        let done = self.layer.map_or(0, |l| u64::from(l) + 1);
        let place = format!("w{at}-t{turn}-l{done}");
        let mut parts: Vec<Part<'_>> = vec![
            (format!("w{at}-positions"), Content::Bytes(self.positions().into())),
            (format!("{place}-divergence"), Content::Bytes(self.divergence().into())),
        ];
        if done > 0 {
            parts.push((format!("{place}-hidden"), Content::Floats(&self.hidden)));
        }
        for (l, rows) in self.kept.iter().flat_map(Kept::rows_by_layer).enumerate() {
            parts.push((format!("w{at}-kept-{l}"), Content::Floats(rows)));
        }
        for i in order.iter().take(turn) {
            parts.push((format!("w{at}-states-{i}"), Content::Floats(&self.states[*i])));
        }
        checkpoint.save(&[at as u64, turn as u64, done], &parts);
    }

    /// What was kept; `None` if there is nothing or if it does not fit the pass.
    pub(super) fn load(pass: &Pass<'_>, checkpoint: &Checkpoint) -> Option<Self> {
        let stored = checkpoint.load()?;
        let [at, turn, done] = stored.at[..] else { return None };
        let (at, turn) = (usize::try_from(at).ok()?, usize::try_from(turn).ok()?);
        let order = pass.order();
        let (batch, all) = (pass.batch(), pass.windows.len());
        if turn > order.len() || at > all || at < all && !at.is_multiple_of(batch) || at == all && turn > 0 {
            return None;
        }
        let (length, scored) = (pass.windows.length, pass.windows.scored.len());
        let count = batch.min(all - at);
        let mut state = Self { at, turn, ..Self::new(order.len()) };
        state.set_positions(&stored.bytes(&format!("w{at}-positions"))?, at * scored)?;
        let place = format!("w{at}-t{turn}-l{done}");
        state.set_divergence(&stored.bytes(&format!("{place}-divergence"))?)?;
        for i in order.iter().take(turn) {
            let values = stored.floats(&format!("w{at}-states-{i}"))?;
            let wanted = count * scored * pass.entrants[*i].network.width();
            state.states[*i] = Some(values).filter(|v| v.len() == wanted)?;
        }
        let mut base_layers = 0;
        if let (Base::Entrant(base), true) = (pass.base, order.len() > 1) {
            let network = pass.entrants[base].network;
            base_layers = if turn == 0 { done } else { u64::from(network.layers()) };
            if base_layers > 0 && at < all {
                let mut kept = pass.kept(count, network);
                for l in 0..base_layers {
                    kept.push(stored.floats(&format!("w{at}-kept-{l}"))?)?;
                }
                state.kept = Some(kept);
            }
        }
        if done > 0 {
            let network = pass.entrants[*order.get(turn)?].network;
            let layer = u32::try_from(done - 1).ok().filter(|l| *l < network.layers())?;
            let hidden = stored.floats(&format!("{place}-hidden"))?;
            state.hidden = Some(hidden).filter(|h| h.len() == count * length * network.width())?;
            state.layer = Some(layer);
        }
        debug_assert!(base_layers == 0 || state.kept.is_some() || at == all);
        Some(state)
    }

    fn positions(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for outcome in &self.outcomes {
            bytes.extend((outcome.positions.0.len() as u64).to_le_bytes());
            outcome.positions.0.iter().for_each(|p| bytes.extend(encoded(p)));
        }
        bytes
    }

    fn set_positions(&mut self, mut bytes: &[u8], wanted: usize) -> Option<()> {
        for outcome in &mut self.outcomes {
            let count = u64::from_le_bytes(take(&mut bytes)?);
            if count != wanted as u64 {
                return None;
            }
            let read = |_| decoded(&take::<POSITION>(&mut bytes)?);
            outcome.positions = Positions((0..wanted).map(read).collect::<Option<_>>()?);
        }
        bytes.is_empty().then_some(())
    }

    fn divergence(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for outcome in &self.outcomes {
            bytes.extend((outcome.layers.len() as u64).to_le_bytes());
            outcome.layers.iter().for_each(|l| bytes.extend(l.to_bytes()));
        }
        bytes
    }

    fn set_divergence(&mut self, mut bytes: &[u8]) -> Option<()> {
        for outcome in &mut self.outcomes {
            let count = u64::from_le_bytes(take(&mut bytes)?);
            if count > (bytes.len() / LayerDivergence::BYTES) as u64 {
                return None;
            }
            let read = |_| Some(LayerDivergence::from_bytes(&take(&mut bytes)?));
            outcome.layers = (0..count).map(read).collect::<Option<_>>()?;
        }
        bytes.is_empty().then_some(())
    }
}

/// Bytes of a position: three `f64`, flags, ranks.
const POSITION: usize = 26;

fn encoded(p: &Position) -> [u8; POSITION] {
    let against = p.against.unwrap_or_default();
    let flags = u8::from(p.right) | u8::from(p.against.is_some()) << 1 | u8::from(against.right) << 2;
    let mut bytes = [0; POSITION];
    for (at, value) in [p.nll, against.nll, against.kld].into_iter().enumerate() {
        bytes[at * 8..at * 8 + 8].copy_from_slice(&value.to_le_bytes());
    }
    (bytes[24], bytes[25]) = (flags, against.same);
    bytes
}

fn decoded(bytes: &[u8; POSITION]) -> Option<Position> {
    let (values, _) = bytes.as_chunks::<8>();
    let [nll, base_nll, kld] = values else { return None };
    let [nll, base_nll, kld] = [nll, base_nll, kld].map(|b| f64::from_le_bytes(*b));
    let (flags, same) = (bytes[24], bytes[25]);
    let against = Against { nll: base_nll, right: flags & 4 != 0, kld, same };
    Some(Position { nll, right: flags & 1 != 0, against: (flags & 2 != 0).then_some(against) })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_to_the_bit() {
        let against = Against { nll: 0.1, right: true, kld: -1e-9, same: 4 };
        for position in [
            Position { nll: 1.5, right: true, against: None },
            Position { nll: f64::MIN_POSITIVE, right: false, against: Some(against) },
            Position { nll: 2.0, right: true, against: Some(Against { right: false, ..against }) },
        ] {
            assert_eq!(decoded(&encoded(&position)), Some(position));
        }
    }
}
