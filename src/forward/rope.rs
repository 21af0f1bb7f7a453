//! Rotary position embedding: angles, and the rotation of queries and keys.
//!
//! Angles are computed in f64. Sources: RoFormer (arXiv:2104.09864), YaRN (arXiv:2309.00071, section 3) with the constants of
//! llama.cpp (`ggml_compute_forward_rope`), frequency factors as in GGUF's `rope_freqs` and `rope_factors_*`.

use super::spec::{RopeSpec, Scaling};
use crate::arch::Position;
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
        let scaling = spec.scaling.as_ref().filter(|_| !windowed);
        let (frequencies, scale) = frequencies(spec, base, scaling, factors);
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

/// Angle per position of each pair, and the factor of cosines and sines.
fn frequencies(spec: &RopeSpec, base: f64, scaling: Option<&Scaling>, factors: Option<&[f32]>) -> (Vec<f64>, f64) {
    let dims = spec.dimensions as f64;
    let plain = |i: usize| {
        let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |f| f64::from(*f));
        base.powf(-2.0 * i as f64 / dims) / factor
    };
    let all = 0..spec.dimensions / 2;
    match scaling {
        None => (all.map(plain).collect(), spec.attention_factor),
        Some(Scaling::Linear(factor)) => (all.map(|i| plain(i) / factor).collect(), spec.attention_factor),
        Some(Scaling::Yarn(factor)) => {
            let original = spec.original_context.unwrap_or(4096) as f64;
            // The pair that turns `turns` times in the original context.
            let pair = |turns: f64| dims * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * base.ln());
            let low = pair(32.0).floor().max(0.0);
            let high = pair(1.0).ceil().min(dims - 1.0);
            let ramp = |i: usize| 1.0 - ((i as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
            let mixed = |i: usize| plain(i) / factor * (1.0 - ramp(i)) + plain(i) * ramp(i);
            (all.map(mixed).collect(), spec.attention_factor * (1.0 + 0.1 * factor.ln()))
        }
    }
}
