//! Which of two encodings of a block is kept, and what that gains.

use super::unbias::unbias;
use crate::quant::block_type::BlockType;
use crate::quant::error::QuantError;
use crate::quant::part::mean_weight;
use crate::quant::quantize::dequantize_rows;

/// The noise of encoded rows: Σ w·(x − y)² over all their elements, w the importance of the column over the mean importance, or 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Noise {
    /// With the reference's bytes.
    pub(crate) reference: f64,
    /// With the bytes written.
    pub(crate) written: f64,
}

impl Noise {
    /// Adds the noise of other rows.
    pub(crate) fn add(&mut self, other: &Self) {
        self.reference += other.reference;
        self.written += other.written;
    }

    /// How far the noise is below the reference's, in dB: 10·log10(reference / written). 0 if neither has any, `None` if only
    /// the bytes written have none (an infinite gain).
    pub(crate) fn gain_db(&self) -> Option<f64> {
        if self.reference == self.written {
            return Some(0.0);
        }
        (self.written > 0.0 && self.reference.is_finite()).then(|| 10.0 * (self.reference / self.written).log10())
    }
}

/// Scales the blocks of `found` so that they do not shrink their elements, and copies those to `dst` whose error is smaller
/// than that of the block there. `mean`: the mean importance, if `weights` are not those of the whole row.
pub(super) fn better(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    mean: Option<f64>,
    found: &mut [u8],
    dst: &mut [u8],
) -> Result<Noise, QuantError> {
    let functions = ty.functions().ok_or(QuantError::NotWritable { ty })?;
    let (elems, bytes) = (ty.block_elems(), ty.block_bytes());
    let row_bytes = cols / elems * bytes;
    let mean = weights.map_or(1.0, |w| mean.unwrap_or_else(|| mean_weight(w)));
    let unit = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let (mut was, mut is) = (vec![0f32; cols], vec![0f32; cols]);
    let mut noise = Noise::default();
    let rows = src.chunks_exact(cols).zip(found.chunks_exact_mut(row_bytes)).zip(dst.chunks_exact_mut(row_bytes));
    for ((x, found), dst) in rows {
        let of = |b: usize| (b * elems..(b + 1) * elems, weights.map(|w| &w[b * elems..(b + 1) * elems]));
        dequantize_rows(ty, dst, &mut was)?;
        dequantize_rows(ty, found, &mut is)?;
        for (b, found) in found.chunks_exact_mut(bytes).enumerate() {
            let (at, w) = of(b);
            unbias(functions, &x[at.clone()], &is[at], w, found);
        }
        dequantize_rows(ty, found, &mut is)?;
        let mut row = Noise::default();
        for (b, (found, dst)) in found.chunks_exact(bytes).zip(dst.chunks_exact_mut(bytes)).enumerate() {
            let (at, w) = of(b);
            let reference = error(&x[at.clone()], &was[at.clone()], w);
            let mut written = reference;
            if found != dst {
                let e = error(&x[at.clone()], &is[at], w);
                if e < reference {
                    written = e;
                    dst.copy_from_slice(found);
                }
            }
            row.add(&Noise { reference, written });
        }
        noise.add(&Noise { reference: row.reference * unit, written: row.written * unit });
    }
    Ok(noise)
}

/// Σ w·(x − y)² in `f64`, in the order of eight running sums.
fn error(x: &[f32], y: &[f32], weights: Option<&[f32]>) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0f64; LANES];
    let (x, y) = (x.as_chunks::<LANES>().0, y.as_chunks::<LANES>().0);
    match weights {
        None => {
            for (x, y) in x.iter().zip(y) {
                for i in 0..LANES {
                    let e = f64::from(x[i]) - f64::from(y[i]);
                    sums[i] += e * e;
                }
            }
        }
        Some(w) => {
            for ((x, y), w) in x.iter().zip(y).zip(w.as_chunks::<LANES>().0) {
                for i in 0..LANES {
                    let e = f64::from(x[i]) - f64::from(y[i]);
                    sums[i] += f64::from(w[i]) * e * e;
                }
            }
        }
    }
    sums.iter().sum()
}
