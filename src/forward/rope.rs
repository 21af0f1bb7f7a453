//! Rotary position embedding: angles, and the rotation of queries and keys.
//!
//! Angles are computed in f64 from the frequencies of `arch`, with the factors of GGUF's `rope_freqs` and `rope_factors_*`.

use super::spec::RopeSpec;
use crate::arch::{Frequencies, Position, YARN_TURNS};
use crate::model::Result;
use candle_core::{D, Device, Tensor};

/// Cosines and sines of positions, positions × (rotated elements / 2).
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
    dimensions: usize,
    position: Position,
}

impl Angles {
    /// For these positions. `factors` divide the frequencies; `windowed` chooses the base of layers with a window, whose positions are
    /// never scaled.
    pub(super) fn new(
        spec: &RopeSpec,
        position: Position,
        positions: &[usize],
        factors: Option<&[f32]>,
        windowed: bool,
        device: &Device,
    ) -> Result<Self> {
        let half = spec.dimensions / 2;
        let base = if windowed { spec.base_window } else { spec.base };
        let scaling = spec.scaling.filter(|_| !windowed);
        let rotation = Frequencies {
            dimensions: spec.dimensions,
            base,
            scaling,
            factors,
            original_context: spec.original_context,
            turns: YARN_TURNS,
        };
        let (frequencies, scale) = (rotation.all(), spec.attention_factor * rotation.magnitude());
        let (mut cos, mut sin) =
            (Vec::with_capacity(positions.len() * half), Vec::with_capacity(positions.len() * half));
        for p in positions {
            for f in &frequencies {
                let (s, c) = (*p as f64 * f).sin_cos();
                cos.push((c * scale) as f32);
                sin.push((s * scale) as f32);
            }
        }
        let shape = (positions.len(), 1, half);
        Ok(Self {
            cos: Tensor::from_vec(cos, shape, device)?,
            sin: Tensor::from_vec(sin, shape, device)?,
            dimensions: spec.dimensions,
            position,
        })
    }

    /// Rotates `x`, tokens × (heads · size).
    pub(super) fn rotate(&self, x: &Tensor, heads: usize, size: usize) -> Result<Tensor> {
        let tokens = x.dim(0)?;
        let half = self.dimensions / 2;
        let x = x.reshape((tokens, heads, size))?;
        let turned = x.narrow(D::Minus1, 0, self.dimensions)?;
        let (a, b) = match self.position {
            Position::Pairs => {
                let pairs = turned.contiguous()?.reshape((tokens, heads, half, 2))?;
                (pairs.narrow(D::Minus1, 0, 1)?.squeeze(3)?, pairs.narrow(D::Minus1, 1, 1)?.squeeze(3)?)
            }
            _ => (turned.narrow(D::Minus1, 0, half)?, turned.narrow(D::Minus1, half, half)?),
        };
        let (a, b) = (a.contiguous()?, b.contiguous()?);
        let left = (a.broadcast_mul(&self.cos)? - b.broadcast_mul(&self.sin)?)?;
        let right = (a.broadcast_mul(&self.sin)? + b.broadcast_mul(&self.cos)?)?;
        let turned = match self.position {
            Position::Pairs => Tensor::stack(&[left, right], 3)?.reshape((tokens, heads, self.dimensions))?,
            _ => Tensor::cat(&[left, right], 2)?,
        };
        let whole = if self.dimensions == size {
            turned
        } else {
            Tensor::cat(&[turned, x.narrow(D::Minus1, self.dimensions, size - self.dimensions)?], 2)?
        };
        Ok(whole.reshape((tokens, heads * size))?)
    }
}
