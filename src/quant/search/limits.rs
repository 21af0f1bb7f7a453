//! Limits of the reference that the searches share.

/// Below this magnitude a group counts as all zero (`GROUP_MAX_EPS`).
pub(in crate::quant) const ALL_ZERO: f32 = 1e-15;
