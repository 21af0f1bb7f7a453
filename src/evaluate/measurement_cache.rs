//! What was measured before: errors of one model against one baseline, kept while the files of both stay as they are.
//!
//! Adding a model to a comparison, or taking another context, measures nothing again that is known here. In memory only, and bounded.

use super::comparison::{Comparison, Measured};
use super::figures::Figures;
use super::names::Names;
use super::set::{Pair, Set};
use super::stamp::Stamp;
use crate::model::Result;
use crate::task::Task;
use std::collections::VecDeque;

/// Pairs of models kept: some comparisons of six. A pair has about 100 bytes a tensor, so all of them some megabytes.
const MAX_PAIRS: usize = 32;

/// What decides about the errors of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    baseline: Stamp,
    model: Stamp,
    names: Names,
}

#[derive(Clone, Debug)]
struct CachedMeasurement {
    key: Key,
    measured: Measured,
    /// By tensor of the baseline.
    figures: Vec<Option<Figures>>,
}

/// Measurements of earlier comparisons, the latest last.
#[derive(Debug, Default)]
pub(crate) struct MeasurementCache(VecDeque<CachedMeasurement>);

impl MeasurementCache {
    /// As [`Set::measure`], but only what is not known; what is measured is known from then on.
    ///
    /// # Errors
    /// Those of [`Set::measure`].
    pub(crate) fn measure(&mut self, set: &Set, how: Task<'_>) -> Result<Comparison> {
        let overview = set.overview();
        let base = overview.baseline.at;
        let key =
            |v: usize| Key { baseline: set.stamps[base].clone(), model: set.stamps[v].clone(), names: overview.names };
        let found: Vec<Option<CachedMeasurement>> =
            (0..overview.variants.len()).map(|v| if v == base { None } else { self.take(&key(v)) }).collect();
        let unknown = |v: usize| found[v].is_none();
        let mut comparison = set.only(unknown).measure(how);
        for (v, found) in found.into_iter().enumerate() {
            let Some(found) = found else { continue };
            if let Ok(comparison) = &mut comparison {
                for (tensor, figures) in comparison.tensors.iter_mut().zip(&found.figures) {
                    tensor.figures[v] = *figures;
                }
                comparison.variants[v].measured = Some(found.measured.clone());
            }
            // What was used goes to the end: it is forgotten last.
            self.keep(found);
        }
        if let Ok(comparison) = &comparison {
            for (v, variant) in comparison.variants.iter().enumerate() {
                let Some(measured) = variant.measured.clone() else { continue };
                let key = key(v);
                // What was written to meanwhile was measured half before and half after.
                if self.0.iter().all(|f| f.key != key) && key.baseline.holds() && key.model.holds() {
                    let figures = comparison.tensors.iter().map(|t| t.figures[v]).collect();
                    self.keep(CachedMeasurement { key, measured, figures });
                }
            }
        }
        comparison
    }

    fn take(&mut self, key: &Key) -> Option<CachedMeasurement> {
        let at = self.0.iter().position(|f| f.key == *key)?;
        self.0.remove(at)
    }

    fn keep(&mut self, found: CachedMeasurement) {
        if self.0.len() >= MAX_PAIRS {
            self.0.pop_front();
        }
        self.0.push_back(found);
    }
}

