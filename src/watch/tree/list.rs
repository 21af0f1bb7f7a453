//! The listing of one folder: its entries, each with the result of one `stat`.

use crate::files::FileStamp;
use crate::plan::MANIFEST_SUFFIX;
use crate::watch::temporary::temporary;
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries of one folder that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// What an entry is, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link that leads nowhere.
    Broken,
    /// A pipe, a socket, a device.
    Other,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Identity, size and times; of the target for a link, of the link itself for a broken one.
    pub stamp: FileStamp,
    /// True for a name of unfinished work.
    pub unfinished: bool,
    /// Where a link leads in the end.
    pub link: Option<Box<Path>>,
}

/// The entries of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The folder with links resolved.
    pub real: PathBuf,
    /// Entries by name. Names that are not UTF-8 are left out and counted in `error`.
    pub entries: Vec<Entry>,
    /// Folders elsewhere that hold the targets of linked files.
    pub targets: BTreeSet<PathBuf>,
    /// Why entries are missing; `None` if none are.
    pub error: Option<String>,
    /// True if an entry has a name of unfinished work.
    pub unfinished: bool,
    pub(super) id: (u64, u64),
    pub(super) ctime_ns: i128,
}

impl Listing {
    /// Lists a folder; `None` if there is none at `path`.
    pub(super) fn read(path: &Path, real: &Path) -> Option<Self> {
        // Before the entries: what changes the folder afterwards also changes this time.
        let meta = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
        let mut listing = Self {
            real: real.to_owned(),
            entries: Vec::new(),
            targets: BTreeSet::new(),
            error: None,
            unfinished: false,
            id: (meta.dev(), meta.ino()),
            ctime_ns: FileStamp::from(&meta).ctime_ns,
        };
        match fs::read_dir(path) {
            Ok(found) => listing.take(found, real),
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Err(e) => listing.error = Some(format!("the folder cannot be listed: {}", crate::units::system_error(&e))),
        }
        Some(listing)
    }

    fn take(&mut self, found: fs::ReadDir, real: &Path) {
        let mut unnamed = 0;
        for (i, entry) in found.enumerate() {
            let Ok(entry) = entry else { continue };
            if i >= MAX_ENTRIES {
                self.error = Some(format!("more than {MAX_ENTRIES} entries; the others are skipped"));
                break;
            }
            let Ok(name) = entry.file_name().into_string() else {
                unnamed += 1;
                continue;
            };
            // remold's own files beside an output are neither a model nor a part of one.
            if name.ends_with(MANIFEST_SUFFIX) {
                continue;
            }
            self.entries.extend(stat(&entry, name));
        }
        if unnamed > 0 {
            self.error.get_or_insert(format!("{unnamed} names are not UTF-8 and are skipped"));
        }
        self.unfinished = self.entries.iter().any(|e| e.unfinished);
        self.entries.shrink_to_fit();
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        let elsewhere =
            self.entries.iter().filter(|e| e.kind != EntryKind::Folder).filter_map(|e| e.link.as_deref()?.parent());
        self.targets = elsewhere.filter(|p| *p != real).map(Path::to_owned).collect();
    }

    /// The entry of that name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| e.name.as_str().cmp(name)).ok()?;
        self.entries.get(at)
    }

    /// True if a folder of that name in this folder (at `path`) is entered.
    pub(super) fn enters(&self, path: &Path, name: &str) -> bool {
        let own = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        let above = path.parent().and_then(Path::file_name).and_then(|n| n.to_str()).unwrap_or("");
        match (above, own, name) {
            // Where `hf download` keeps incomplete files.
            (_, _, ".cache") | (_, ".cache", "huggingface") | (".cache", "huggingface", "download") => true,
            (_, ".cache", _) | (".cache", "huggingface", _) => false,
            _ => !never_a_model(name),
        }
    }
}

/// True for the names of folders that are unfinished, private or without models.
fn never_a_model(name: &str) -> bool {
    name.starts_with('.')
        || name.starts_with("tmp-")
        || ["-tmp", ".tmp", ".incomplete", ".partial"].iter().any(|end| name.ends_with(end))
        || name == "__pycache__"
}

/// The entry as one `stat` shows it; `None` if it was removed meanwhile.
fn stat(found: &DirEntry, name: String) -> Option<Entry> {
    let meta = found.metadata().ok()?;
    let unfinished = temporary(&name).is_some();
    if !meta.is_symlink() {
        let kind = kind(&meta);
        return Some(Entry { name, kind, stamp: FileStamp::from(&meta), unfinished, link: None });
    }
    let path = found.path();
    let Ok(target) = fs::metadata(&path) else {
        let link = broken_target(&path);
        return Some(Entry { name, kind: EntryKind::Broken, stamp: FileStamp::from(&meta), unfinished, link });
    };
    let link = fs::canonicalize(&path).ok()?.into_boxed_path();
    Some(Entry { name, kind: kind(&target), stamp: FileStamp::from(&target), unfinished, link: Some(link) })
}

fn kind(meta: &fs::Metadata) -> EntryKind {
    match meta {
        m if m.is_file() => EntryKind::File,
        m if m.is_dir() => EntryKind::Folder,
        _ => EntryKind::Other,
    }
}

/// Where a broken link would lead, if the folder of its target exists.
fn broken_target(path: &Path) -> Option<Box<Path>> {
    let target = path.parent()?.join(fs::read_link(path).ok()?);
    let folder = fs::canonicalize(target.parent()?).ok()?;
    Some(folder.join(target.file_name()?).into_boxed_path())
}
