//! Norms, as elementwise operations: candle's fused ones record no gradients.

use super::weights::Weights;
use crate::arch::Norm;
use crate::model::{ModelError, Result};
use candle_core::{D, Tensor};

/// The norm whose weight is `NAME.weight`, over the last dimension of `x`.
pub(super) fn norm(weights: &dyn Weights, x: &Tensor, name: &str, kind: Norm, epsilon: f64) -> Result<Tensor> {
    let full = format!("{name}.weight");
    let weight = weights
        .vector(&full)?
        .ok_or_else(|| ModelError::bad("a tensor that the network needs is missing").field(full))?;
    let centred = match kind {
        Norm::Rms => x.clone(),
        Norm::Layer => x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?,
    };
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let scaled = centred.broadcast_mul(&(variance + epsilon)?.sqrt()?.recip()?)?.broadcast_mul(&weight)?;
    match weights.vector(&format!("{name}.bias"))? {
        Some(bias) if kind == Norm::Layer => Ok(scaled.broadcast_add(&bias)?),
        _ => Ok(scaled),
    }
}
