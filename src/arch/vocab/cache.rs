//! The last vocabulary that was built, kept while its files do not change: several targets of one plan, and every forecast of the
//! workbench, need the same one (0.3 s each for 128 k tokens).

use super::{Vocab, VocabRequest};
use crate::model::Sidecar;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Everything the vocabulary depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    arch: String,
    hf_class: String,
    pre_tokenizer: Option<String>,
    config: serde_json::Value,
    files: Vec<(String, PathBuf, u64, Option<SystemTime>)>,
}

static LAST: Mutex<Option<(Key, Vocab)>> = Mutex::new(None);

impl Key {
    /// The key of a request; `None` if a file was made in memory or cannot be accessed.
    pub(crate) fn of(request: &VocabRequest<'_>) -> Option<Self> {
        let mut files = Vec::new();
        for (name, sidecar) in &request.sidecars.0 {
            let Sidecar::File(path) = sidecar else { return None };
            let meta = std::fs::metadata(path).ok()?;
            files.push((name.clone(), path.clone(), meta.len(), meta.modified().ok()));
        }
        Some(Self {
            arch: request.arch.to_owned(),
            hf_class: request.hf_class.to_owned(),
            pre_tokenizer: request.pre_tokenizer.map(str::to_owned),
            config: request.config.clone(),
            files,
        })
    }

    /// The vocabulary built for this key, if it was the last.
    pub(crate) fn get(&self) -> Option<Vocab> {
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(key, _)| key == self).map(|(_, vocab)| vocab.clone())
    }

    /// Keeps a vocabulary in place of the one before.
    pub(crate) fn put(self, vocab: &Vocab) {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((self, vocab.clone()));
    }
}
