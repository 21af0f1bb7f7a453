//! Text, token by token: a pass that keeps keys and values.

use super::cache::LayerCache;
use super::layer::Context;
use super::weights::floats;
use super::{Forward, Sequence};
use crate::model::Result;
use crate::task::Task;

/// A sequence that grows.
pub(crate) struct Session<'a> {
    forward: &'a Forward,
    layers: Vec<LayerCache>,
    seen: usize,
}

impl<'a> Session<'a> {
    /// Without a token.
    pub(crate) fn new(forward: &'a Forward) -> Self {
        Self { forward, layers: (0..forward.spec.layers).map(|_| LayerCache::default()).collect(), seen: 0 }
    }

    /// Appends tokens, and gives the logits after the last of them.
    ///
    /// # Errors
    /// As [`Forward::states`].
    pub(crate) fn push(&mut self, tokens: &[u32], task: Task<'_>) -> Result<Vec<f32>> {
        let (mut nothing, mut none) = ((), Vec::new());
        let forward = self.forward;
        let weights = forward.weights(task, &mut nothing)?;
        let weights = weights.as_ref();
        let positions: Vec<usize> = (self.seen..self.seen + tokens.len()).collect();
        let angles = forward.angles(weights, &positions, self.seen + tokens.len())?;
        let sequences: Vec<Sequence> = Vec::new();
        let context = Context { weights, spec: &forward.spec, sequences: &sequences, angles: angles.as_ref() };
        let mut x = forward.embed(&context, tokens, &positions)?;
        for (layer, cache) in (0u32..).zip(&mut self.layers) {
            x = context.layer(&x, layer, Some(cache))?;
        }
        let states = floats(&context.norm(&x, "output_norm")?)?;
        self.seen += tokens.len();
        let last = states.len().saturating_sub(forward.spec.width);
        forward.logits(&states[last..], task, &mut (), &mut none)?;
        Ok(none)
    }
}
