//! Sets of GGUF files, as `llama-gguf-split` and `llama-quantize --keep-split` make them: which tensors go to which file, the
//! names of the files and their keys.
//!
//! The first file has all the metadata; each has `split.no` (from 0), `split.count` and `split.tensors.count` (over all files).
//! Facts: `tools/gguf-split/gguf-split.cpp` and `src/llama-quant.cpp` of llama.cpp.

use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT};
use crate::formats::shards::{self, ShardName};
use crate::formats::{Split, limits};
use crate::model::{Hint, MetaValue, Metadata, ModelError, OptionName, Remedy, Result};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Keys that only describe the split and are dropped when a set is opened as one model.
pub(super) const KEYS: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// Extension of every file of a set.
const EXTENSION: &str = "gguf";

/// (this shard's index, number of shards, tensors over all) of a file that is part of a set of more than one.
pub(super) fn split_of(metadata: &Metadata) -> Option<(u64, u64, Option<u64>)> {
    let get = |key: &str| metadata.get(key).and_then(MetaValue::as_u64);
    let count = get(KEYS[1])?;
    (count > 1).then(|| (get(KEYS[0]).unwrap_or(0), count, get(KEYS[2])))
}

/// Every file of the set that `path` belongs to, in order.
///
/// # Errors
/// When the name is not `NAME-00001-of-0000N.gguf`, or when files are missing; they are named.
pub(crate) fn shard_paths(path: &Path, count: u64) -> Result<Vec<PathBuf>> {
    let Some(name) = ShardName::parse(path).filter(|n| n.count == count) else {
        let what = format!("part of a set of {count} files, but not named NAME-00001-of-{count:05}.gguf");
        return Err(ModelError::bad(what).in_file(path).with_hint("Restore the original names of the files."));
    };
    let paths: Vec<PathBuf> = (1..=name.count).map(|i| name.path(i)).collect();
    shards::all_present(&paths)?;
    Ok(paths)
}

/// The file that a set is named after: `DIR/NAME.gguf` of `DIR/NAME-00001-of-00003.gguf`. Any other path is returned
/// as it is.
pub(crate) fn whole_path(path: &Path) -> PathBuf {
    ShardName::parse(path).map_or_else(|| path.to_owned(), |n| n.prefix.with_file_name(with_extension(&n.prefix)))
}

fn with_extension(prefix: &Path) -> OsString {
    let mut name = prefix.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(EXTENSION);
    name
}

/// The path of file `no` (from 0) of a set requested as `path`: `NAME.gguf`, or a bare `NAME` as gguf-split takes it.
///
/// # Errors
/// When there is nothing before `.gguf`.
pub(super) fn shard_path(path: &Path, no: usize, count: usize) -> Result<PathBuf> {
    let ends = |name: &OsStr, text: &str| name.eq_ignore_ascii_case(text);
    let prefix = match (path.file_name(), path.extension()) {
        (Some(name), None) if ends(name, ".gguf") => {
            let error = ModelError::request("the output has no name before .gguf").in_file(path);
            let hint = Hint::from("Choose a name").then(Remedy::OnCommandLine(" with -o, as in -o out/model.gguf"));
            return Err(error.about_option(OptionName::OUTPUT).with_hint(hint.then(".")));
        }
        (_, Some(extension)) if ends(extension, EXTENSION) => path.with_extension(""),
        _ => path.to_owned(),
    };
    let index = no as u64 + 1;
    Ok(ShardName { prefix, index, count: count as u64, ext: EXTENSION.to_owned() }.path(index))
}

/// The tensors of each file, as indices. `sizes` are the bytes each takes, padding included: that is what gguf-split counts.
///
/// # Errors
/// Lists that do not contain every tensor exactly once; more files than `split.no` can count.
pub(super) fn groups(sizes: &[u64], split: &Split) -> Result<Vec<Vec<usize>>> {
    let groups = match split {
        Split::Whole => vec![(0..sizes.len()).collect()],
        Split::Bytes(max) => {
            let mut sum = 0u64;
            cut(sizes.len(), |i| {
                let with = sum.saturating_add(sizes[i]);
                sum = if with > *max { sizes[i] } else { with };
                with > *max
            })
        }
        Split::Tensors(max) => cut(sizes.len(), |i| i.is_multiple_of((*max).max(1))),
        Split::Files(files) => {
            let mut seen = vec![false; sizes.len()];
            let once = |&i: &usize| seen.get_mut(i).is_some_and(|s| !std::mem::replace(s, true));
            if !files.iter().flatten().all(once) || seen.contains(&false) {
                return Err(ModelError::request("the files of a split must contain every tensor exactly once"));
            }
            files.clone()
        }
        Split::MetadataFirst(inner) => {
            let mut groups = groups(sizes, inner)?;
            groups.insert(0, Vec::new());
            groups
        }
    };
    if groups.len() as u64 > limits::GGUF_SHARDS {
        let what = format!("{} files are more than the {} allowed for a GGUF model", groups.len(), limits::GGUF_SHARDS);
        return Err(ModelError::request(what).with_hint("Allow more tensors or bytes per file."));
    }
    Ok(groups)
}

