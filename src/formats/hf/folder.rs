//! Finds the file of a folder that contains the weights.

use super::entries::{PYTORCH_INDEX, entries};
use super::hub::Repository;
use super::sidecars::collect;
use super::training::{Ranks, sharded, sharded_inside, training, training_state};
use crate::formats::safetensors::INDEX_SUFFIX;
use crate::formats::shards::ShardName;
use crate::formats::{FORMATS, FormatSpec, OutputKind, pytorch, safetensors};
use crate::model::{Hint, Model, ModelError, Remedy, Result};
use std::path::{Path, PathBuf};

/// What can be done with a folder of models.
const ALL: Remedy = Remedy::OnCommandLine(" (`remold convert --recursive` converts all of them)");

/// Where the weights of a folder are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// One file; a shard or a split file represents its set.
    File(PathBuf),
    /// An index of safetensors shards.
    SafetensorsIndex(PathBuf),
    /// Safetensors files that belong together without an index.
    SafetensorsSet(Vec<PathBuf>),
    /// An index of PyTorch shards.
    PytorchIndex(PathBuf),
}

/// Finds the weights among the file names of a folder; `None` if there are none.
///
/// # Errors
/// When several files could be the model; they are named.
pub fn find_weights(folder: &Path, files: &[String]) -> Result<Option<Weights>> {
    let has = |name: &str| files.iter().any(|f| f == name);
    let file = |name: &str| Some(Weights::File(folder.join(name)));
    if has("model.safetensors") {
        return Ok(file("model.safetensors"));
    }
    let indexes: Vec<&String> = files.iter().filter(|f| f.ends_with(INDEX_SUFFIX)).collect();
    if let Some(index) = indexes.iter().find(|f| *f.as_str() == *"model.safetensors.index.json").or(indexes.first()) {
        return Ok(Some(Weights::SafetensorsIndex(folder.join(index))));
    }
    if let Some(set) = sets(folder, files, "safetensors")? {
        return Ok(Some(match set.as_slice() {
            [one] => Weights::File(one.clone()),
            _ => Weights::SafetensorsSet(set),
        }));
    }
    if has("pytorch_model.bin") {
        return Ok(file("pytorch_model.bin"));
    }
    if has(PYTORCH_INDEX) {
        return Ok(Some(Weights::PytorchIndex(folder.join(PYTORCH_INDEX))));
    }
    let consolidated: Vec<&String> =
        files.iter().filter(|f| f.starts_with("consolidated.") && f.ends_with(".pth")).collect();
    match consolidated.as_slice() {
        [] => {}
        [one] => return Ok(file(one)),
        many => {
            let what = format!("{} consolidated.*.pth files, each with a slice of every tensor", many.len());
            let error = ModelError::unsupported(what).in_file(folder);
            return Err(error.with_hint("Use the Hugging Face version of this model."));
        }
    }
    if let Some(ranks) = Ranks::of(files) {
        return Ok(file(ranks.file()));
    }
    for (ext, has_sets) in lone_extensions() {
        let Some(set) = sets(folder, files, ext)? else { continue };
        if set.len() > 1 && !has_sets {
            let what = format!("{} shards without {PYTORCH_INDEX}", set.len());
            return Err(ModelError::bad(what).in_file(folder).with_hint("Download the index file of this model too."));
        }
        return Ok(set.into_iter().find(|p| p.is_file()).map(Weights::File));
    }
    Ok(None)
}

/// The extensions by which a lone file is found to be the weights of a folder, those to be preferred first: of formats with everything in
/// one file, of other formats that are read, of those that are only recognized. With each, whether its files can be a set without an index.
fn lone_extensions() -> impl Iterator<Item = (&'static str, bool)> {
    let has_sets = |f: &FormatSpec| f.write.as_ref().is_some_and(|w| w.whole_path.is_some());
    let alone = |f: &FormatSpec| f.write.as_ref().is_some_and(|w| w.output == OutputKind::File);
    let mut formats: Vec<&FormatSpec> = FORMATS.to_vec();
    formats.sort_by_key(|f| (!alone(f), f.read.is_none()));
    // A SavedModel is a folder; what it holds is not weights.
    let extensions = formats.into_iter().flat_map(move |f| f.extensions.iter().map(move |e| (*e, has_sets(f))));
    extensions.filter(|(ext, _)| *ext != "pb")
}

/// The one file, or the one complete or incomplete set of shards, with that extension.
fn sets(folder: &Path, files: &[String], ext: &str) -> Result<Option<Vec<PathBuf>>> {
    let is_weights =
        |f: &&String| f.rsplit_once('.').is_some_and(|(stem, e)| e == ext && !stem.is_empty()) && training(f).is_none();
    let paths: Vec<PathBuf> = files.iter().filter(is_weights).map(|f| folder.join(f)).collect();
    let Some(first) = paths.first() else {
        return Ok(None);
    };
    if paths.len() == 1 && ShardName::parse(first).is_none() {
        return Ok(Some(paths));
    }
    let Some(name) = ShardName::parse(first) else {
        return Err(ambiguous(folder, &paths));
    };
    let same = |p: &PathBuf| ShardName::parse(p).is_some_and(|n| n.prefix == name.prefix && n.count == name.count);
    if !paths.iter().all(same) {
        return Err(ambiguous(folder, &paths));
    }
    Ok(Some((1..=name.count).map(|i| name.path(i)).collect()))
}

