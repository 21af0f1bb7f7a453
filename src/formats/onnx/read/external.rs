//! Data files next to a model: only in its folder, with checked sizes, each opened once.
//!
//! A location is relative to the folder of the model (`onnx.proto`, `external_data`). Absolute paths, `..`, and links that lead out of the folder are
//! refused: a model from a stranger must not make remold read other files. A model that is itself a link, as in the cache of Hugging Face, may have its data
//! where it really is.

use crate::graph::Text;
use crate::model::{Defect, ModelError, OpenedFile, Result, open_request_file};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Most data files of one model, which are all open at the same time. Exporters write one; some write one for each large tensor.
const MAX_OPEN: usize = 512;

/// The data files of a model.
pub(super) struct External {
    model: PathBuf,
    /// Data files that have another name now, by location.
    stand_ins: HashMap<String, PathBuf>,
    files: HashMap<PathBuf, DataFile>,
    order: Vec<PathBuf>,
}

struct DataFile {
    file: Arc<File>,
    path: Arc<PathBuf>,
    len: u64,
    opened: OpenedFile,
}

impl External {
    pub(super) fn new(model: &Path, stand_ins: HashMap<String, PathBuf>) -> Self {
        Self { model: model.to_owned(), stand_ins, files: HashMap::new(), order: Vec::new() }
    }

    /// The files that were opened, in the order of their first use.
    pub(super) fn finish(mut self) -> (Vec<PathBuf>, Vec<OpenedFile>) {
        let files = self.order.iter().filter_map(|p| self.files.remove(p));
        files.map(|f| (f.path.to_path_buf(), f.opened)).unzip()
    }

    /// Finds the data that the entries of `external_data` describe: `bytes` of it.
    ///
    /// # Errors
    /// Locations outside of the folder, missing or short files, and numbers that do not fit the tensor.
    pub(super) fn find(&mut self, entries: &[(Text, Text)], bytes: u64) -> Result<(Arc<File>, Arc<PathBuf>, u64)> {
        let entry = |key: &str| entries.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v);
        let number = |key: &str| {
            let text = entry(key).filter(|t| !t.is_empty());
            text.map(|t| {
                t.trim()
                    .parse::<u64>()
                    .map_err(|_| ModelError::bad(format!("the {key} {t:?} of its external data is not a number")))
            })
            .transpose()
        };
        let Some(location) = entry("location").filter(|l| !l.is_empty()) else {
            return Err(ModelError::bad("its external data has no location"));
        };
        let offset = number("offset")?.unwrap_or(0);
        if let Some(length) = number("length")?.filter(|n| *n != bytes) {
            let what = format!("its external data has {length} bytes, but its type and shape need {bytes}");
            return Err(ModelError::bad(what));
        }
        let file = self.open(location)?;
        if offset.checked_add(bytes).is_none_or(|end| end > file.len) {
            let what = format!(
                "its data is at {offset} to {} of {location:?}, which has {} bytes",
                offset.saturating_add(bytes),
                file.len
            );
            let hint = "The data file is incomplete, or it belongs to another model.";
            return Err(ModelError::bad(what).defect(Defect::Cut).with_hint(hint));
        }
        Ok((file.file.clone(), file.path.clone(), offset))
    }

    fn open(&mut self, location: &str) -> Result<&DataFile> {
        let relative = Path::new(location);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if !plain || location.contains('\0') {
            let what = format!("its external data is at {location:?}, which is outside of the folder of the model");
            let hint =
                "Data files are only read from the folder of the model. Save the model again with its data next to it.";
            return Err(ModelError::bad(what).with_hint(hint));
        }
        let folder = self.model.parent().unwrap_or(Path::new(""));
        let path = self.stand_ins.get(location).cloned().unwrap_or_else(|| folder.join(relative));
        if !self.files.contains_key(&path) {
            if self.files.len() >= MAX_OPEN {
                return Err(ModelError::limit(format!("the model has more than {MAX_OPEN} data files")));
            }
            let file = self.open_new(location, &path)?;
            self.order.push(path.clone());
            self.files.insert(path.clone(), file);
        }
        self.files.get(&path).ok_or_else(|| ModelError::bad("a data file was lost"))
    }

    fn open_new(&self, location: &str, path: &Path) -> Result<DataFile> {
        let Ok(real) = std::fs::canonicalize(path) else {
            let hint = "Put the data file next to the model, under the name that the model has for it.";
            let what = format!("its data file {location:?} is missing");
            return Err(ModelError::bad(what).defect(Defect::Missing).with_hint(hint));
        };
        let folder = self.model.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let homes = [
            std::fs::canonicalize(folder).ok(),
            std::fs::canonicalize(&self.model).ok().and_then(|m| Some(m.parent()?.to_owned())),
        ];
        if !homes.iter().flatten().any(|home| real.starts_with(home)) {
            let what = format!("its data file {location:?} is a link to a file outside of the folder of the model");
            return Err(ModelError::bad(what).with_hint("Replace the link by the file itself, if you trust the model."));
        }
        let file = Arc::new(open_request_file(path)?);
        let meta = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?;
        let opened = OpenedFile { path: path.to_owned(), file: Some(file.clone()), stamp: (&meta).into() };
        Ok(DataFile { file, path: Arc::new(path.to_owned()), len: meta.len(), opened })
    }
}
