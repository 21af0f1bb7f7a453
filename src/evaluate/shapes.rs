//! The values of one tensor in the baseline and in a variant: histograms of both and of the error, from a sample of pieces.
//!
//! Pieces are spread evenly over the tensor; the same elements of both are decoded.

use super::set::Set;
use crate::model::{Cut, ModelError, Result, TensorEntry};
use crate::transform::decode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bars of a histogram.
const BARS: usize = 64;
/// Elements that are looked at, at most: enough for shares down to one in 100,000, and a fraction of a second.
const MOST: u64 = 1 << 20;
/// Elements of a piece.
const PIECE: u64 = 32 << 10;
/// Histograms reach so many standard deviations from the mean, at most: a few outliers do not squeeze the rest into one bar.
const REACH: f64 = 6.0;

/// Values of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueShape {
    /// The least finite value.
    pub min: f64,
    /// The greatest finite value.
    pub max: f64,
    /// Counts of equal steps of the range; what lies outside is counted at its ends.
    pub bars: Vec<u64>,
}

/// A tensor in the baseline and in a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorShapes {
    /// Elements looked at.
    pub seen: u64,
    /// Elements there are.
    pub elems: u64,
    /// What the bars of the weights cover.
    pub range: (f64, f64),
    /// What those of the error cover.
    pub error_range: (f64, f64),
    /// The weights of the baseline.
    pub base: ValueShape,
    /// The weights of the variant.
    pub here: ValueShape,
    /// The variant minus the baseline.
    pub error: ValueShape,
    /// Weights that are not zero in the baseline and zero in the variant.
    pub zeroed: u64,
    /// Root mean square of the error.
    pub rmse: f64,
    /// Values that are not finite in one of the two.
    pub not_finite: u64,
}

impl Set {
    /// The values of the tensor in row `row` of the comparison, in the baseline and in a variant.
    ///
    /// # Errors
    /// A tensor that the variant does not have in this shape; those of reading; cancelled.
    pub(crate) fn shapes(&self, row: usize, variant: usize, cancel: &AtomicBool) -> Result<TensorShapes> {
        let pair = self.pairs.iter().find(|p| p.row == row);
        let other = pair.and_then(|p| p.others.iter().find(|(v, _)| *v == variant).map(|(_, t)| (&p.base, t)));
        match other {
            Some((base, here)) => of(base, here, cancel),
            None => Err(ModelError::request("the models do not both have this tensor")),
        }
    }
}

fn of(base: &TensorEntry, here: &TensorEntry, cancel: &AtomicBool) -> Result<TensorShapes> {
    let cut = Cut::of(base, PIECE);
    let (pieces, wanted) = (cut.pieces(), MOST / PIECE);
    let taken = pieces.min(wanted);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let (mut raw, mut values) = (Vec::new(), Vec::new());
    for i in 0..taken {
        if cancel.load(Ordering::Relaxed) {
            return Err(ModelError::request("cancelled"));
        }
        // Spread evenly; all of them where there are few.
        let piece = cut.piece(i * pieces / taken.max(1));
        let len = usize::try_from(piece.elems()).unwrap_or(0);
        for (entry, all) in [(base, &mut a), (here, &mut b)] {
            values.clear();
            values.resize(len, 0.0);
            decode(entry, &piece, &mut raw, &mut values)?;
            all.extend_from_slice(&values);
        }
    }
    Ok(compare(&a, &b, base.shape.elems().unwrap_or(0)))
}

fn compare(base: &[f32], here: &[f32], elems: u64) -> TensorShapes {
    let pairs = || base.iter().zip(here).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let finite = || pairs().filter(|(a, b)| a.is_finite() && b.is_finite());
    let n = finite().count();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n.max(1) as f64;
    let center = mean(&mut finite().map(|(a, _)| a));
    let std = mean(&mut finite().map(|(a, _)| (a - center) * (a - center))).sqrt();
    let rmse = mean(&mut finite().map(|(a, b)| (a - b) * (a - b))).sqrt();
    let within = |values: &mut dyn Iterator<Item = f64>, center: f64, reach: f64| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        (low.max(center - reach), high.min(center + reach))
    };
    let range = within(&mut finite().flat_map(|(a, b)| [a, b]), center, REACH * std);
    let error_range = within(&mut finite().map(|(a, b)| b - a), 0.0, REACH * rmse);
    TensorShapes {
        seen: base.len() as u64,
        elems,
        range,
        error_range,
        base: shape(finite().map(|(a, _)| a), range),
        here: shape(finite().map(|(_, b)| b), range),
        error: shape(finite().map(|(a, b)| b - a), error_range),
        zeroed: finite().filter(|(a, b)| *a != 0.0 && *b == 0.0).count() as u64,
        rmse,
        not_finite: (base.len() - n) as u64,
    }
}

fn shape(values: impl Iterator<Item = f64>, (low, high): (f64, f64)) -> ValueShape {
    let mut shape = ValueShape { min: f64::INFINITY, max: f64::NEG_INFINITY, bars: vec![0; BARS] };
    for v in values {
        (shape.min, shape.max) = (shape.min.min(v), shape.max.max(v));
        let at = if high > low { (v - low) / (high - low) * BARS as f64 } else { BARS as f64 / 2.0 };
        shape.bars[(at.max(0.0) as usize).min(BARS - 1)] += 1;
    }
    if shape.min > shape.max {
        (shape.min, shape.max) = (0.0, 0.0);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn both_distributions_and_the_error_are_counted() {
        let base: Vec<f32> = (0..1000u16).map(|i| f32::from(i) / 500.0 - 1.0).collect();
        // Rounded to whole numbers: half of the values become zero.
        let here: Vec<f32> = base.iter().map(|v| v.round()).collect();
        let models = [&base, &here].map(|values| vec![MemoryRows::f32_vector("t", values)]);
        let set = Set::of(models.into(), 0).unwrap();
        let never = AtomicBool::new(false);
        let shapes = set.shapes(0, 1, &never).unwrap();
        assert_eq!((shapes.seen, shapes.elems, shapes.not_finite), (1000, 1000, 0));
        assert_eq!((shapes.here.min, shapes.here.max), (-1.0, 1.0));
        assert_eq!(shapes.here.bars.iter().filter(|n| **n > 0).count(), 3, "three values are left");
        assert!(shapes.base.bars.iter().all(|n| (14..=17).contains(n)), "{:?}", shapes.base.bars);
        assert_eq!(shapes.base.bars.iter().sum::<u64>(), 1000);
        assert!((490..=500).contains(&shapes.zeroed) && (shapes.error.max - 0.5).abs() < 0.01, "{shapes:?}");
        assert!((shapes.rmse - 1.0 / 12f64.sqrt()).abs() < 0.01);
        assert!(set.shapes(7, 1, &never).is_err());
        assert!(set.shapes(0, 1, &AtomicBool::new(true)).is_err(), "it can be cancelled");
    }

    #[test]
    fn what_is_not_finite_is_counted_and_left_out() {
        let shapes = compare(&[1.0, f32::NAN, 0.0, 0.0], &[1.0, 1.0, f32::INFINITY, 0.0], 4);
        assert_eq!((shapes.not_finite, shapes.rmse, shapes.error_range), (2, 0.0, (0.0, 0.0)));
        assert_eq!(compare(&[], &[], 0).base.min, 0.0);
    }
}
