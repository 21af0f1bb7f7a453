//! A safetensors file, or the set it belongs to, as a model.

use super::INDEX_SUFFIX;
use super::header::{Header, read_header};
use super::index::read_index;
use crate::formats::TensorPlace;
use crate::formats::limits;
use crate::formats::shards::{self, ShardName};
use crate::model::{
    FileSlice, FormatId, MetaValue, Metadata, Model, ModelError, Name, OpenedFile, Result, Sidecars, TensorEntry,
    Warning,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens a single file, any shard of a set, or the index of one.
///
/// # Errors
/// As [`read_header`]; missing or contradicting shards.
pub(crate) fn open(path: &Path) -> Result<Model> {
    if path.to_string_lossy().ends_with(INDEX_SUFFIX) {
        return open_index(path);
    }
    let Some(name) = ShardName::parse(path).filter(|n| n.count > 1) else {
        return Ok(join(path, &[path.to_owned()])?.0);
    };
    let mut index = name.prefix.clone().into_os_string();
    index.push(INDEX_SUFFIX);
    let index = PathBuf::from(index);
    let mut model = if index.is_file() {
        open_index(&index)?
    } else {
        let paths: Vec<PathBuf> = (1..=name.count).map(|i| name.path(i)).collect();
        shards::all_present(&paths)?;
        open_shards(path, &paths)?
    };
    path.clone_into(&mut model.path);
    Ok(model)
}

/// Opens the set an index describes.
///
/// # Errors
/// As [`open`]; an index and shards that disagree.
pub fn open_index(path: &Path) -> Result<Model> {
    let opened = OpenedFile::by_path(path)?;
    let index = read_index(path)?;
    shards::all_present(&index.shards)?;
    let (mut model, holders) = join(path, &index.shards)?;
    model.opened.push(opened);
    let folder = path.parent().unwrap_or(Path::new(""));
    let absent: Vec<(&String, &String)> = index
        .weight_map
        .iter()
        .filter(|(tensor, shard)| holders.get(tensor.as_str()).is_none_or(|&i| model.files[i] != folder.join(shard)))
        .collect();
    if let Some((first, shard)) = absent.first() {
        let (n, all) = (absent.len(), index.weight_map.len());
        let what =
            format!("{n} of {all} tensors are not in the shard that the index lists; the first should be in {shard}");
        let error = ModelError::bad(what).in_file(path).field(super::dtype::truncated(first));
        return Err(error.with_hint("Check that the index and the shards belong to the same model."));
    }
    let extra: Vec<&str> =
        model.tensors.iter().map(|t| t.name.as_str()).filter(|n| !index.weight_map.contains_key(*n)).collect();
    if let Some(first) = extra.first() {
        let text = shards::not_in_index(index.weight_map.len(), extra.len(), first);
        model.warnings.push(Warning::new("safetensors.not-in-index", text));
    }
    let strays = shards::strays(folder, &index.shards);
    if let Some(first) = strays.first() {
        let text = format!(
            "the index lists {} shards of a set of {}; {} other files of the set are ignored, the first is {first}",
            index.shards.len(),
            index.shards.len() + strays.len(),
            strays.len()
        );
        model.warnings.push(Warning::new("safetensors.shard-not-in-index", text));
    }
    Ok(model)
}

/// Opens one file as it is, whatever set it belongs to.
///
/// # Errors
/// As [`read_header`].
pub(crate) fn open_alone(path: &Path) -> Result<Model> {
    join(path, &[path.to_owned()]).map(|(model, _)| model)
}

/// Opens a set of files that belong together but have no index.
///
/// # Errors
/// As [`read_header`]; a tensor that is in two files.
pub(crate) fn open_shards(path: &Path, files: &[PathBuf]) -> Result<Model> {
    let (mut model, _) = join(path, files)?;
    let text = format!("{} shards have no index; they were found by their names", files.len());
    model.warnings.push(Warning::new("safetensors.no-index", text));
    Ok(model)
}

/// Reads the headers of `files` into one model; also returns which of them each tensor is in.
fn join(path: &Path, files: &[PathBuf]) -> Result<(Model, HashMap<Name, usize>)> {
    let mut tensors: Vec<TensorEntry> = Vec::new();
    let mut metadata = Metadata::new();
    let mut holders = HashMap::new();
    let mut opened = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let mut header = read_header(file)?;
        opened.push(header.opened.clone());
        if (tensors.len() + header.tensors.len()) as u64 > limits::TENSORS {
            let what = format!("more than the {} tensors allowed in a model", limits::TENSORS);
            return Err(ModelError::limit(what).in_file(file));
        }
        // Moved, not copied: there may be a million.
        for t in std::mem::take(&mut header.tensors) {
            if let Some(other) = holders.insert(t.name.clone(), i) {
                let other = files[other].file_name().unwrap_or_default().to_string_lossy().into_owned();
                let error = ModelError::bad(format!("the tensor is also in {other}")).in_file(file);
                return Err(error.at(t.offset).field(super::dtype::truncated(&t.name)));
            }
            tensors.push(entry(&header, t));
        }
        for (k, v) in header.metadata {
            metadata.entry(k).or_insert(MetaValue::Str(v));
        }
    }
    let model = Model {
        path: path.to_owned(),
        format: FormatId::Safetensors,
        files: files.to_vec(),
        opened,
        tensors,
        metadata,
        sidecars: Sidecars::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    };
    Ok((model, holders))
}

fn entry(header: &Header, t: TensorPlace) -> TensorEntry {
    let row_bytes = t.encoding.row_bytes(t.shape.cols()).unwrap_or(0);
    let data = FileSlice { file: header.file.clone(), path: header.path.clone(), offset: t.offset, row_bytes };
    TensorEntry::new(t.name, t.shape, t.encoding, Arc::new(data))
}
