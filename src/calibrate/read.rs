//! Opens what was collected earlier, by remold or by llama-imatrix.

use super::CONTEXT;
use super::activations::{Activations, Entry};
use crate::model::{ModelError, Result, open_request_file, read_request_file};
use crate::transform::MAX_IMATRIX_BYTES;
use crate::transform::imatrix::RawMatrix;
use std::io::Read;
use std::path::Path;

impl Activations {
    /// Opens a file in either form. The legacy form counts windows instead of tokens: `context` is the length of a window then. Where that
    /// is `None`, it is the length that the file names, or 512.
    ///
    /// # Errors
    /// A file of another kind; damaged files; values that are NaN, infinite or negative, naming the tensor.
    pub(crate) fn read(path: &Path, context: Option<u32>) -> Result<Self> {
        Self::open(path, context).map_err(|e| e.in_file(path))
    }

    fn open(path: &Path, context: Option<u32>) -> Result<Self> {
        let mut magic = [0u8; 4];
        let legacy = !(open_request_file(path)?.read_exact(&mut magic).is_ok() && &magic == b"GGUF");
        let raw = if legacy {
            RawMatrix::parse_dat(&read_request_file(path, MAX_IMATRIX_BYTES)?)?
        } else {
            RawMatrix::from_model(&crate::arch::open(path)?)?
        };
        let chunk_size = context.or(raw.chunk_size).filter(|c| *c > 0).unwrap_or(CONTEXT as u32);
        let mut entries = std::collections::BTreeMap::new();
        for (name, raw) in raw.entries {
            let mut entry = Entry { sums: raw.sums, counts: raw.counts };
            if legacy {
                let tokens = u64::from(chunk_size);
                entry.sums.iter_mut().for_each(|v| *v *= chunk_size as f32);
                entry.counts.iter_mut().for_each(|c| *c = c.saturating_mul(tokens));
            }
            if let Some(at) = entry.sums.iter().position(|v| !v.is_finite() || *v < 0.0) {
                let what = format!("sum {at} is {}, but sums of squares are finite and not negative", entry.sums[at]);
                let hint = "The file is damaged: compute the importance matrix again.";
                return Err(ModelError::bad(what).field(name).with_hint(hint));
            }
            entries.insert(name, entry);
        }
        Ok(Self { entries, datasets: raw.datasets, chunk_size })
    }
}
