//! The values of a tensor: moments, extremes, a histogram, non-finite values; and the loss of common types.
//!
//! Rows are read in short pieces and thrown away. Of a large tensor runs of rows, or of parts of rows, are read, spread evenly over it.

use super::sample::{Sample, parts_of, runs_of};
use super::score::{Buffers, score};
use super::{Score, Subject};
use crate::model::{ModelError, Piece, Result, TensorEntry};
use crate::quant::{BlockType, Effort, Encoding};
use crate::transform::decode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Elements looked at, at most (one row at least). Four million give shares down to one in 100 000, and take less than a tenth
/// of a second.
const MAX_ELEMS: u64 = 4 << 20;
/// Runs of rows in a sample.
const RUNS: u64 = 64;
/// Elements decoded at once.
const PIECE: u64 = 64 << 10;
/// Cells of the histogram.
pub(crate) const BINS: usize = 64;
/// Cells of the small histogram, which spans three standard deviations to both sides.
pub(crate) const GLANCE: usize = 7;
/// Elements behind a small histogram.
const GLANCE_ELEMS: u64 = 4096;
/// A value further from the mean than this many standard deviations is an outlier.
pub(crate) const OUTLIER_SIGMA: f64 = 6.0;

/// The types whose loss is reported.
pub(crate) const TYPES: [BlockType; 3] = [BlockType::Q4_K, BlockType::Q6_K, BlockType::Q8_0];

/// Statistics of the values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Elements looked at.
    pub seen: u64,
    /// Elements there are.
    pub elems: u64,
    /// Mean of the finite ones.
    pub mean: f64,
    /// Their standard deviation.
    pub std: f64,
    /// The least finite one.
    pub min: f64,
    /// The greatest finite one.
    pub max: f64,
    /// Zeros.
    pub zeros: u64,
    /// NaNs.
    pub nan: u64,
    /// Infinities.
    pub infinite: u64,
    /// Finite ones further than [`OUTLIER_SIGMA`] from the mean.
    pub outliers: u64,
    /// Counts of equal steps from `range.0` to `range.1`.
    pub histogram: [u64; BINS],
    /// Where the histogram begins and ends: the extremes, within the outliers' bound.
    pub range: (f64, f64),
    /// What each of [`TYPES`] loses, in dB of signal over noise; nothing where the type does not fit these rows or loses
    /// nothing.
    pub loss_db: [Option<f64>; 3],
}

/// Sums over finite values.
#[derive(Default)]
struct Sums {
    n: u64,
    sum: f64,
    squares: f64,
    zeros: u64,
    nan: u64,
    infinite: u64,
    min: f64,
    max: f64,
    shift: Option<f64>,
}

impl Sums {
    fn take(&mut self, values: &[f32]) {
        for v in values.iter().map(|v| f64::from(*v)) {
            if v.is_nan() {
                self.nan += 1;
            } else if v.is_infinite() {
                self.infinite += 1;
            } else {
                // Moments about the first value: no cancellation where the mean is far from zero.
                let d = v - *self.shift.get_or_insert(v);
                (self.sum, self.squares) = (self.sum + d, self.squares + d * d);
                self.zeros += u64::from(v == 0.0);
                (self.min, self.max) = if self.n == 0 { (v, v) } else { (self.min.min(v), self.max.max(v)) };
                self.n += 1;
            }
        }
    }

    fn moments(&self) -> (f64, f64) {
        let n = self.n.max(1) as f64;
        let mean = self.sum / n;
        (mean + self.shift.unwrap_or(0.0), (self.squares / n - mean * mean).max(0.0).sqrt())
    }
}

impl Values {
    /// Looks at a tensor.
    ///
    /// # Errors
    /// Those of reading; cancelled.
    pub(crate) fn of(entry: &TensorEntry, cancel: &AtomicBool) -> Result<Self> {
        let rows = runs(entry, MAX_ELEMS, RUNS);
        let mut sums = Sums::default();
        each_piece(entry, &rows, cancel, |values| sums.take(values))?;
        let (mean, std) = sums.moments();
        let bound = OUTLIER_SIGMA * std;
        let range = (sums.min.max(mean - bound), sums.max.min(mean + bound));
        let (mut histogram, mut outliers) = ([0; BINS], 0);
        let step = (range.1 - range.0) / BINS as f64;
        each_piece(entry, &rows, cancel, |values| {
            for v in values.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)) {
                outliers += u64::from((v - mean).abs() > bound);
                let bin = if step > 0.0 { ((v - range.0) / step).max(0.0) as usize } else { BINS / 2 };
                histogram[bin.min(BINS - 1)] += 1;
            }
        })?;
        Ok(Self {
            seen: sums.n + sums.nan + sums.infinite,
            elems: entry.shape.elems().unwrap_or(0),
            mean,
            std,
            min: sums.min,
            max: sums.max,
            zeros: sums.zeros,
            nan: sums.nan,
            infinite: sums.infinite,
            outliers,
            histogram,
            range,
            loss_db: if sums.nan + sums.infinite > 0 { [None; 3] } else { losses(entry)? },
        })
    }

    /// True if only a part was looked at.
    pub(crate) fn sampled(&self) -> bool {
        self.seen < self.elems
    }
}

