//! What memory a run takes, and how many threads work at once so that it takes no more than it may.
//!
//! Chunks do not grow with the shapes of tensors, so the need is a fixed part (the program, tables by tensor, headers, importance
//! matrices) and a part for each thread. Both are upper bounds.

use super::{PreparedOutput, PreparedTensor};
use crate::model::{Cut, Hint, ModelError, OptionName, Remedy, Result, TensorEntry};
use crate::transform::Imatrix;
use crate::units;
use std::fs;
use std::sync::Arc;

/// Elements in a chunk that is decoded: 1 MiB as `f32`, so that source, floats, encoding and check fit the L2 and L3 caches.
pub(crate) const CHUNK_ELEMS: u64 = 256 << 10;
/// Bytes in a chunk that is copied.
pub(crate) const CHUNK_COPY_BYTES: u64 = 2 << 20;

/// The program itself with a vocabulary and what the allocator keeps.
const BASE_BYTES: u64 = 48 << 20;
/// Names, shapes, places and figures of one output tensor, in the plan, while it is written and in the report.
const TENSOR_BYTES: u64 = 1024;
/// What a thread takes beside its chunk: its stack, and the spans that strided and transposed sources are read through.
const THREAD_BYTES: u64 = 6 << 20;

/// Memory that a run takes at most, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Need {
    /// However many threads there are.
    pub fixed: u64,
    /// For each thread.
    pub per_thread: u64,
}

/// How the tensor behind a group of output tensors is cut into chunks; `copied` if none of them has another encoding. A chunk that is
/// copied is several of [`hash_cut`].
pub(crate) fn cut(tensor: &PreparedTensor, copied: bool) -> Cut {
    let pieces = hash_cut(&tensor.entry);
    if !copied {
        return pieces;
    }
    let (elems, bytes) = tensor.entry.encoding.unit();
    let piece_bytes = pieces.largest().div_ceil(elems).saturating_mul(bytes);
    pieces.times(CHUNK_COPY_BYTES / piece_bytes.max(1))
}

/// The pieces of a source tensor that are hashed one by one. They depend on its shape alone, so that its hash does too.
pub(crate) fn hash_cut(entry: &TensorEntry) -> Cut {
    Cut::of(entry, CHUNK_ELEMS)
}

impl Need {
    /// Of these outputs.
    pub(crate) fn of(outputs: &[PreparedOutput]) -> Self {
        let tensors = || outputs.iter().flat_map(|o| &o.tensors);
        let pieces: u64 =
            outputs.iter().flat_map(|o| &o.files).flat_map(|f| &f.fixed).map(|(_, b)| b.len() as u64).sum();
        // Tensors that share a matrix follow one another.
        let mut matrices: Vec<&Arc<Imatrix>> = tensors().filter_map(|t| t.importance.as_ref()).collect();
        matrices.sort_by_key(|m| Arc::as_ptr(m));
        matrices.dedup_by(|a, b| Arc::ptr_eq(a, b));
        let values: u64 = matrices.iter().flat_map(|m| m.entries.values()).map(|v| v.len() as u64 * 4).sum();
        let fixed = BASE_BYTES + 3 * pieces + values + TENSOR_BYTES * tensors().count() as u64;
        let chunk = |t: &PreparedTensor| {
            let bytes = |e: crate::quant::Encoding, n: u64| {
                let (elems, bytes) = e.unit();
                n.div_ceil(elems).saturating_mul(bytes)
            };
            let cut = cut(t, t.encoding == t.entry.encoding && outputs.len() == 1);
            let n = cut.largest();
            // The source, what it becomes for each output, and its values once decoded, encoded again and passed through a view.
            let encoded = bytes(t.encoding, n).saturating_mul(outputs.len() as u64);
            bytes(t.entry.encoding, n).saturating_mul(2).saturating_add(encoded).saturating_add(n.saturating_mul(12))
        };
        let most = tensors().map(chunk).max().unwrap_or(0);
        Self { fixed, per_thread: most + THREAD_BYTES }
    }

    /// With so many threads.
    pub(crate) fn with(self, threads: u64) -> u64 {
        self.fixed.saturating_add(self.per_thread.saturating_mul(threads))
    }

    /// The threads that may work at once within `asked` bytes or, where nothing was asked, within most of what is available now.
    ///
    /// # Errors
    /// A limit error when one thread already takes more.
    pub(crate) fn threads(self, asked: Option<u64>) -> Result<usize> {
        let (limit, why) = match asked {
            Some(limit) => (limit, "max_memory allows"),
            None => match available() {
                Some(free) => (free / 10 * 8, "may be used now, 80 % of the available memory"),
                None => return Ok(usize::MAX),
            },
        };
        let least = self.with(1);
        if least > limit {
            let what = format!(
                "the conversion may need {} of memory, more than the {} that {why}",
                units::bytes(least),
                units::bytes(limit)
            );
            let option = Remedy::Option(OptionName::MAX_MEMORY);
            return Err(match asked {
                Some(_) => ModelError::limit(what).with_hint(Hint::from("Allow more with ").then(option).then(".")),
                None => ModelError::shortage(what)
                    .with_hint(Hint::from("Free some memory, or set the memory limit with ").then(option).then(".")),
            });
        }
        Ok(usize::try_from((limit - self.fixed) / self.per_thread.max(1)).unwrap_or(usize::MAX).max(1))
    }
}

/// Bytes of memory that this process can still have: what the machine has available or, if that is less, what its control group
/// leaves. `None` where the system does not say.
pub(crate) fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024);
    let number = |name: &str| {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    // Pages of files that the group holds are given back when they are needed.
    let cached = || {
        let text = fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?;
        text.lines().find_map(|l| l.strip_prefix("file "))?.trim().parse::<u64>().ok()
    };
    let group = number("memory.max")
        .zip(number("memory.current"))
        .map(|(max, now)| max.saturating_sub(now.saturating_sub(cached().unwrap_or(0))));
    Some(group.map_or(machine, |g| g.min(machine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_as_many_as_the_memory_allows() {
        let need = Need { fixed: 100, per_thread: 10 };
        for (limit, threads) in [(110, 1), (119, 1), (120, 2), (1000, 90)] {
            assert_eq!(need.threads(Some(limit)).unwrap(), threads, "{limit}");
        }
        let e = need.threads(Some(109)).unwrap_err();
        assert!(e.to_string().contains("that max_memory allows"), "{e}");
        assert!(Need { fixed: u64::MAX / 2, per_thread: 1 }.threads(None).is_err() || available().is_none());
        assert_eq!(need.with(3), 130);
    }
}
