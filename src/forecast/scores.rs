//! Measures tensors in parallel and remembers.

use super::Score;
use super::sample::Sample;
use super::score::{Buffers, score};
use super::score_cache::{self, CachedScores};
use crate::model::{ModelError, Result, TensorEntry};
use crate::quant::{Effort, Encoding};
use crate::task::{Task, collected, locked};
use crate::transform::Imatrix;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A tensor that may be measured.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The rows, under the name they will have.
    pub entry: TensorEntry,
    /// Importance of the columns, where the matrix covers the tensor.
    pub importance: Option<Arc<Imatrix>>,
}

/// What was measured of the tensors of one model.
pub(crate) struct Scores {
    /// Where they are kept; `None` where they are not.
    file: Option<PathBuf>,
    effort: Effort,
    kept: CachedScores,
    /// Tensor → hash of its sample.
    hashes: HashMap<String, String>,
}

impl Scores {
    /// The scores of a source at this effort, with those that an earlier run kept under `root` ([`super::scores_root`]).
    pub(crate) fn open(root: &Path, source: &Path, effort: Effort) -> Self {
        let file = score_cache::file_of(root, source, effort);
        let kept = score_cache::load(&file);
        Self { file: Some(file), effort, kept, hashes: HashMap::new() }
    }

    /// Scores that are not kept on disk.
    pub(crate) fn in_memory(effort: Effort) -> Self {
        Self { file: None, effort, kept: CachedScores::default(), hashes: HashMap::new() }
    }

    /// Measures what is not known yet of `wanted`: for each subject the types it is wanted in. A type that cannot be made
    /// of a tensor's rows is left out.
    ///
    /// # Errors
    /// Those of reading; values that are not finite; cancelled.
    pub(crate) fn measure(&mut self, subjects: &[(Subject, Vec<Encoding>)], how: Task<'_>) -> Result<()> {
        let done = AtomicUsize::new(0);
        let found: Mutex<Vec<Found>> = Mutex::default();
        let (kept, effort) = (&self.kept, self.effort);
        how.each::<Buffers, ModelError>(subjects.len(), |number, buffers| {
            let (subject, wanted) = &subjects[number];
            let one = measure_one(subject, wanted, effort, kept, buffers)?;
            locked(&found).push(one);
            (how.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, subjects.len());
            Ok(())
        })?;
        if how.is_cancelled() {
            return Err(ModelError::request("cancelled while measuring"));
        }
        self.learn(collected(found));
        Ok(())
    }

    /// Keeps what was found, here and on disk.
    fn learn(&mut self, mut found: Vec<Found>) {
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let mut times: HashMap<Encoding, (f64, f64)> = HashMap::new();
        let mut news = false;
        for one in found {
            let known = self.kept.scores.entry(one.hash.clone()).or_default();
            for (encoding, score, seconds) in one.scores {
                known.insert(encoding, score);
                let time = times.entry(encoding).or_default();
                *time = (time.0 + seconds, time.1 + one.elems as f64);
                news = true;
            }
            self.hashes.insert(one.name, one.hash);
        }
        for (encoding, (seconds, elems)) in times {
            self.kept.nanoseconds.insert(encoding, seconds * 1e9 / elems.max(1.0));
        }
        if let (true, Some(file)) = (news, &self.file) {
            let used: HashSet<&str> = self.hashes.values().map(String::as_str).collect();
            score_cache::save(file, &self.kept, &|hash| used.contains(hash));
        }
    }

    /// The score of a measured tensor in a type.
    pub(crate) fn get(&self, tensor: &str, encoding: Encoding) -> Option<&Score> {
        self.kept.scores.get(self.hashes.get(tensor)?)?.get(&encoding)
    }

    /// The hash of a measured tensor's sample: it changes with the values and with their importance.
    pub(crate) fn hash(&self, tensor: &str) -> Option<&str> {
        self.hashes.get(tensor).map(String::as_str)
    }

