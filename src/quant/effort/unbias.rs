//! Blocks that do not shrink their elements: Σ w·x·y = Σ w·x².
//!
//! The values of least square error are, on the whole, nearer to zero than the elements: Σ w·x·y is less than Σ w·x² by the error itself.
//! A weight that is off by chance averages out over a row; all weights of all layers being too small by the same share does
//! not. Measured on the model of the fixtures, Q2_K without importance: the least error (1.0 dB below the reference's) gave a Kullback-Leibler
//! divergence of 0.0446 where the reference's bytes give 0.0396; the same levels under scales multiplied by Σ w·x² / Σ w·x·y, with
//! 0.3 dB more error, give 0.0345. The factors above one that the reference puts on the scales of IQ1 and IQ3 have the same effect.

use crate::quant::codec::Functions;

/// Scales a block whose elements `x` decode to `y` so that it does not shrink them. Formats without `f16` scales are left alone.
pub(super) fn unbias(functions: &Functions, x: &[f32], y: &[f32], weights: Option<&[f32]>, block: &mut [u8]) {
    const LANES: usize = 8;
    /// Beyond this the block does not resemble its elements, and no factor changes that.
    const MAX_FACTOR: f64 = 2.0;
    let (mut xx, mut xy) = ([0f64; LANES], [0f64; LANES]);
    for (g, (x, y)) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0).enumerate() {
        let w = weights.map_or(&[1.0; LANES], |w| &w.as_chunks::<LANES>().0[g]);
        for i in 0..LANES {
            let wx = f64::from(w[i]) * f64::from(x[i]);
            xx[i] += wx * f64::from(x[i]);
            xy[i] += wx * f64::from(y[i]);
        }
    }
    let factor = xx.iter().sum::<f64>() / xy.iter().sum::<f64>();
    if (1.0 / MAX_FACTOR..=MAX_FACTOR).contains(&factor) {
        (functions.multiply_scales)(block, factor as f32);
    }
}
