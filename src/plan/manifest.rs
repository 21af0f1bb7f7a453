//! Where the manifest of an output is, and how a manifest is recognised. What is in it: `engine::manifest`, docs/manifest.md.

use super::destination::{self, NAME_MAX};
use crate::files;
use crate::formats::{self, shards::ShardName};
use crate::model::{Hint, ModelError, OptionName, Place, Remedy, Result};
use serde::Deserialize;
use std::fs;
use std::io::{BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What follows the name of an output in the name of its manifest.
pub(crate) const MANIFEST_SUFFIX: &str = ".remold.json";

/// How every manifest begins: blanks and line breaks may lie between these parts.
const BEGINNING: [&str; 3] = ["{", "\"remold_manifest\"", ":"];

/// Bytes in which the beginning of a manifest must lie.
const BEGINNING_BYTES: u64 = 256;

/// No manifest is read beyond this size. That of a million tensors has some 300 MB.
const MAX_BYTES: u64 = 4 << 30;

/// The name of the manifest of an output called `name`. A name that would become too long is cut and gets its checksum at the end.
fn manifest_name(name: &str) -> String {
    if name.len() + MANIFEST_SUFFIX.len() <= NAME_MAX {
        return format!("{name}{MANIFEST_SUFFIX}");
    }
    let end = name.floor_char_boundary(NAME_MAX - MANIFEST_SUFFIX.len() - 9);
    format!("{}~{:08x}{MANIFEST_SUFFIX}", &name[..end], crc32fast::hash(name.as_bytes()))
}

/// The path of the output that a manifest belongs to: that of the first file for the files of a split GGUF. `None` for the root of the
/// file system.
fn named(output: &Path) -> Option<(PathBuf, String)> {
    let path = if output.file_name().is_some() { output.to_owned() } else { crate::files::paths::resolved(output) };
    let set = ShardName::parse(&path).filter(|s| s.count > 1 && formats::names_a_file_of_a_set(&path));
    let path = set.map_or(path, |s| s.path(1));
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some((path, name))
}

/// The manifest beside an output: `NAME.remold.json` beside the file or folder `NAME`.
pub(crate) fn manifest_beside(output: &Path) -> Option<PathBuf> {
    let (path, name) = named(output)?;
    Some(path.with_file_name(manifest_name(&name)))
}

/// The manifest in an output folder, for folders beside which nothing can be written.
pub(crate) fn manifest_inside(output: &Path) -> Option<PathBuf> {
    let (_, name) = named(output)?;
    Some(output.join(manifest_name(&name)))
}

/// True for a regular file that begins as a manifest does.
pub(crate) fn is_manifest(path: &Path) -> bool {
    if !fs::symlink_metadata(path).is_ok_and(|m| m.is_file()) {
        return false;
    }
    let mut head = Vec::new();
    let read = files::open(path).ok().and_then(|file| file.take(BEGINNING_BYTES).read_to_end(&mut head).ok());
    let Some(mut rest) = read.and_then(|_| std::str::from_utf8(head.trim_ascii()).ok()) else { return false };
    BEGINNING.iter().all(|part| match rest.trim_start().strip_prefix(part) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// The files of an output that its manifest lists, each with its size then; none where there is no manifest that can be read. `folder` is
/// the folder that the files are in.
pub(super) fn listed_files(output: &Path, folder: &Path) -> Vec<(PathBuf, u64)> {
    #[derive(Deserialize)]
    struct Listed {
        files: Vec<ListedFile>,
    }
    #[derive(Deserialize)]
    struct ListedFile {
        name: PathBuf,
        bytes: u64,
    }
    let candidates = [manifest_beside(output), manifest_inside(output)];
    let read = |path: &PathBuf| {
        let file = files::open(path).ok()?;
        // The tensors, of which there may be a million, are skipped while reading.
        serde_json::from_reader::<_, Listed>(BufReader::new(file.take(MAX_BYTES))).ok()
    };
    let listed = candidates.into_iter().flatten().filter(|m| is_manifest(m)).find_map(|m| read(&m));
    listed.into_iter().flat_map(|l| l.files).map(|f| (folder.join(f.name), f.bytes)).collect()
}

/// Where the manifest of a new output goes: beside it or, for a folder beside which nothing can be written (a mount point, a parent that is
/// read-only), inside it. `None` where there is no name for it.
pub(super) fn place(output: &Path, folder: bool) -> Option<PathBuf> {
    let beside = manifest_beside(output)?;
    let Ok(there) = fs::metadata(output) else { return Some(beside) };
    let parent = files::parent_of(&beside);
    let mounted = fs::metadata(parent).is_ok_and(|p| p.dev() != there.dev());
    let writable = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
    if folder && there.is_dir() && (mounted || !writable) { manifest_inside(output) } else { Some(beside) }
}

/// Refuses a name for the manifest that something else has.
///
/// # Errors
/// A request error that names the file.
pub(super) fn check_free(manifest: &Path) -> Result<()> {
    if fs::symlink_metadata(manifest).is_ok() && !is_manifest(manifest) {
        let what = "a file that remold did not write has the name of the manifest of the output";
        let hint = Hint::from("Move it away, ")
            .then(Remedy::GiveOutput(Place::Another))
            .then(", or write no manifest")
            .then(Remedy::Aside(OptionName::MANIFEST))
            .then(".");
        return Err(ModelError::request(what).in_file(manifest).with_hint(hint));
    }
    destination::check_sticky(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_output() {
        let beside = |p: &str| manifest_beside(Path::new(p)).map(|p| p.display().to_string());
        assert_eq!(beside("out/x.gguf").as_deref(), Some("out/x.gguf.remold.json"));
        for file in ["out/x-00001-of-00003.gguf", "out/x-00003-of-00003.gguf"] {
            assert_eq!(beside(file).as_deref(), Some("out/x-00001-of-00003.gguf.remold.json"), "{file}");
        }
        assert_eq!(beside("hf/").as_deref(), Some("hf.remold.json"));
        assert_eq!(beside("/"), None);
        let long = |tail: &str| manifest_beside(Path::new(&format!("{}{tail}", "ä".repeat(124)))).unwrap();
        assert!(long("a.x").file_name().unwrap().len() <= NAME_MAX);
        assert_ne!(long("a.x"), long("b.x"));
    }

    #[test]
    fn only_what_begins_as_a_manifest_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.remold.json");
        for (text, is) in [
            ("{\n\"remold_manifest\": 1,", true),
            (" { \"remold_manifest\" :1", true),
            ("{\"other\":1,\"remold_manifest\":1}", false),
            ("", false),
            ("\u{feff}{", false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(is_manifest(&path), is, "{text:?}");
        }
        let link = dir.path().join("link");
        fs::write(&path, "{\"remold_manifest\":1}").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(is_manifest(&path) && !is_manifest(&link) && !is_manifest(&dir.path().join("none")));
    }
}
