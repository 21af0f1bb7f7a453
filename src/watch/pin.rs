//! The watcher's own names for a checkpoint's files, so that an export is not lost when the trainer deletes the checkpoint.
//!
//! Weights are hard links or reflinks (copies that share their blocks until one is written to); the small files beside them are copied. They are
//! in a hidden folder outside the watched one, on the same file system, under the checkpoint's own name, so that the export is the same. A hard
//! link changes only the link count and the change time of the watched file; a reflink changes nothing. A hard link does not protect the bytes
//! of a file that is written to in place: that is noticed as it is without a pin.

use super::rule::Rule;
use super::unit::{FileRole, Unit, UnitFile};
use crate::files::{self, FileStamp};
use crate::model::{ModelError, Result};
use rustix::fs::{AtFlags, CWD};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How a checkpoint is kept while it is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pin {
    /// Not at all: the files are open, which is enough on a local disk once the export has started.
    #[default]
    None,
    /// By hard links.
    Hardlink,
    /// By copies that share their blocks (btrfs, XFS, bcachefs, ZFS).
    Reflink,
}

impl Pin {
    /// The names on the command line.
    pub(crate) const NAMES: [&'static str; 3] = ["none", "hardlink", "reflink"];

    /// The one of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Hardlink, Self::Reflink].into_iter().zip(Self::NAMES).find(|(_, n)| *n == name).map(|p| p.0)
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Hardlink => "hard links",
            _ => "reflinks",
        }
    }
}

/// A unit under the watcher's own names.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// The folder that is removed afterwards.
    pub folder: PathBuf,
    /// The unit there, with the stamps of its files.
    pub unit: Unit,
}

/// The folder for the pins of a rule: beside the exports, or beside the watched folder where only that is on the same file system.
fn place(rule: &Rule) -> Option<PathBuf> {
    let name = format!(".remold-pin-{}", rule.id());
    let device = |path: &Path| path.ancestors().find_map(|p| fs::metadata(p).ok()).map(|m| m.dev());
    let root = device(&rule.root)?;
    let beside = rule.root.parent().map(Path::to_owned);
    [Some(rule.output.clone()), beside].into_iter().flatten().find(|p| device(p) == Some(root)).map(|p| p.join(name))
}

/// Tries whether the file system can do it.
///
/// # Errors
/// A request error that says why it cannot.
pub(crate) fn check(rule: &Rule) -> Result<()> {
    if rule.pin == Pin::None {
        return Ok(());
    }
    let refuse = |why: String| {
        let hint = "Choose a folder for the exports on the same file system with -o, or another --pin.";
        let what = format!("checkpoints cannot be pinned with {}: {why}", rule.pin.verb());
        ModelError::request(what).in_file(&rule.root).with_hint(hint)
    };
    let Some(place) = place(rule) else {
        let why = "neither the folder of the exports nor the folder above the watched one is on its file system";
        return Err(refuse(why.to_owned()));
    };
    let folder = place.join(format!("probe-{}", files::random_token()));
    let probe = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("a"), b"probe")?;
        one(rule.pin, &folder.join("a"), &folder.join("b"))
    };
    let tried = probe();
    remove(&folder);
    tried.map_err(|e| refuse(crate::units::system_error(&e)))
}

/// Pins a unit; `None` if it changed since it was judged.
///
/// # Errors
/// The system's error; nothing is left behind then.
pub(crate) fn pin(rule: &Rule, unit: &Unit) -> io::Result<Option<Pinned>> {
    let place = place(rule).ok_or(io::ErrorKind::CrossesDevices)?;
    let folder = place.join(files::random_token());
    let result = fill(rule.pin, unit, &folder);
    if !matches!(result, Ok(Some(_))) {
        remove(&folder);
    }
    result
}

fn fill(how: Pin, unit: &Unit, folder: &Path) -> io::Result<Option<Pinned>> {
    let own = |p: Option<&Path>| p.and_then(Path::file_name).unwrap_or("_".as_ref()).to_owned();
    // The names of the checkpoint and of its run: the export's metadata may depend on them.
    let base = folder.join(own(unit.folder.parent())).join(own(Some(&unit.folder)));
    files::create_private_folder(folder)?;
    fs::create_dir_all(&base)?;
    let mut pinned = Vec::new();
    for file in unit.files.iter().filter(|f| f.role != FileRole::Marker && !f.name.starts_with("..")) {
        let to = base.join(&file.name);
        if let Some(inner) = to.parent() {
            fs::create_dir_all(inner)?;
        }
        if FileStamp::of_path(&file.path)? != file.stamp {
            return Ok(None);
        }
        let linked = file.role == FileRole::Weights;
        if linked {
            one(how, &file.path, &to)?;
        } else {
            fs::copy(&file.path, &to)?;
        }
        let stamp = FileStamp::of_path(&to)?;
        // A hard link changes only the change time of the file.
        let is_same = match linked && how == Pin::Hardlink {
            true => !file.stamp.rewritten(&stamp),
            false => FileStamp::of_path(&file.path)? == file.stamp && stamp.bytes == file.stamp.bytes,
        };
        if !is_same {
            return Ok(None);
        }
        pinned.push(UnitFile { path: to, stamp, ..file.clone() });
    }
    let moved = |path: &Path| path.strip_prefix(&unit.folder).map_or_else(|_| base.clone(), |rest| base.join(rest));
    let clean = |path: PathBuf| path.components().collect::<PathBuf>();
    let unit = Unit {
        path: clean(moved(&unit.path)),
        source: clean(moved(&unit.source)),
        folder: base.clone(),
        files: pinned,
        ..unit.clone()
    };
    Ok(Some(Pinned { folder: folder.to_owned(), unit }))
}

/// A second name for one file. Links are followed: the name is for the file itself.
fn one(how: Pin, from: &Path, to: &Path) -> io::Result<()> {
    if how == Pin::Hardlink {
        return Ok(rustix::fs::linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW)?);
    }
    let source = fs::File::open(from)?;
    let copy = fs::File::options().write(true).create_new(true).open(to)?;
    clone(&copy, &source)
}

#[cfg(target_os = "linux")]
fn clone(to: &fs::File, from: &fs::File) -> io::Result<()> {
    match rustix::fs::ioctl_ficlone(to, from) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOTTY | rustix::io::Errno::INVAL) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "the file system does not support reflinks"))
        }
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn clone(_to: &fs::File, _from: &fs::File) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "reflinks are supported only on Linux"))
}

/// Removes a pin, and the folders for pins and for exports if they are empty.
pub(crate) fn remove(folder: &Path) {
    let is_ours =
        folder.parent().and_then(Path::file_name).is_some_and(|n| n.to_string_lossy().starts_with(".remold-pin-"));
    if is_ours {
        let _ = fs::remove_dir_all(folder);
        let _ = folder.parent().map(fs::remove_dir);
    }
}

/// Removes the pins left by a watcher that was killed; `used` are the pins of running jobs.
pub(crate) fn sweep(rule: &Rule, used: &[PathBuf]) {
    let Some(place) = place(rule) else { return };
    for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
        if !used.contains(&entry.path()) {
            remove(&entry.path());
        }
    }
}