fn ambiguous(folder: &Path, paths: &[PathBuf]) -> ModelError {
    let names: Vec<_> = paths.iter().take(4).filter_map(|p| p.file_name()?.to_str()).collect();
    let what = format!("several files could be the model ({}): {}", paths.len(), names.join(", "));
    ModelError::request(what)
        .in_file(folder)
        .with_hint(Hint::from("Pass the path of one of these files").then(ALL).then("."))
}

/// Opens a model folder; for a repository of the Hugging Face cache, its snapshot.
///
/// # Errors
/// No weights in it, several candidates, or an error of the format's reader.
pub(crate) fn open(folder: &Path) -> Result<Model> {
    open_with(folder, &|_| true)
}

/// As [`open`], restricted to the files that the filter keeps.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_with(folder: &Path, keep: &dyn Fn(&str) -> bool) -> Result<Model> {
    let snapshot = Repository::at(folder).map(|r| r.snapshot()).transpose()?;
    let folder = snapshot.as_deref().unwrap_or(folder);
    let (mut files, folders) = entries(folder)?;
    files.retain(|name| keep(name));
    let found = find_weights(folder, &files).map_err(|e| sharded(folder, &files).unwrap_or(e))?;
    let Some(weights) = found else {
        return match Ranks::inside(folder, &folders) {
            Some((ranks, inner)) => open_ranks(folder, &ranks, Some(&inner), (&files, &folders)),
            None => Err(nothing(folder, &files, &folders)),
        };
    };
    if let Weights::File(path) = &weights
        && let Some(ranks) = Ranks::of(&files)
        && path.ends_with(ranks.file())
    {
        return open_ranks(folder, &ranks, None, (&files, &folders));
    }
    // A user who names a folder of model folders does not mean the one loose file in it.
    if let Weights::File(path) = &weights
        && !files.iter().any(|f| f == "config.json" || f == "adapter_config.json")
    {
        let inside = model_folders(folder, &folders);
        if !inside.is_empty() {
            let loose = path.file_name().unwrap_or_default().to_string_lossy();
            let what = "the folder holds several models";
            let hint = format!("Pass the path of one of them: {loose}, {}.", inside.join(", "));
            return Err(ModelError::request(what).in_file(folder).with_hint(hint));
        }
    }
    let mut model = match &weights {
        Weights::File(path) => crate::formats::open_file(path)?,
        Weights::SafetensorsIndex(path) => safetensors::open_index(path)?,
        Weights::SafetensorsSet(paths) => {
            crate::formats::shards::all_present(paths)?;
            safetensors::open_shards(folder, paths)?
        }
        Weights::PytorchIndex(path) => pytorch::open_index(path)?,
    };
    folder.clone_into(&mut model.path);
    model.sidecars = collect(folder);
    model.opaque.extend(training_state(folder, &files, &folders));
    Ok(model)
}

/// Opens what the ranks of a training run wrote, in `folder` or in its subfolder `inner`.
fn open_ranks(
    folder: &Path,
    ranks: &Ranks,
    inner: Option<&str>,
    (files, folders): (&[String], &[String]),
) -> Result<Model> {
    let path = inner.map_or_else(|| folder.to_owned(), |i| folder.join(i)).join(ranks.file());
    let mut model = crate::formats::open_file(&path).map_err(|e| ranks.refused(e, folder, inner, files))?;
    folder.clone_into(&mut model.path);
    model.sidecars = collect(folder);
    // The configuration is kept in the checkpoint, not in the folder of the ranks.
    if let Some(above) = Ranks::checkpoint_of(folder).filter(|_| !model.sidecars.has("config.json")) {
        let sidecars = collect(&above);
        if sidecars.has("config.json") {
            model.sidecars = sidecars;
        }
    }
    let others: Vec<String> = files.iter().filter(|f| *f != ranks.file()).cloned().collect();
    model.opaque.extend(training_state(folder, &others, folders));
    Ok(model)
}

/// The subfolders that contain weights, a few of them.
fn model_folders<'a>(folder: &Path, folders: &'a [String]) -> Vec<&'a str> {
    const SHOWN: usize = 20;
    let holds_weights = |f: &&String| {
        let sub = folder.join(f);
        entries(&sub).is_ok_and(|(files, _)| !matches!(find_weights(&sub, &files), Ok(None)))
    };
    folders.iter().filter(holds_weights).take(SHOWN).map(String::as_str).collect()
}

/// The error for a folder without weights, which says what is there instead.
fn nothing(folder: &Path, files: &[String], folders: &[String]) -> ModelError {
    if let Some(error) = sharded(folder, files) {
        return error;
    }
    let inside = model_folders(folder, folders);
    if let Some(error) = inside.is_empty().then(|| sharded_inside(folder, files, folders)).flatten() {
        return error;
    }
    if files.iter().any(|f| f == "saved_model.pb") {
        let error = ModelError::unsupported("this is a TensorFlow SavedModel, which is not supported yet");
        return error.in_file(folder).in_format(crate::model::FormatId::Savedmodel);
    }
    if files.iter().any(|f| matches!(f.as_str(), "tf_model.h5" | "flax_model.msgpack")) {
        let error = ModelError::unsupported("the folder has only TensorFlow or Flax weights, which are not supported");
        return error.in_file(folder).with_hint("Download the safetensors or PyTorch weights of this model too.");
    }
    let error =
        ModelError::bad(format!("no weights in this folder ({})", super::super::readable_names())).in_file(folder);
    match inside.as_slice() {
        [] => error.with_hint("A model folder contains a model.safetensors or a similar file."),
        names => {
            let text = format!("Did you mean one of its subfolders? {}", names.join(", "));
            error.with_hint(Hint::from(text).then(ALL).then("."))
        }
    }
}
