//! A checkpoint or model that is exported as one thing.

mod alias;
mod find;
mod step;

pub use find::units;

use super::families::Family;
use super::temporary::Target;
use super::tree::Tree;
use crate::files::FileStamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The role of a file in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileRole {
    /// Tensors.
    Weights,
    /// The list of shards.
    Index,
    /// Configuration, tokenizer and other small files that affect the bytes of an export.
    Sidecar,
    /// Proves that the trainer finished; does not affect the bytes of an export.
    Marker,
}

/// A file of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Path relative to the unit's folder, `/` between names.
    pub name: String,
    /// Absolute path in the tree.
    pub path: PathBuf,
    /// Its role in the unit.
    pub role: FileRole,
    /// Identity, size and times when it was listed.
    pub stamp: FileStamp,
}

/// A name of unfinished work that may concern a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Path relative to the unit's folder.
    pub name: String,
    /// Identity, size and times when it was listed.
    pub stamp: FileStamp,
    /// What it becomes.
    pub target: Target,
}

/// A checkpoint or model that is exported as one thing.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Absolute, as it was found in the tree (links are not resolved); the root itself for a model in the root.
    pub path: PathBuf,
    /// What a conversion opens: `path`, or the one file in it that is used.
    pub source: PathBuf,
    /// The folder that its files are relative to: `path`, or its folder if the unit is a file.
    pub folder: PathBuf,
    /// Path relative to the root; the root's own name for a model in the root.
    pub name: String,
    /// The family of the unit: which program writes it.
    pub family: &'static Family,
    /// The files that exist and matter: those that affect the bytes of an export, and markers. Not the state of optimizers, random-number
    /// generators and schedules.
    pub files: Vec<UnitFile>,
    /// Names of unfinished work that may concern it.
    pub unfinished: Vec<Unfinished>,
    /// The training step, from the name.
    pub step: Option<u64>,
    /// The real path, if the unit is a link.
    pub link: Option<PathBuf>,
    /// The name of the unit that this one is a second name of (link, hard link).
    pub alias_of: Option<String>,
    /// False if the change times of weights are meaningless, because the watcher itself makes hard links to them.
    pub change_times_count: bool,
}

impl Unit {
    /// Files of one role.
    pub(crate) fn of(&self, role: FileRole) -> impl Iterator<Item = &UnitFile> {
        self.files.iter().filter(move |f| f.role == role)
    }

    /// The file of that relative name.
    pub(crate) fn file(&self, name: &str) -> Option<&UnitFile> {
        self.files.iter().find(|f| f.name == name)
    }

    /// True if the unit is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.folder == self.path
    }

    /// Bytes of its weights.
    pub(crate) fn bytes(&self) -> u64 {
        self.of(FileRole::Weights).fold(0, |sum, f| sum.saturating_add(f.stamp.bytes))
    }

    /// Identifies this version of the unit. Markers do not count: rewriting a marker does not change an export. A new hard link to a file
    /// changes the file's change time and so the fingerprint, though no byte differs; callers that must not export twice compare contents
    /// too.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(
            self.stamps().filter(|(f, _)| f.role != FileRole::Marker).map(|(f, stamp)| (f.name.as_str(), stamp)),
        )
    }

    /// As [`Unit::fingerprint`], with markers and names of unfinished work: the quiet time counts from its last change.
    pub fn activity(&self) -> Fingerprint {
        let files = self.stamps().map(|(f, stamp)| (f.name.as_str(), stamp));
        Fingerprint::of(files.chain(self.unfinished.iter().map(|f| (f.name.as_str(), f.stamp))))
    }

    /// Its files with the stamps of their contents.
    fn stamps(&self) -> impl Iterator<Item = (&UnitFile, FileStamp)> {
        self.files.iter().map(|f| match f.role {
            FileRole::Weights if !self.change_times_count => (f, FileStamp { ctime_ns: 0, ..f.stamp }),
            _ => (f, f.stamp),
        })
    }

    /// Stamps of the files that affect an export, to be stored with it.
    #[cfg(test)]
    pub(crate) fn seen(&self) -> ExportedState {
        ExportedState { files: self.files.iter().map(|f| (f.name.clone(), f.stamp)).collect() }
    }

    /// The names that the next checkpoint of the same run should have too.
    pub(crate) fn shape(&self) -> Shape {
        Shape::of(self)
    }

    /// Equal for units that are checkpoints of one run: same family, same folder.
    pub(crate) fn run(&self) -> (&'static str, &Path) {
        (self.family.name, self.path.parent().unwrap_or(Path::new("")))
    }
}

/// A hash over names, identities, sizes and times of files, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Hexadecimal digits of a fingerprint.
    const DIGITS: usize = 32;

    fn of<'f>(files: impl Iterator<Item = (&'f str, FileStamp)>) -> Self {
        let mut files: Vec<_> = files.collect();
        files.sort_by_key(|(name, _)| *name);
        let mut hash = Sha256::new();
        for (name, s) in files {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            for n in [s.dev, s.ino, s.bytes] {
                hash.update(n.to_le_bytes());
            }
            for n in [s.mtime_ns, s.ctime_ns] {
                hash.update(n.to_le_bytes());
            }
        }
        let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Self(hex.chars().take(Self::DIGITS).collect())
    }

    /// Parses a fingerprint from this text; `None` if it is not one.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == Self::DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| Self(text.to_owned()))
    }

    /// The hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A unit as it was when it was last exported.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExportedState {
    /// Stamps by relative name, markers included.
    pub files: BTreeMap<String, FileStamp>,
}

/// Names that a complete unit had. Shards are left out: their number may differ from checkpoint to checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Relative names.
    pub names: BTreeSet<String>,
}

impl Shape {
    fn of(unit: &Unit) -> Self {
        // A file unit is named after its step.
        let files = unit.files.iter().filter(|_| unit.is_folder());
        let learned = |f: &&UnitFile| match f.role {
            FileRole::Index => false,
            FileRole::Sidecar => true,
            // The family's own rule waits for it.
            FileRole::Marker => !unit.family.marked,
            FileRole::Weights => unit.family.by_rank,
        };
        Self { names: files.filter(learned).map(|f| f.name.clone()).collect() }
    }

    /// Names that `unit` lacks. A tokenizer may come in another form, and a model card is not part of a checkpoint.
    pub(crate) fn missing(&self, unit: &Unit) -> Vec<String> {
        let optional = |name: &str| name.ends_with(".md") || name.starts_with("LICENSE") || name == "NOTICE";
        let lacks = |name: &&String| unit.file(name).is_none() && !optional(name);
        self.names.iter().filter(lacks).cloned().collect()
    }
}

/// The name of `path` relative to the root, as people read it.
pub(super) fn relative(tree: &Tree, path: &Path) -> String {
    match path.strip_prefix(tree.root()) {
        Ok(rest) if !rest.as_os_str().is_empty() => rest.to_string_lossy().into_owned(),
        _ => tree.root().file_name().unwrap_or(tree.root().as_os_str()).to_string_lossy().into_owned(),
    }
}
