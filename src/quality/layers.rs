//! How far the hidden state of a model is from the baseline's after every layer.
//!
//! The baseline's hidden states are kept until the other models have been run on the same windows. That is layers × tokens × width values, so
//! beyond a limit only every n-th token is kept and compared ([`LayerDivergence::tokens`] says how many).

use crate::forward::Observer;
use crate::model::Result;

/// The baseline's hidden states of some tokens, by layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    width: usize,
    tokens: usize,
    /// Every `step`-th token is kept.
    step: usize,
    layers: Vec<Vec<f32>>,
}

impl Kept {
    /// For so many tokens of `layers` layers, in at most `limit` bytes.
    pub(super) fn new(tokens: usize, width: usize, layers: usize, limit: u64) -> Self {
        let each = (width.max(1) * layers.max(1) * size_of::<f32>()) as u64;
        let most = usize::try_from(limit / each).unwrap_or(usize::MAX).max(1);
        // Odd, so that it does not always meet the same positions of windows, whose lengths are mostly powers of two.
        let step = if tokens > most { tokens.div_ceil(most) | 1 } else { 1 };
        Self { width, tokens, step, layers: Vec::with_capacity(layers) }
    }

    /// Tokens that are kept.
    #[cfg(test)]
    pub(super) fn sampled(&self) -> usize {
        self.tokens.div_ceil(self.step)
    }

    /// The rows of each layer so far.
    pub(super) fn rows_by_layer(&self) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().map(Vec::as_slice)
    }

    /// Adds the rows of the next layer; `None` if they are not as many as there should be.
    pub(super) fn push(&mut self, rows: Vec<f32>) -> Option<()> {
        let wanted = self.tokens.div_ceil(self.step) * self.width;
        self.layers.push(Some(rows).filter(|r| r.len() == wanted)?);
        Some(())
    }

    fn rows<'a>(&self, hidden: &'a [f32]) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        hidden.chunks_exact(self.width.max(1)).step_by(self.step)
    }
}

impl Observer for Kept {
    fn wants_layers(&self) -> bool {
        true
    }

    fn layer(&mut self, _: u32, _: u32, hidden: &[f32]) -> Result<()> {
        let rows = self.rows(hidden).flatten().copied().collect();
        self.layers.push(rows);
        Ok(())
    }
}

/// What is known of one layer so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LayerDivergence {
    /// Sum over tokens of the squared relative error.
    square: f64,
    /// Sum over tokens of the cosine.
    cosine: f64,
    /// Tokens.
    pub tokens: usize,
}

impl LayerDivergence {
    /// Root mean square over tokens of the length of the difference, relative to the length of the baseline's hidden state. A mean over
    /// tokens: the few tokens whose hidden state is a thousand times longer do not decide it.
    pub(crate) fn relative_rms(&self) -> f64 {
        (self.square / self.tokens.max(1) as f64).sqrt()
    }

    /// Mean over tokens of the cosine between the two hidden states.
    pub(crate) fn cosine(&self) -> f64 {
        self.cosine / self.tokens.max(1) as f64
    }

    /// Bytes of one on disk.
    pub(super) const BYTES: usize = 24;

    /// As it is kept on disk.
    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.square.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.cosine.to_le_bytes());
        bytes[16..].copy_from_slice(&(self.tokens as u64).to_le_bytes());
        bytes
    }

    /// From disk.
    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let [square, cosine, tokens] = words else { return Self::default() };
        Self {
            square: f64::from_le_bytes(*square),
            cosine: f64::from_le_bytes(*cosine),
            tokens: usize::try_from(u64::from_le_bytes(*tokens)).unwrap_or(0),
        }
    }

    fn add(&mut self, base: &[f32], here: &[f32]) {
        let (mut bb, mut hh, mut bh, mut dd) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
        for (b, h) in base.iter().zip(here) {
            let (b, h) = (f64::from(*b), f64::from(*h));
            bb += b * b;
            hh += h * h;
            bh += b * h;
            dd += (b - h) * (b - h);
        }
        if bb > 0.0 && hh > 0.0 {
            self.square += dd / bb;
            self.cosine += (bh / (bb * hh).sqrt()).clamp(-1.0, 1.0);
            self.tokens += 1;
        }
    }
}

/// Compares the layers of a model with those that were kept, and says each when it is done.
pub(super) struct Compare<'a> {
    pub kept: &'a Kept,
    /// Over all windows so far.
    pub layers: &'a mut Vec<LayerDivergence>,
    pub heard: &'a mut dyn FnMut(u32, &LayerDivergence),
}

impl Observer for Compare<'_> {
    fn wants_layers(&self) -> bool {
        true
    }

    fn layer(&mut self, layer: u32, _: u32, hidden: &[f32]) -> Result<()> {
        let at = layer as usize;
        let Some(base) = self.kept.layers.get(at) else { return Ok(()) };
        if hidden.len() != self.kept.tokens * self.kept.width {
            return Ok(());
        }
        if self.layers.len() <= at {
            self.layers.resize(at + 1, LayerDivergence::default());
        }
        let rows = base.chunks_exact(self.kept.width.max(1)).zip(self.kept.rows(hidden));
        rows.for_each(|(b, h)| self.layers[at].add(b, h));
        (self.heard)(layer, &self.layers[at]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_a_mean_over_tokens() {
        let mut kept = Kept::new(2, 2, 1, 1 << 20);
        assert_eq!(kept.sampled(), 2);
        kept.layer(0, 1, &[1000.0, 0.0, 0.0, 1.0]).unwrap();
        let mut layers = Vec::new();
        let mut heard = Vec::new();
        let mut say = |layer, d: &LayerDivergence| heard.push((layer, d.relative_rms()));
        let mut compare = Compare { kept: &kept, layers: &mut layers, heard: &mut say };
        compare.layer(0, 1, &[1000.0, 0.0, 1.0, 0.0]).unwrap();
        // The long token is equal, the short one at a right angle: error √2 of one of two tokens.
        assert!((layers[0].relative_rms() - 1.0).abs() < 1e-12);
        assert!((layers[0].cosine() - 0.5).abs() < 1e-12);
        assert_eq!(heard.len(), 1);
    }

    #[test]
    fn beyond_the_limit_tokens_are_sampled() {
        let mut kept = Kept::new(100, 4, 2, 10 * 4 * 2 * 4);
        assert_eq!((kept.step, kept.sampled()), (11, 10));
        kept.layer(0, 2, &vec![1.0; 400]).unwrap();
        assert_eq!(kept.layers[0].len(), 40);
        assert_eq!(Kept::new(100, 4, 2, 0).sampled(), 1);
    }
}
