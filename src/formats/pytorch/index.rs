//! Sharded checkpoints: `pytorch_model.bin.index.json` and its shards.

use super::limits::MAX_JSON_BYTES;
use super::{empty_model, open_file};
use crate::formats::shards::not_in_index;
use crate::model::{Model, ModelError, Name, OpenedFile, Result, Warning, placeholder, python_json, read_request_file};
use crate::units::are;
use indexmap::IndexMap;
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// The name of the index that a shard belongs to: `NAME-00001-of-00002.EXT` → `NAME.EXT.index.json`; `None` for other files.
pub(crate) fn index_of_shard(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, ext) = name.rsplit_once('.')?;
    let (rest, total) = stem.rsplit_once("-of-")?;
    let (base, number) = rest.rsplit_once('-')?;
    let digits = |s: &str| s.len() == 5 && s.bytes().all(|b| b.is_ascii_digit());
    (digits(total) && digits(number)).then(|| path.with_file_name(format!("{base}.{ext}.index.json")))
}

/// Opens a sharded checkpoint through its index. Shards are read in the order of their names, tensors in the order of each.
///
/// # Errors
/// An index that is not JSON or names files outside its folder; missing shards, by name; tensors that are not in their
/// shard; what is wrong with a shard.
pub(crate) fn open_index(path: &Path) -> Result<Model> {
    let index = OpenedFile::by_path(path)?;
    let bytes = read_request_file(path, MAX_JSON_BYTES)?;
    if let Some(error) = placeholder(&bytes, true, false) {
        return Err(error.in_file(path));
    }
    let bad = |what: String| ModelError::bad(what).in_file(path);
    let json: serde_json::Value = python_json::from_slice(&bytes).map_err(|e| bad(format!("not valid JSON: {e}")))?;
    let (wanted, shards) = weight_map(&json).map_err(|e| e.in_file(path))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let missing: Vec<&str> = shards.iter().copied().filter(|s| !folder.join(s).is_file()).collect();
    if !missing.is_empty() {
        let (n, are) = (missing.len(), are(missing.len()));
        let what = format!("{n} of {} shards {are} missing: {}", shards.len(), missing.join(", "));
        let error = ModelError::bad(what).in_file(path);
        return Err(error.with_hint("Download the missing files into the same folder."));
    }
    let mut model = empty_model(path);
    model.opened.push(index);
    model.files.clear();
    let mut found: HashMap<Name, String> = HashMap::new();
    let mut extra: Vec<Name> = Vec::new();
    for shard in shards {
        let file = folder.join(shard);
        let part = open_file(&file).map_err(|e| e.in_file(&file))?;
        for tensor in &part.tensors {
            if let Some(other) = found.insert(tensor.name.clone(), shard.to_owned()) {
                let what = format!("the tensor is in two shards, {other} and {shard}");
                return Err(bad(what).field(tensor.name.clone()));
            }
            if !wanted.contains_key(tensor.name.as_str()) {
                extra.push(tensor.name.clone());
            }
        }
        part.unreadable.iter().for_each(|u| _ = found.insert(u.name.as_str().into(), shard.to_owned()));
        append(&mut model, part);
        model.files.push(file);
    }
    let absent: Vec<&str> = wanted.keys().copied().filter(|t| !found.contains_key(*t)).collect();
    if let Some(first) = absent.first() {
        let what = format!(
            "{} tensors of the index are in none of the shards; the first should be in {}",
            absent.len(),
            wanted[first]
        );
        return Err(bad(what)
            .field(super::pickle::printable(first))
            .with_hint("Check that the index and the shards belong to the same model."));
    }
    if let Some(first) = extra.first() {
        let text = not_in_index(wanted.len(), extra.len(), &super::pickle::printable(first));
        model.warnings.push(Warning::new("pytorch.not-in-index", text));
    }
    Ok(model)
}

/// The `weight_map` of an index: the shard of each tensor, and the names of the shards.
fn weight_map(json: &serde_json::Value) -> Result<(IndexMap<&str, &str>, BTreeSet<&str>)> {
    let map = json.get("weight_map").and_then(|m| m.as_object());
    let map = map.ok_or_else(|| ModelError::bad("the index has no `weight_map`"))?;
    let mut wanted: IndexMap<&str, &str> = IndexMap::new();
    let mut shards: BTreeSet<&str> = BTreeSet::new();
    for (tensor, shard) in map {
        let shard = shard.as_str();
        let shard = shard.ok_or_else(|| ModelError::bad("the name of a shard is not a string").field(tensor))?;
        let mut parts = Path::new(shard).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            let what = format!("it names `{}`, which is not a file of its own folder", super::pickle::printable(shard));
            let hint = "No tool writes such an index; do not trust this model.";
            return Err(ModelError::bad(what).field(tensor).with_hint(hint));
        }
        wanted.insert(tensor, shard);
        shards.insert(shard);
    }
    Ok((wanted, shards))
}

/// Adds the contents of a shard to the model.
fn append(model: &mut Model, part: Model) {
    let before = model.tensors.len();
    model.tensors.extend(part.tensors);
    for mut unread in part.unreadable {
        unread.before += before;
        model.unreadable.push(unread);
    }
    for line in part.opaque {
        if !model.opaque.contains(&line) {
            model.opaque.push(line);
        }
    }
    for warning in part.warnings {
        if !model.warnings.contains(&warning) {
            model.warnings.push(warning);
        }
    }
    model.checks.0.extend(part.checks.0);
    model.opened.extend(part.opened);
}
