//! Names of sharded files, `stem-00001-of-00005.ext`, as Hugging Face and llama.cpp write them.

use super::limits;
use crate::model::{Defect, ModelError, Result};
use crate::units::are;
use std::path::{Component, Path, PathBuf};

/// The parts of a shard's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardName {
    /// Folder and stem: `dir/model`.
    pub prefix: PathBuf,
    /// This shard, from 1.
    pub index: u64,
    /// How many there are.
    pub count: u64,
    /// Extension without the dot.
    pub ext: String,
}

impl ShardName {
    /// Splits `stem-00001-of-00005.ext`; `None` for other names.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let (stem, ext) = path.file_name()?.to_str()?.rsplit_once('.')?;
        let (stem, count) = stem.rsplit_once("-of-")?;
        let (stem, index) = stem.rsplit_once('-')?;
        let number =
            |s: &str| (s.len() == 5 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<u64>().ok())?;
        let (index, count) = (number(index)?, number(count)?);
        let fits = !stem.is_empty() && (1..=count).contains(&index) && count <= limits::SHARDS;
        fits.then(|| Self { prefix: path.with_file_name(stem), index, count, ext: ext.to_owned() })
    }

    /// The path of shard `index` (from 1) of the same set.
    pub(crate) fn path(&self, index: u64) -> PathBuf {
        let mut name = self.prefix.file_name().unwrap_or_default().to_os_string();
        name.push(format!("-{index:05}-of-{:05}.{}", self.count, self.ext));
        self.prefix.with_file_name(name)
    }
}

/// Checks that every file exists.
///
/// # Errors
/// A bad-file error that names the missing ones.
pub(crate) fn all_present(paths: &[PathBuf]) -> Result<()> {
    let missing: Vec<&PathBuf> = paths.iter().filter(|p| !p.is_file()).collect();
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let shown: Vec<String> =
        missing.iter().take(4).map(|p| p.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let more = if missing.len() > 4 { format!(" and {} more", missing.len() - 4) } else { String::new() };
    let (n, are) = (missing.len(), are(missing.len()));
    let what = format!("{n} of {} files {are} missing: {}{more}", paths.len(), shown.join(", "));
    let folder = first.parent().filter(|p| !p.as_os_str().is_empty() && *p != Path::new("."));
    // The current folder has no name that says anything: a file of the set has.
    let there = paths.iter().find(|p| p.is_file()).map_or(Path::new("."), PathBuf::as_path);
    Err(ModelError::bad(what)
        .defect(Defect::Missing)
        .in_file(folder.unwrap_or(there))
        .with_hint("Put the missing files next to the others and try again."))
}

/// The warning for tensors that an index does not name although they are in its shards.
pub(crate) fn not_in_index(named: usize, extra: usize, first: &str) -> String {
    let all = named + extra;
    let (others, them) = match extra {
        1 => (format!("the other one ({first}) is"), "it"),
        n => (format!("the {n} others (the first is {first}) are"), "them"),
    };
    format!(
        "the index lists {named} of the {all} tensors in its shards; {others} kept, although transformers ignores {them}"
    )
}

/// Files of the same sets as `shards` that are in the folder but not in the list: `model-00002-of-00003` where the others
/// are.
pub(crate) fn strays(folder: &Path, shards: &[PathBuf]) -> Vec<String> {
    let mut sets: Vec<ShardName> = Vec::new();
    for name in shards.iter().filter_map(|s| ShardName::parse(s)) {
        if !sets.iter().any(|s| (&s.prefix, s.count, &s.ext) == (&name.prefix, name.count, &name.ext)) {
            sets.push(name);
        }
    }
    let is_stray = |p: &PathBuf| p.starts_with(folder) && !shards.contains(p) && p.is_file();
    let all = sets.iter().flat_map(|s| (1..=s.count).map(|i| s.path(i)));
    all.filter(is_stray).filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned())).collect()
}

/// The path of a file that a model names relative to its own folder.
///
/// # Errors
/// When the name is absolute, outside the folder or empty.
pub(crate) fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let relative = Path::new(name);
    let stays = relative.components().all(|c| matches!(c, Component::Normal(_)));
    if name.is_empty() || !stays || name.contains(['\0', '\\']) {
        let what = format!("it refers to the file {name:?}, which is not inside the model's folder");
        return Err(ModelError::bad(what)
            .with_hint("Files of a model may only refer to files in the same folder; do not trust it."));
    }
    Ok(folder.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_and_together() {
        let n = ShardName::parse(Path::new("d/my-model-00002-of-00003.gguf")).unwrap();
        assert_eq!((n.prefix.as_path(), n.index, n.count), (Path::new("d/my-model"), 2, 3));
        assert_eq!(n.path(3), Path::new("d/my-model-00003-of-00003.gguf"));
        for bad in
            ["m-0001-of-00003.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.x", "-00001-of-00001.x", "m.gguf"]
        {
            assert_eq!(ShardName::parse(Path::new(bad)), None, "{bad}");
        }
    }

    #[test]
    fn names_may_not_leave_the_folder() {
        assert_eq!(inside(Path::new("d"), "a/b.bin").unwrap(), Path::new("d/a/b.bin"));
        for bad in ["", "../x", "/etc/passwd", "a/../../x", "a\\..\\b", "x\0"] {
            assert!(inside(Path::new("d"), bad).is_err(), "{bad:?}");
        }
    }
}