impl Set {
    /// The same models, with pairs of these alone.
    fn only(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let of = |pair: &Pair| {
            let others: Vec<_> = pair.others.iter().filter(|(v, _)| wanted(*v)).cloned().collect();
            (!others.is_empty()).then(|| Pair { row: pair.row, base: pair.base.clone(), others })
        };
        let pairs = self.pairs.iter().filter_map(of).collect();
        Self {
            overview: self.overview().clone(),
            stamps: self.stamps.clone(),
            pairs,
            checks: self.checks.clone(),
            warnings: self.warnings.clone(),
            graphs: self.graphs.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, TensorData, TensorEntry};
    use std::ops::Range;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Rows that count how often they are read.
    struct Counted(MemoryRows, Arc<AtomicUsize>);

    impl TensorData for Counted {
        fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read_rows(rows, dst)
        }

        fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read_part(row, bytes, dst)
        }
    }

    struct Lab {
        dir: tempfile::TempDir,
        reads: [Arc<AtomicUsize>; 3],
    }

    impl Lab {
        fn new() -> Self {
            let lab = Self { dir: tempfile::tempdir().unwrap(), reads: Default::default() };
            (0..3).for_each(|i| lab.write(i, "as it was"));
            lab
        }

        fn file(&self, i: usize) -> PathBuf {
            self.dir.path().join(i.to_string())
        }

        fn write(&self, i: usize, text: &str) {
            std::fs::write(self.file(i), text).unwrap();
        }

        /// The first `n` models; every value of a model is off by its place.
        fn set(&self, n: usize, baseline: usize) -> Set {
            let model = |i: usize| {
                let bytes = (0..64).flat_map(|k| (k as f32 + i as f32).to_le_bytes()).collect();
                let data = Arc::new(Counted(MemoryRows { bytes, row_bytes: 64 }, self.reads[i].clone()));
                vec![TensorEntry::new("blk.0.ffn_up.weight", [4, 16], crate::tensor::DType::F32, data)]
            };
            let mut set = Set::of((0..n).map(model).collect(), baseline).unwrap();
            set.stamps = (0..n).map(|i| Stamp::of([self.file(i).as_path()].into_iter())).collect();
            set
        }

        fn reads(&self) -> [usize; 3] {
            [0, 1, 2].map(|i| self.reads[i].swap(0, Ordering::Relaxed))
        }
    }

    #[test]
    fn a_model_more_is_measured_alone() {
        let (lab, mut known) = (Lab::new(), MeasurementCache::default());
        known.measure(&lab.set(2, 0), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [1, 1, 0]);
        let three = known.measure(&lab.set(3, 0), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [1, 0, 1], "the baseline is read for the new one, the one known before is not");
        let afresh = lab.set(3, 0).measure(Task::quiet()).unwrap();
        assert_eq!((&three.variants, &three.tensors), (&afresh.variants, &afresh.tensors));
        lab.reads();
        known.measure(&lab.set(3, 0), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [0; 3]);
    }

    #[test]
    fn another_baseline_and_a_changed_file_are_measured() {
        let (lab, mut known) = (Lab::new(), MeasurementCache::default());
        known.measure(&lab.set(3, 0), Task::quiet()).unwrap();
        lab.reads();
        known.measure(&lab.set(3, 1), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [1; 3]);
        lab.write(2, "something longer than it was");
        known.measure(&lab.set(3, 1), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [0, 1, 1]);
        lab.write(1, "the baseline is another one, too");
        known.measure(&lab.set(3, 1), Task::quiet()).unwrap();
        assert_eq!(lab.reads(), [1; 3]);
    }

    #[test]
    fn a_change_while_it_is_measured_and_too_many_are_not_kept() {
        let (lab, mut known) = (Lab::new(), MeasurementCache::default());
        let set = lab.set(2, 0);
        lab.write(1, "written to after it was opened");
        known.measure(&set, Task::quiet()).unwrap();
        assert!(known.0.is_empty());
        for n in 0..MAX_PAIRS + 3 {
            lab.write(1, &"x".repeat(n + 100));
            known.measure(&lab.set(2, 0), Task::quiet()).unwrap();
        }
        assert_eq!(known.0.len(), MAX_PAIRS);
    }

    #[test]
    fn cancelled_loses_nothing() {
        let (lab, mut known) = (Lab::new(), MeasurementCache::default());
        known.measure(&lab.set(2, 0), Task::quiet()).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(true);
        let how = Task { cancel: &stop, ..Task::quiet() };
        assert!(known.measure(&lab.set(3, 0), how).is_err());
        assert_eq!(known.0.len(), 1);
    }
}