    /// Time to encode, decode and compare one element on one core of this machine, as it was measured.
    pub(crate) fn nanoseconds(&self, encoding: Encoding) -> Option<f64> {
        self.kept.nanoseconds.get(&encoding).copied()
    }
}

/// What was found out about one tensor.
struct Found {
    name: String,
    hash: String,
    elems: usize,
    scores: Vec<(Encoding, Score, f64)>,
}

fn measure_one(
    subject: &Subject,
    wanted: &[Encoding],
    effort: Effort,
    kept: &CachedScores,
    buffers: &mut Buffers,
) -> Result<Found> {
    let sample = Sample::of(subject)?;
    let hash = sample.hash();
    let known = kept.scores.get(&hash);
    let mut scores = Vec::new();
    for &encoding in wanted.iter().filter(|e| known.is_none_or(|k| !k.contains_key(e))) {
        let begun = cpu_time();
        if let Some(found) = score(&sample, encoding, effort, buffers) {
            scores.push((encoding, found, cpu_time().saturating_sub(begun).as_secs_f64()));
        }
    }
    Ok(Found { name: subject.entry.name.to_string(), hash, elems: sample.values.len(), scores })
}

/// Time the calling thread has computed: what a type costs whatever else the machine does.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::quant::BlockType;
    use crate::tensor::DType;
    use std::sync::atomic::AtomicBool;

    fn subject(name: &str, seed: u32) -> Subject {
        let values: Vec<f32> = (0..16 * 256u32).map(|i| ((i * 2_654_435_761 + seed) >> 8) as f32 / 1e7 - 0.8).collect();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let data = Arc::new(MemoryRows { bytes, row_bytes: 1024 });
        Subject { entry: TensorEntry::new(name, [16, 256], DType::F32, data), importance: None }
    }

    #[test]
    fn a_second_measuring_finds_what_the_first_kept() {
        let dir = tempfile::tempdir().unwrap();
        let tensors = [subject("a", 1), subject("b", 2)];
        let types: Vec<Encoding> = vec![BlockType::Q4_K.into(), BlockType::Q6_K.into()];
        let wanted: Vec<(Subject, Vec<Encoding>)> = tensors.into_iter().map(|t| (t, types.clone())).collect();
        let reported = AtomicUsize::new(0);
        let never = AtomicBool::new(false);
        let progress = |_, all| {
            assert_eq!(all, 2);
            reported.fetch_add(1, Ordering::Relaxed);
        };
        let how = |threads| Task { threads, progress: &progress, cancel: &never };
        let open = |effort| Scores::open(dir.path(), Path::new("/m"), effort);
        let mut first = open(Effort::Reference);
        first.measure(&wanted, how(2)).unwrap();
        assert_eq!(reported.load(Ordering::Relaxed), 2);
        assert!(first.get("a", types[0]) != first.get("b", types[0]) && first.get("c", types[0]).is_none());
        assert!(first.nanoseconds(types[1]).is_some_and(|n| n > 0.0));
        // What is kept is taken for what would be measured: a false score shows that nothing was measured again.
        let mut second = open(Effort::Reference);
        second.kept.scores.values_mut().for_each(|k| k.get_mut(&types[0]).unwrap().noise = 42.0);
        second.measure(&wanted, how(1)).unwrap();
        assert_eq!(second.get("a", types[0]).unwrap().noise, 42.0);
        assert_eq!(second.get("a", types[1]), first.get("a", types[1]));
        // Another effort has scores of its own.
        let mut max = open(Effort::Max);
        max.measure(&wanted, how(1)).unwrap();
        assert!(max.get("b", types[0]).unwrap().noise < first.get("b", types[0]).unwrap().noise);
        let cancelled = AtomicBool::new(true);
        assert!(second.measure(&wanted, Task { cancel: &cancelled, ..how(1) }).is_err());
    }
}