/// What [`TYPES`] lose, from the same sample as a forecast's.
fn losses(entry: &TensorEntry) -> Result<[Option<f64>; 3]> {
    let subject = Subject { entry: entry.clone(), importance: None };
    let sample = match Sample::of(&subject) {
        Ok(sample) => sample,
        // The one in a million that the larger sample has missed.
        Err(e) if e.kind() == crate::model::ErrorKind::BadFile => return Ok([None; 3]),
        Err(e) => return Err(e),
    };
    let mut buffers = Buffers::default();
    let mut of =
        |ty| score(&sample, Encoding::Block(ty), Effort::Reference, &mut buffers).as_ref().and_then(Score::sqnr_db);
    Ok(TYPES.map(&mut of))
}

/// The shape of a tensor's values at a glance: shares of [`GLANCE`] equal steps within three standard deviations, 0 to 255;
/// `None` where values are not numbers.
///
/// # Errors
/// Those of reading.
pub(crate) fn glance(entry: &TensorEntry) -> Result<Option<[u8; GLANCE]>> {
    let rows = runs(entry, GLANCE_ELEMS, 4);
    let (mut sums, mut values) = (Sums::default(), Vec::new());
    let never = AtomicBool::new(false);
    each_piece(entry, &rows, &never, |piece| {
        sums.take(piece);
        values.extend_from_slice(piece);
    })?;
    if sums.nan + sums.infinite > 0 {
        return Ok(None);
    }
    let (mean, std) = sums.moments();
    let mut counts = [0u64; GLANCE];
    for v in &values {
        let at = (f64::from(*v) - mean) / (6.0 * std).max(f64::MIN_POSITIVE) + 0.5;
        counts[((at * GLANCE as f64).max(0.0) as usize).min(GLANCE - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    Ok(Some(counts.map(|n| (n * 255).div_ceil(most) as u8)))
}

/// About `elems` elements in at most `runs` runs of rows, or of parts of rows where one row has more than are wanted.
fn runs(entry: &TensorEntry, elems: u64, runs: u64) -> Vec<Piece> {
    let each = (entry.rows() / entry.stacked().max(1)).max(1);
    let wanted = elems / entry.cols().max(1);
    if wanted >= entry.rows() {
        vec![Piece::rows(entry, 0..entry.rows())]
    } else if entry.cols() > elems.max(PIECE) {
        parts_of(entry, elems / runs, runs)
    } else {
        runs_of(entry.rows(), each, wanted, runs).into_iter().map(|rows| Piece::rows(entry, rows)).collect()
    }
}

/// Reads these runs a piece at a time.
fn each_piece(entry: &TensorEntry, runs: &[Piece], cancel: &AtomicBool, mut take: impl FnMut(&[f32])) -> Result<()> {
    let (mut values, mut scratch) = (Vec::new(), Vec::new());
    for piece in runs.iter().flat_map(|run| run.split(PIECE, true)) {
        if cancel.load(Ordering::Relaxed) {
            return Err(ModelError::request("cancelled while reading values"));
        }
        values.resize(usize::try_from(piece.elems()).unwrap_or(usize::MAX), 0.0);
        decode(entry, &piece, &mut scratch, &mut values)?;
        take(&values);
    }
    Ok(())
}

/// What a whole tensor holds, for the check of every value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sound {
    /// NaNs.
    pub nan: u64,
    /// Infinities.
    pub infinite: u64,
    /// Every value is zero.
    pub all_zero: bool,
    /// A hash of the values, equal for equal values whatever the encoding.
    pub hash: [u8; 32],
}

/// Reads every value of a tensor; `read` gets the number of elements of each piece.
///
/// # Errors
/// Those of reading; cancelled.
pub(crate) fn check(entry: &TensorEntry, cancel: &AtomicBool, read: &dyn Fn(u64)) -> Result<Sound> {
    use sha2::{Digest, Sha256};
    let (mut sound, mut hash) = (Sound { all_zero: true, ..Sound::default() }, Sha256::new());
    let mut bytes = Vec::new();
    let whole = Piece::rows(entry, 0..entry.rows());
    each_piece(entry, &[whole], cancel, |values| {
        if crate::quant::first_non_finite(values).is_some() {
            sound.nan += values.iter().filter(|v| v.is_nan()).count() as u64;
            sound.infinite += values.iter().filter(|v| v.is_infinite()).count() as u64;
        }
        sound.all_zero &= values.iter().all(|v| *v == 0.0);
        bytes.clear();
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        hash.update(&bytes);
        read(values.len() as u64);
    })?;
    sound.hash = hash.finalize().into();
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::tensor::DType;
    use std::ops::Range;
    use std::sync::Arc;

    fn entry(values: &[f32], cols: u64) -> TensorEntry {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let data = Arc::new(MemoryRows { bytes, row_bytes: cols * 4 });
        TensorEntry::new("t", [values.len() as u64 / cols, cols], DType::F32, data)
    }

    fn of(values: &[f32], cols: u64) -> Values {
        Values::of(&entry(values, cols), &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn moments_and_counts_are_exact_on_a_whole_tensor() {
        let mut values: Vec<f32> = (0..1024).map(|i| 5.0 + if i % 2 == 0 { 0.5 } else { -0.5 }).collect();
        values[7] = 0.0;
        values[8] = f32::NAN;
        values[9] = f32::NEG_INFINITY;
        values[10] = 1000.0;
        let v = of(&values, 256);
        assert_eq!((v.seen, v.elems, v.zeros, v.nan, v.infinite, v.outliers), (1024, 1024, 1, 1, 1, 1));
        assert_eq!((v.min, v.max), (0.0, 1000.0));
        let finite: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)).collect();
        let mean = finite.iter().sum::<f64>() / finite.len() as f64;
        let var = finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / finite.len() as f64;
        assert!((v.mean - mean).abs() < 1e-9 && (v.std - var.sqrt()).abs() < 1e-9, "{v:?}");
        assert_eq!(v.histogram.iter().sum::<u64>(), 1022);
        assert_eq!(v.loss_db, [None; 3], "what is not finite cannot be quantized");
    }

    #[test]
    fn finer_types_lose_less_and_odd_rows_have_fewer_types() {
        let wave = |n: usize| (0..n).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0).powi(3)).collect::<Vec<f32>>();
        let [q4, q6, q8] = of(&wave(1024), 256).loss_db.map(Option::unwrap);
        assert!(q4 < q6 && q6 < q8, "{q4} {q6} {q8}");
        assert!(matches!(of(&wave(96), 32).loss_db, [None, None, Some(_)]), "super-blocks need 256 columns");
    }

    #[test]
    fn a_large_tensor_is_sampled_and_a_constant_one_does_not_divide_by_zero() {
        struct Wave;
        impl crate::model::TensorData for Wave {
            fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
                self.read_part(rows.start, 0..dst.len() as u64, dst)
            }

            fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
                assert!(dst.len() as u64 <= PIECE * 4, "never more than a piece");
                let first = row * 1024 + bytes.start / 4;
                for (i, b) in dst.chunks_exact_mut(4).enumerate() {
                    b.copy_from_slice(&(((first + i as u64) % 1000) as f32).to_le_bytes());
                }
                Ok(())
            }
        }
        let long = TensorEntry::new("t", [1 << 34], DType::F32, Arc::new(Wave));
        let v = Values::of(&long, &AtomicBool::new(false)).unwrap();
        assert!(v.sampled() && v.seen <= MAX_ELEMS && v.seen > MAX_ELEMS / 2 && (v.mean - 499.5).abs() < 1.0, "{v:?}");
        assert!(v.loss_db.iter().all(Option::is_some) && glance(&long).unwrap().is_some());
        let big = TensorEntry::new("t", [16 << 10, 1024], DType::F32, Arc::new(Wave));
        let v = Values::of(&big, &AtomicBool::new(false)).unwrap();
        assert!(v.sampled() && v.seen <= MAX_ELEMS && v.seen > MAX_ELEMS / 2, "{}", v.seen);
        assert!((v.mean - 499.5).abs() < 1.0, "{}", v.mean);
        assert!(Values::of(&big, &AtomicBool::new(true)).is_err(), "cancelled");
        let flat = of(&[3.0; 512], 256);
        assert_eq!((flat.std, flat.outliers, flat.histogram[BINS / 2]), (0.0, 0, 512));
        assert_eq!(glance(&entry(&[3.0; 512], 256)).unwrap().map(|g| g[GLANCE / 2]), Some(255));
        assert_eq!(glance(&entry(&[f32::NAN; 4], 4)).unwrap(), None);
    }

    #[test]
    fn a_check_sees_every_value_and_knows_equal_tensors() {
        let never = AtomicBool::new(false);
        let reported = std::cell::Cell::new(0);
        let see = |values: &[f32]| check(&entry(values, 4), &never, &|n| reported.set(reported.get() + n)).unwrap();
        assert!(see(&[0.0; 8]).all_zero);
        let (a, b, c) =
            (see(&[1.0, 2.0, 3.0, 4.0]), see(&[1.0, 2.0, 3.0, 4.0]), see(&[1.0, f32::NAN, 3.0, f32::INFINITY]));
        assert!(a == b && a.hash != c.hash && (c.nan, c.infinite) == (1, 1));
        assert_eq!(reported.get(), 20);
    }
}
