//! Reads the headers of one unit of a scan.

use super::{Found, FoundKind, Unit};
use crate::formats::hf::{self, Repository};
use crate::formats::limits;
use crate::formats::{FORMATS, Verdict, open_file, probe_sure, shards, whole_path};
use crate::model::{Defect, FormatId, ModelError, Result, UNSAFE_CODE};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The contents of the headers.
#[derive(Default)]
struct Summary {
    title: Option<String>,
    architecture: Option<String>,
    tensors: usize,
    parameters: u64,
    bytes_by: HashMap<Encoding, u64>,
    warnings: usize,
    unsafe_code: bool,
    is_no_model: bool,
}

impl Summary {
    fn add(&mut self, shape: &Shape, encoding: Encoding) {
        self.tensors += 1;
        self.parameters = self.parameters.saturating_add(shape.elems().unwrap_or(0));
        let sum = self.bytes_by.entry(encoding).or_default();
        *sum = sum.saturating_add(encoding.tensor_bytes(shape).unwrap_or(0));
    }
}

/// The entry of a unit; `None` for files with an ambiguous extension that turn out not to be models.
pub(super) fn describe(unit: &Unit) -> Option<Found> {
    let by_name = format_by_name(&unit.path);
    let whole = match by_name.filter(|_| unit.files.len() > 1) {
        Some(format) => whole_path(format, &unit.path),
        None => unit.path.clone(),
    };
    let named = if unit.kind == FoundKind::File { whole.file_stem() } else { unit.path.file_name() };
    // A snapshot in the cache of Hugging Face is named after a commit.
    let repository = Repository::of(&unit.path).filter(|_| unit.kind == FoundKind::Folder);
    let mut found = Found {
        path: unit.path.clone(),
        kind: unit.kind,
        format: None,
        bytes: 0,
        title: match (repository, named) {
            (Some(repository), _) => repository.name().to_owned(),
            (None, Some(name)) => name.to_string_lossy().into_owned(),
            (None, None) => unit.path.display().to_string(),
        },
        architecture: None,
        tensors: 0,
        parameters: 0,
        encoding: None,
        files: unit.files.len().max(1),
        modified: 0,
        defect: None,
        warnings: 0,
        error: None,
        fact: None,
        unsupported: false,
    };
    if let Some(e) = &unit.error {
        found.wrong(e);
        return Some(found);
    }
    if unit.kind == FoundKind::Folder {
        found.architecture = model_type(&unit.path);
    }
    let files = match weights(&unit.files) {
        Ok(files) => files,
        Err(e) => {
            found.format = e.format().or(by_name);
            found.wrong(&e);
            return Some(found);
        }
    };
    found.files = files.len();
    found.modified = files.iter().map(|f| modified(f)).max().unwrap_or(0);
    found.bytes = files.iter().flat_map(|f| hf::stored_bytes(f)).fold(0, u64::saturating_add);
    if let Err(e) = shards::all_present(&files) {
        found.format = e.format().or_else(|| files.iter().find_map(|f| format_by_name(f)));
        found.wrong(&e);
        return Some(found);
    }
    match summarize(&files, &mut found.format) {
        Ok(s) if s.is_no_model => return None,
        Ok(s) => {
            found.title = s.title.unwrap_or(found.title);
            found.architecture = found.architecture.or(s.architecture);
            found.tensors = s.tensors;
            found.parameters = s.parameters;
            (found.warnings, found.defect) = (s.warnings, s.unsafe_code.then_some(Defect::Unsafe));
            found.encoding = s.bytes_by.into_iter().max_by_key(|&(e, bytes)| (bytes, e)).map(|(e, _)| e);
        }
        Err(e) => {
            if unit.kind == FoundKind::File && found.format.is_none() && ambiguous(&unit.path) {
                return None;
            }
            found.wrong(&e);
            // A file that was written to just now is not finished, rather than damaged.
            if found.defect == Some(Defect::Cut) && now().saturating_sub(found.modified) < SETTLED {
                found.defect = Some(Defect::Growing);
            }
        }
    }
    Some(found)
}

/// The format whose extension a file has.
fn format_by_name(path: &Path) -> Option<FormatId> {
    let extension = path.extension()?.to_str()?;
    FORMATS.iter().find(|s| s.extensions.contains(&extension)).map(|s| s.id)
}

/// Seconds since the last write after which an incomplete file counts as cut, and not as growing.
const SETTLED: i64 = 60;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0)
}

fn modified(file: &Path) -> i64 {
    std::fs::metadata(file).map_or(0, |m| m.mtime())
}

/// Extensions that many kinds of files have: these files must be recognized as models by their bytes.
fn ambiguous(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "bin" || e == "pb")
}

/// The weights files, existing or not, behind a unit's files: an index is replaced by its shards.
fn weights(files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    Ok(match files {
        [index] if index.extension().is_some_and(|e| e == "json") => hf::shards_of_index(index)?,
        files => files.to_vec(),
    })
}

fn summarize(files: &[PathBuf], format: &mut Option<FormatId>) -> Result<Summary> {
    let mut s = Summary::default();
    for (i, path) in files.iter().enumerate() {
        let (spec, verdict) = probe_sure(path)?;
        if verdict == Verdict::Weak && ambiguous(path) {
            return Err(ModelError::bad("not a model").in_file(path));
        }
        *format = Some(spec.id);
        let Some(outline) = spec.read.as_ref().and_then(|r| r.outline) else {
            let model = open_file(path)?;
            model.tensors.iter().for_each(|t| s.add(&t.shape, t.encoding));
            s.warnings += model.warnings.len();
            s.unsafe_code |= model.warnings.iter().any(|w| w.code == UNSAFE_CODE);
            continue;
        };
        let outline = outline(path)?;
        s.is_no_model |= outline.is_no_model;
        outline.tensors.iter().for_each(|(shape, encoding)| s.add(shape, *encoding));
        if i == 0 {
            (s.title, s.architecture) = (outline.title, outline.architecture);
        }
    }
    if s.tensors == 0 && s.architecture.is_none() {
        let error = ModelError::bad("no tensors").in_file(&files[0]);
        return Err(if s.unsafe_code { error.defect(Defect::Unsafe) } else { error });
    }
    Ok(s)
}

/// `model_type` of a folder's configuration.
fn model_type(folder: &Path) -> Option<String> {
    let len = std::fs::metadata(folder.join("config.json")).ok()?.len();
    if len > limits::SCAN_CONFIG_BYTES {
        return None;
    }
    let config = crate::formats::hf::collect_one(folder, "config.json")?;
    let value = config.json("config.json").ok()??;
    value.get("model_type")?.as_str().map(str::to_owned)
}
