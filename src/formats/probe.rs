//! Which format a path holds, by its bytes first and its name second.

use super::{FORMATS, FormatSpec, hf};
use crate::model::{
    FormatId, Hint, Model, ModelError, OpenedFile, Remedy, Result, Sidecar, open_request_file, placeholder,
};
use std::io::Read;
use std::path::Path;

/// Bytes of the file's beginning a probe may look at.
pub(crate) const HEAD_BYTES: usize = 4096;

/// The input of a probe.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// The path, for its name only.
    pub path: &'a Path,
    /// The first bytes, at most [`HEAD_BYTES`].
    pub bytes: &'a [u8],
    /// Length of the whole file.
    pub len: u64,
}

/// A probe's answer. Bytes take precedence over names: an extension alone is at most `Weak`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Not this format.
    No,
    /// Possibly; the extension decides between several.
    Weak,
    /// A magic number or an equally specific structure was found.
    Strong,
}

/// Finds the format of a file.
///
/// # Errors
/// I/O errors; a bad-file error that shows the first bytes when no format claims it.
pub(crate) fn probe(path: &Path) -> Result<&'static FormatSpec> {
    probe_sure(path).map(|(spec, _)| spec)
}

/// As [`probe`], and how certain it is.
pub(super) fn probe_sure(path: &Path) -> Result<(&'static FormatSpec, Verdict)> {
    let mut file = open_request_file(path)?;
    let len = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?.len();
    if len == 0 {
        let hint = "Is it still being written or downloaded?";
        return Err(ModelError::bad("the file is empty").in_file(path).with_hint(hint));
    }
    let mut bytes = Vec::new();
    let mut head = (&mut file).take(HEAD_BYTES as u64);
    head.read_to_end(&mut bytes).map_err(|e| ModelError::io(path, "reading", e))?;
    let head = Head { path, bytes: &bytes, len };
    if let Some(error) = placeholder(&bytes, bytes.len() as u64 == len, false) {
        return Err(error.in_file(path));
    }
    let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    let best = FORMATS
        .iter()
        .map(|s| {
            ((s.probe)(&head), s.extensions.contains(&ext.as_str()) || s.rare_extensions.contains(&ext.as_str()), *s)
        })
        .filter(|(v, by_name, _)| *v == Verdict::Strong || (*v == Verdict::Weak && *by_name))
        .max_by_key(|(v, by_name, _)| (*v, *by_name));
    best.map(|(v, _, s)| (s, v)).ok_or_else(|| {
        let shown: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let what = format!("not a known model format; the file begins with {}", shown.join(" "));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let sidecar = hf::SIDECARS.contains(&&*name);
        let hint = if sidecar {
            Hint::from("This file belongs to a model folder; pass the path of the folder.")
        } else {
            readable()
        };
        ModelError::bad(what).in_file(path).with_hint(hint)
    })
}

/// Opens a model: a file of any format, an index of shards, or a folder. A weights file of a model folder comes with the
/// folder's sidecar files.
///
/// # Errors
/// The errors of the format's reader, with file and place.
pub fn open(path: &Path) -> Result<Model> {
    if path.is_dir() {
        return finish(hf::open(path)?);
    }
    let mut model = open_file(path)?;
    hf::attach(&mut model, path.parent().unwrap_or(Path::new("")));
    finish(model)
}

/// Records the sidecar files among those that were opened.
fn finish(mut model: Model) -> Result<Model> {
    // Sidecars are read later, from their paths.
    for sidecar in model.sidecars.0.values() {
        if let Sidecar::File(path) = sidecar {
            // If the file's metadata cannot be read, reading the file gives its own error.
            model.opened.extend(OpenedFile::by_path(path));
        }
    }
    Ok(model)
}

/// Opens a model as one of that format, regardless of its bytes and its name; in a folder, only files with that format's extensions
/// count as weights. `None`: as [`open`].
///
/// # Errors
/// As [`open`]; a format that is not read.
pub(crate) fn open_as_format(path: &Path, format: Option<FormatId>) -> Result<Model> {
    let Some(spec) = format.and_then(super::spec) else { return open(path) };
    let opened = if path.is_dir() && spec.read.is_some() {
        hf::open_with(path, &|name| belongs_to(spec, name)).and_then(finish)
    } else {
        open_as(path, spec).and_then(|mut model| {
            hf::attach(&mut model, path.parent().unwrap_or(Path::new("")));
            finish(model)
        })
    };
    // Where the source can be read as what it is, the format that was requested is the mistake.
    opened.map_err(|e| match open(path) {
        Ok(model) if model.format != spec.id => {
            let what = format!("the source is {}, but the recipe says {}", model.format, spec.id);
            ModelError::request(what)
                .in_file(path)
                .field("source.format")
                .with_hint("Remove `format` from the recipe's [source], or use another source.")
        }
        _ => e,
    })
}

/// True unless a file's name says that it contains the weights of another format.
fn belongs_to(spec: &FormatSpec, name: &str) -> bool {
    let name = name.strip_suffix(".index.json").unwrap_or(name);
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    spec.extensions.contains(&&*extension) || !super::extensions().any(|e| e == extension)
}

/// Opens a file (or the set it belongs to) without looking for sidecar files.
///
/// # Errors
/// As [`open`].
pub fn open_file(path: &Path) -> Result<Model> {
    let spec = probe(path)?;
    open_as(path, spec)
}

fn readable() -> Hint {
    Hint::from(Remedy::Run("formats".to_owned())).then(" lists the formats that can be read.")
}

/// Opens a file as one of that format.
fn open_as(path: &Path, spec: &FormatSpec) -> Result<Model> {
    match &spec.read {
        Some(read) => (read.open)(path).map_err(|e| e.in_file(path).in_format(spec.id)),
        None => {
            let what = format!("this is {}, which is not supported yet", spec.noun);
            let error = ModelError::unsupported(what).in_file(path).in_format(spec.id);
            Err(error.with_hint(readable()))
        }
    }
}
