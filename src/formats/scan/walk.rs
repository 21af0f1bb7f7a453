//! Which folders and files may be models, by their names only.

use super::{FoundKind, Unit};
use crate::formats::hf::{self, Weights};
use crate::formats::shards::ShardName;
use crate::formats::{FORMATS, FormatSpec, OutputKind, has_model_extension, is_self_contained};
use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders entered at most: a scan accidentally started in `/` must end.
const MAX_FOLDERS: usize = 20_000;

pub(super) fn units(root: &Path, max_depth: usize) -> Vec<Unit> {
    if root.is_file() {
        return vec![Unit { path: root.to_owned(), kind: FoundKind::File, files: set_of(root), error: None }];
    }
    let mut units = Vec::new();
    let mut entered = HashSet::new();
    let mut todo = vec![(root.to_owned(), 0)];
    while let Some((dir, depth)) = todo.pop() {
        let Ok(meta) = std::fs::metadata(&dir) else { continue };
        if entered.len() >= MAX_FOLDERS || !entered.insert((meta.dev(), meta.ino())) {
            continue;
        }
        let (files, folders) = match hf::entries(&dir) {
            Ok(lists) => lists,
            Err(e) => {
                units.push(Unit { path: dir, kind: FoundKind::Nothing, files: Vec::new(), error: Some(e) });
                continue;
            }
        };
        let is_model = folder(&dir, (&files, &folders), &mut units);
        lone_files(&dir, &files, is_model, &mut units);
        // The contents of a SavedModel are not models of their own.
        if depth < max_depth && !files.iter().any(|f| f == "saved_model.pb") {
            let below = folders.iter().filter(|f| !f.starts_with('.') && !f.starts_with("global_step"));
            // The folder of the ranks of this model.
            let ranks = units.last().filter(|_| is_model).and_then(|u| u.files.first()?.parent()).map(Path::to_owned);
            let below = below.map(|f| dir.join(f)).filter(|f| Some(f) != ranks.as_ref());
            todo.extend(below.map(|f| (f, depth + 1)));
        }
    }
    units
}

/// Adds the folder itself if it is a model folder: a configuration or an index is beside weights.
fn folder(dir: &Path, (files, folders): (&[String], &[String]), units: &mut Vec<Unit>) -> bool {
    let telling = |f: &String| {
        matches!(f.as_str(), "config.json" | "adapter_config.json" | "model.safetensors" | "pytorch_model.bin")
            || f.ends_with(".index.json")
            || (f.starts_with("consolidated.") && f.ends_with(".pth"))
    };
    if !files.iter().any(telling) && !of_ranks(dir, (files, folders)) {
        return false;
    }
    let unit = |files, error| Unit { path: dir.to_owned(), kind: FoundKind::Folder, files, error };
    match hf::find_weights(dir, files) {
        // A checkpoint whose weights the ranks wrote one folder deeper.
        Ok(None) => match hf::ranks_inside(dir, folders) {
            Some(path) => units.push(unit(vec![path], None)),
            None => return false,
        },
        // A folder of self-contained files with a config.json is a folder of files.
        Ok(Some(Weights::File(path))) if is_self_contained(&path.to_string_lossy()) => return false,
        Ok(Some(Weights::File(path))) => units.push(unit(vec![path], None)),
        Ok(Some(Weights::SafetensorsSet(paths))) => units.push(unit(paths, None)),
        Ok(Some(Weights::SafetensorsIndex(index) | Weights::PytorchIndex(index))) => {
            units.push(unit(vec![index], None))
        }
        Err(e) if files.iter().any(|f| f == "config.json") && !files.iter().any(|f| is_self_contained(f)) => {
            units.push(unit(Vec::new(), Some(e)));
        }
        Err(_) => return false,
    }
    true
}

/// True for a checkpoint that ranks wrote, with nothing else beside it: torch.distributed.checkpoint or DeepSpeed.
fn of_ranks(dir: &Path, (files, folders): (&[String], &[String])) -> bool {
    let has = |name: &str| files.iter().any(|f| f == name);
    let optimizer = dir.file_name().is_some_and(|n| n.to_string_lossy().starts_with("optimizer"));
    let dcp = has(".metadata") && files.iter().any(|f| f.ends_with(".distcp")) && !optimizer;
    dcp || (has("latest") && hf::ranks_inside(dir, folders).is_some())
}

/// True for a file of a format whose files belong to the model folder they are in.
fn of_folders(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let folder = |f: &&&FormatSpec| f.write.as_ref().is_some_and(|w| w.output == OutputKind::Folder);
    FORMATS.iter().filter(folder).any(|f| f.extensions.contains(&&*extension))
}

/// Adds the files that are models by themselves; the files of a set once.
fn lone_files(dir: &Path, files: &[String], in_model_folder: bool, units: &mut Vec<Unit>) {
    let mut sets: BTreeMap<(PathBuf, u64, String), PathBuf> = BTreeMap::new();
    for name in files {
        let known = has_model_extension(name) && !(in_model_folder && of_folders(name));
        if !known || hf::training(name).is_some() {
            continue;
        }
        let path = dir.join(name);
        if let Some(shard) = ShardName::parse(&path).filter(|s| s.count > 1) {
            sets.entry((shard.prefix, shard.count, shard.ext)).or_insert(path);
        } else {
            units.push(Unit { files: vec![path.clone()], path, kind: FoundKind::File, error: None });
        }
    }
    let sets = sets.into_values();
    units.extend(sets.map(|path| Unit { files: set_of(&path), path, kind: FoundKind::File, error: None }));
}

/// Every file of the set that `path` belongs to, whether it exists or not.
pub(crate) fn set_of(path: &Path) -> Vec<PathBuf> {
    match ShardName::parse(path) {
        Some(name) if name.count > 1 => (1..=name.count).map(|i| name.path(i)).collect(),
        _ => vec![path.to_owned()],
    }
}
