//! Pickles next to the model's own: other entries of an archive, nested archives, pickles after the first one of a
//! stream. None is part of the model; their imports are reported, because other programs may load them.

use super::entries::Entries;
use super::limits::{MAX_LOOKED_THROUGH, MAX_LOOKED_THROUGH_BYTES};
use super::pickle::{Input, globals::with_imports_hint, load, printable};
use super::source::Source;
use super::walk;
use crate::formats::zip::{Archive, Blob, LOCAL};
use crate::model::{Hint, Model, ModelError, Warning};
use std::os::unix::fs::FileExt;

/// Archives within archives are followed so deep.
const MAX_NESTED: usize = 3;

/// Extensions under which pickles are kept.
const PICKLES: [&str; 9] = ["pkl", "pickle", "p", "pt", "pth", "bin", "ckpt", "dat", "data"];

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    warnings: Vec<Warning>,
    /// The first error's hint that names what a pickle asks for.
    hint: Option<Hint>,
    looked: usize,
}

impl Beside {
    /// Looks through the entries of an archive that are neither the model's pickle nor storages nor code.
    pub(crate) fn entries(&mut self, source: &Source, entries: &Entries) {
        for (name, entry) in entries {
            // Storages, `data/0` and `data/weights/weight_0`, and the program text of TorchScript.
            let storage = name.strip_prefix("data/").is_some_and(|n| !n.contains('/') || n.starts_with("weights/"));
            let model = storage || name == "data.pkl" || name.starts_with("code/") || name.starts_with(".data/");
            if !model {
                self.entry(source, name, entry.blob, entry.stored, 0);
            }
        }
    }

    fn entry(&mut self, source: &Source, name: &str, blob: Blob, stored: bool, depth: usize) {
        let shown = printable(name);
        let pickled = name.rsplit_once('.').is_some_and(|(_, ext)| PICKLES.contains(&ext));
        if !stored {
            if pickled {
                let text = format!("`{shown}` in the archive is compressed and was not checked");
                self.warnings.push(Warning::new("pytorch.code", text));
            }
            return;
        }
        let mut head = [0; 4];
        let read = blob.bytes >= 4 && source.file.read_exact_at(&mut head, blob.offset).is_ok();
        let (nested, marked) = (read && head == *LOCAL, read && head[0] == 0x80 && head[1] <= 5);
        if !nested && !marked && !pickled {
            return;
        }
        self.looked += 1;
        if self.looked > MAX_LOOKED_THROUGH || depth > MAX_NESTED || blob.bytes > MAX_LOOKED_THROUGH_BYTES {
            let text = format!("`{shown}` in the archive was not checked: too many or too large pickles and archives");
            if self.looked <= MAX_LOOKED_THROUGH + 1 {
                self.warnings.push(Warning::new("pytorch.code", text));
            }
            return;
        }
        if nested {
            let archive = Archive { file: &source.file, path: &source.path, start: blob.offset, len: blob.bytes };
            match archive.records() {
                Ok(records) => {
                    for r in &records {
                        self.entry(source, &format!("{name}/{}", r.name), r.blob, r.stored, depth + 1);
                    }
                }
                Err(e) => {
                    let text = format!("`{shown}` in the archive cannot be checked: {e}");
                    self.warnings.push(Warning::new("pytorch.code", text));
                }
            }
            return;
        }
        let end = blob.offset + blob.bytes;
        self.stream(&mut Input::file(&source.file, &source.path, blob.offset, end));
    }

    /// Looks through pickles in a row, up to the first that is none.
    pub(crate) fn stream(&mut self, input: &mut Input) {
        for _ in 0..MAX_LOOKED_THROUGH {
            if input.left() == 0 {
                return;
            }
            match load(input) {
                Ok(pickle) => {
                    let mut model = super::empty_model(std::path::Path::new(""));
                    walk::globals(&pickle.tree, &mut model);
                    if !model.warnings.is_empty() {
                        let hinted = with_imports_hint(ModelError::bad(""), &pickle.tree);
                        self.keep_hint(hinted.hint());
                    }
                    self.warnings.append(&mut model.warnings);
                }
                Err(e) => {
                    // Only an error about globals has such a hint; a plain file that is not a pickle is not reported.
                    if let Some(hint) = e.hint().filter(|h| h.names_code()) {
                        self.warnings.push(Warning::new("pytorch.code", format!("next to the model: {}", hint.text())));
                        self.keep_hint(Some(hint));
                    }
                    return;
                }
            }
        }
    }

    fn keep_hint(&mut self, hint: Option<&Hint>) {
        if self.hint.is_none() {
            self.hint = hint.cloned();
        }
    }

    /// Adds what was found to a model.
    pub(crate) fn warn(self, mut model: Model) -> Model {
        for warning in self.warnings {
            if !model.warnings.contains(&warning) {
                model.warnings.push(warning);
            }
        }
        model
    }

    /// Adds what was found to the error of a file that is not a model.
    pub(crate) fn add_hint(&self, e: ModelError) -> ModelError {
        match &self.hint {
            Some(hint) => e.with_hint(hint.clone()),
            None => e,
        }
    }
}