/// Runs of indices; a new one begins where `begins` says so, but none is empty.
fn cut(n: usize, mut begins: impl FnMut(usize) -> bool) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new()];
    for i in 0..n {
        let full = begins(i);
        match groups.last_mut() {
            Some(last) if !full || last.is_empty() => last.push(i),
            _ => groups.push(vec![i]),
        }
    }
    groups
}

/// The metadata of file `no` (from 0) of `count` that contain `tensors` tensors in total.
///
/// An alignment other than 32 is written to every file and used there. (llama-gguf-split copies the key to the first file but
/// still aligns to 32, so that its first file does not load.)
pub fn shard_metadata(all: &Metadata, no: usize, count: usize, tensors: usize) -> Cow<'_, Metadata> {
    if count <= 1 {
        return Cow::Borrowed(all);
    }
    let mut own = match (no, all.get(ALIGNMENT_KEY)) {
        (0, _) => all.clone(),
        (_, Some(a)) if a.as_u64() != Some(DEFAULT_ALIGNMENT) => {
            [(ALIGNMENT_KEY.to_owned(), a.clone())].into_iter().collect()
        }
        _ => Metadata::new(),
    };
    let values = [MetaValue::U16(no as u16), MetaValue::U16(count as u16), MetaValue::I32(tensors as i32)];
    for (key, value) in KEYS.into_iter().zip(values) {
        own.shift_remove(key);
        own.insert(key.to_owned(), value);
    }
    Cow::Owned(own)
}

/// Moves the key that gguf-split sets last to the end. llama-quantize sets them in the order of [`KEYS`].
pub(super) fn order_of_gguf_split(metadata: &mut Metadata) {
    if let Some(count) = metadata.shift_remove(KEYS[1]) {
        metadata.insert(KEYS[1].to_owned(), count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_a_file_or_a_bare_name() {
        for (path, expected) in [
            ("d/x.gguf", "d/x-00002-of-00003.gguf"),
            ("x.GGUF", "x-00002-of-00003.gguf"),
            ("d/x", "d/x-00002-of-00003.gguf"),
            ("model-v1.5", "model-v1.5-00002-of-00003.gguf"),
            ("a.b.gguf", "a.b-00002-of-00003.gguf"),
            ("ä.gguf", "ä-00002-of-00003.gguf"),
            ("gguf", "gguf-00002-of-00003.gguf"),
            ("é123", "é123-00002-of-00003.gguf"),
        ] {
            assert_eq!(shard_path(Path::new(path), 1, 3).unwrap(), Path::new(expected), "{path}");
        }
        assert!(shard_path(Path::new("d/.gguf"), 0, 2).is_err());
        assert_eq!(whole_path(Path::new("d/x-00002-of-00003.gguf")), Path::new("d/x.gguf"));
        assert_eq!(whole_path(Path::new("d/x.gguf")), Path::new("d/x.gguf"));
    }

    #[test]
    fn files_are_cut_where_gguf_split_cuts_them() {
        let shown = |split: Split| {
            let groups = groups(&[64, 32, 32, 320, 32, 96], &split).unwrap();
            groups.iter().map(|g| format!("{g:?}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(Split::Bytes(128)), "[0, 1, 2] [3] [4, 5]");
        assert_eq!(shown(Split::Bytes(1)), "[0] [1] [2] [3] [4] [5]");
        assert_eq!(shown(Split::Bytes(u64::MAX)), "[0, 1, 2, 3, 4, 5]");
        assert_eq!(shown(Split::Tensors(4)), "[0, 1, 2, 3] [4, 5]");
        assert_eq!(shown(Split::Tensors(6)), "[0, 1, 2, 3, 4, 5]");
        assert_eq!(shown(Split::MetadataFirst(Box::new(Split::Tensors(5)))), "[] [0, 1, 2, 3, 4] [5]");
        assert_eq!(shown(Split::MetadataFirst(Box::new(Split::Whole))), "[] [0, 1, 2, 3, 4, 5]");
        for wrong in [vec![vec![0, 1], vec![1, 2, 3, 4, 5]], vec![vec![0]], vec![vec![0, 1, 2, 3, 4, 5, 6]]] {
            assert!(groups(&[1; 6], &Split::Files(wrong)).is_err());
        }
    }

    #[test]
    fn more_files_than_a_u16_counts_are_refused() {
        assert_eq!(groups(&[32; 65_535], &Split::Tensors(1)).unwrap().len(), 65_535);
        let e = groups(&[32; 65_536], &Split::Tensors(1)).unwrap_err();
        assert!(e.to_string().contains("65536 files are more than the 65535"), "{e}");
    }
}
