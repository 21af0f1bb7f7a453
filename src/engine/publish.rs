//! Gives finished outputs their final names. At any moment a reader sees the old output, the new one, or one that is obviously
//! incomplete; a kill at any step leaves a state that `jobs resume` can complete.
//!
//! - A single file is renamed.
//! - A folder is renamed as a whole, or exchanged with the one it replaces (`renameat2`, `RENAME_EXCHANGE`) if that holds nothing else.
//! - The files of any other folder (a split GGUF; a folder with files of others) are renamed one by one. Those without which the output
//!   cannot be opened come last, and old ones of these names are put aside before.

use super::journal::{Journal, StagedPaths};
use super::part_file::{self, Identity};
use super::staged::{self, Staged};
use crate::files::{self, FileStamp};
use crate::model::{ErrorKind, Hint, ModelError, OutputIndex, Place, Remedy, Result, few};
use crate::plan::{PlannedOutput, SourceFile};
use crate::units::plural;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files without which a model folder cannot be opened.
const FOLDER_KEYS: [&str; 3] = ["config.json", "model.safetensors.index.json", "pytorch_model.bin.index.json"];

/// Checks that nothing has the final names but what the plan may replace.
///
/// # Errors
/// A request error that names the file.
pub(crate) fn check_free(planned: &PlannedOutput) -> Result<()> {
    planned.files.iter().try_for_each(|(path, _)| check_file(planned, path).map(|_| ()))?;
    if planned.folder && fs::symlink_metadata(&planned.path).is_ok_and(|m| !m.is_dir()) {
        return Err(appeared(&planned.path));
    }
    Ok(())
}

/// What is at one of the final names, if it may be replaced.
fn check_file(planned: &PlannedOutput, path: &Path) -> Result<Option<fs::Metadata>> {
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(None) };
    if !there.is_file() {
        let error = ModelError::request("not a regular file, so it is not replaced").in_file(path);
        return Err(error.with_hint(Hint::from(Remedy::GiveOutput(Place::Another)).then(".")));
    }
    let Some(planned) = planned.replaced.iter().find(|r| planned.may_replace && r.path == path) else {
        return Err(appeared(path));
    };
    if !planned.has_contents_of(&FileStamp::from(&there)) {
        let error =
            ModelError::request("the file was modified after the job was planned, so it is not replaced").in_file(path);
        return Err(error.with_hint("Move it away and resume the job, or start a new conversion."));
    }
    Ok(Some(there))
}

/// True if a folder that is to be replaced holds only files that the plan replaces or removes, as they were when planned.
pub(crate) fn holds_only_replaced(planned: &PlannedOutput) -> bool {
    let Ok(entries) = fs::read_dir(&planned.path) else { return false };
    let mut some = false;
    let mut known = entries.map(|entry| {
        let Ok(entry) = entry else { return false };
        some = true;
        let path = planned.path.join(entry.file_name());
        let mut replaced = planned.replaced.iter().chain(&planned.stale);
        let meta = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file);
        meta.is_some_and(|m| replaced.any(|r| r.path == path && r.has_contents_of(&FileStamp::from(&m))))
    });
    known.all(|one| one) && some
}

fn appeared(path: &Path) -> ModelError {
    let error =
        ModelError::request("the file did not exist when the job was planned, so it is not replaced").in_file(path);
    error.with_hint("Move it away and resume the job, or start a new conversion with another output.")
}

/// Publishes an output whose files are complete and checked. `allowed` are the permission bits that the sources let it have.
///
/// # Errors
/// I/O errors; files that appeared since the plan was made. The part files are kept then.
pub(crate) fn publish(
    o: OutputIndex,
    planned: &PlannedOutput,
    staged: &Staged,
    allowed: u32,
    journal: Option<&mut Journal>,
) -> Result<()> {
    staged.parts.iter().for_each(part_file::PartFile::keep);
    let identities = staged.identities()?;
    if !is_in_place(planned, &identities) {
        let waiting = planned.files.iter().zip(&staged.parts).filter(|((to, _), part)| !same_path(part.path(), to));
        for ((to, _), part) in waiting {
            if let Some(there) = check_file(planned, to)? {
                part.take_mode_of(&there, allowed)?;
            }
            part.sync()?;
        }
        // Taken once more: the files are on disk now, and nothing is written to them from here on.
        let identities = staged.identities()?;
        if let Some(journal) = journal {
            journal.publish(o, identities)?;
        }
        if staged.paths.whole && (fs::symlink_metadata(&planned.path).is_err() || holds_only_replaced(planned)) {
            rename_folder(planned, &staged.paths)?;
        } else {
            rename_files(planned, staged)?;
        }
    }
    clean_up(planned, &staged.paths)
}

/// The error of a publication that failed, with the state that it left everything in and what to do. `outputs` are those of the plan;
/// number `o` of them failed, and those before it are published.
pub(crate) fn explain(
    error: ModelError,
    outputs: &[PlannedOutput],
    o: OutputIndex,
    staged: &Staged,
    job: &str,
) -> ModelError {
    let planned = &outputs[o];
    let identities = staged.identities().unwrap_or_default();
    let (state, done) = if is_in_place(planned, &identities) {
        ("all files of this output have their final names", true)
    } else if is_half_way(planned, &staged.paths, &identities) {
        (
            "this output is incomplete: some files have their final names, the others still have hidden names in the same folder",
            false,
        )
    } else {
        (
            "this output was not published, and the existing files are unchanged; the finished files are kept under hidden names",
            false,
        )
    };
    let mut error = error.and(state);
    for (which, said) in [(&outputs[..o.0], "already published"), (&outputs[o.0 + 1..], "finished but not published")] {
        if !which.is_empty() {
            let paths: Vec<String> = which.iter().map(|p| p.path.display().to_string()).collect();
            error = error.and(&format!("{said}: {}", few(&paths)));
        }
    }
    // Hints of I/O errors speak of files that are written, which are removed after an error; these are kept.
    if error.hint().is_some() && error.kind() != ErrorKind::Io {
        return error;
    }
    let then =
        if done { "completes the remaining steps" } else { "publishes the finished files without encoding them again" };
    let resume = Remedy::Run(format!("jobs resume {job}"));
    error.with_hint(Hint::from("Remove the cause, then ").then(resume).then(format!(" {then}.")))
}

/// True if a part file has its final name already.
pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    one == other || std::path::absolute(other).is_ok_and(|o| o == one)
}

/// The error for an output that cannot be published to its end, because its files were changed or moved.
pub(crate) fn changed_since(path: &Path) -> ModelError {
    let error = ModelError::bad("the file was changed or moved after the job began to publish it").in_file(path);
    error.with_hint("The job cannot continue; start a new conversion.")
}

/// True if every file of the output has its final name, as what identifies them shows.
pub(crate) fn is_in_place(planned: &PlannedOutput, identities: &[Identity]) -> bool {
    planned.files.len() == identities.len() && planned.files.iter().zip(identities).all(|((path, _), i)| i.is_at(path))
}

/// True if all final names of the output are those of other files: another output replaced it, or it was published in no part yet. A
/// publication that was stopped in the middle has some names of its own, or a name that nothing has.
pub(crate) fn is_superseded(planned: &PlannedOutput, identities: &[Identity]) -> bool {
    let taken = |((path, _), own): (&(PathBuf, u64), &Identity)| {
        fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && Identity::of(&m) != *own)
    };
    !planned.files.is_empty() && planned.files.iter().zip(identities).all(taken)
}

/// Removes the files that the output replaced and had put aside. It had the permission to replace them.
///
/// # Errors
/// I/O errors.
pub(crate) fn remove_asides(planned: &PlannedOutput, staged: &StagedPaths) -> Result<()> {
    let paths = planned.files.iter().map(|(path, _)| path).chain(planned.stale.iter().map(|old| &old.path));
    paths.into_iter().try_for_each(|path| remove(&aside(path, staged)))
}

/// True if the output is being published, and some names are changed already: those of its files, or that of what it replaces.
pub(crate) fn is_half_way(planned: &PlannedOutput, staged: &StagedPaths, identities: &[Identity]) -> bool {
    let renamed = planned.files.iter().zip(identities).any(|((path, _), i)| i.is_at(path));
    let replaced_folder = staged.whole && fs::symlink_metadata(aside(&planned.path, staged)).is_ok();
    renamed
        || replaced_folder
        || planned.files.iter().any(|(path, _)| fs::symlink_metadata(aside(path, staged)).is_ok())
}

/// The name under which something that is replaced is kept until the new output is in place.
fn aside(path: &Path, staged: &StagedPaths) -> PathBuf {
    // The token is part of the names of the staged files.
    let own = staged.folder.as_deref().or(staged.parts.first().map(PathBuf::as_path)).unwrap_or(path);
    let own = own.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tail = own.rfind(".remold-").map_or("", |at| &own[at..]).trim_end_matches(".part").to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{}{tail}.old", part_file::stem(&name)))
}

fn renaming(path: &Path) -> impl Fn(io::Error) -> ModelError {
    let path = path.to_owned();
    move |e| match e.kind() {
        io::ErrorKind::AlreadyExists => appeared(&path),
        _ => ModelError::io(&path, "renaming", e),
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    files::sync_folder(folder).map_err(|e| ModelError::io(folder, "syncing the folder", e))
}

fn rename_folder(planned: &PlannedOutput, staged: &StagedPaths) -> Result<()> {
    let (to, Some(from)) = (planned.path.as_path(), staged.folder.as_deref()) else { return Ok(()) };
    let fail = renaming(to);
    let mut folders: Vec<&Path> = staged.parts.iter().map(|p| files::parent_of(p)).collect();
    folders.sort_unstable();
    folders.dedup();
    folders.into_iter().chain([from]).try_for_each(sync_folder)?;
    match fs::symlink_metadata(to) {
        Err(_) => files::rename_new(from, to).map_err(&fail)?,
        Ok(there) => {
            check_free(planned)?;
            // The new folder is as open to others as the old one.
            let _ = fs::set_permissions(from, there.permissions());
            if !files::exchange(from, to).map_err(&fail)? {
                let old = aside(to, staged);
                files::rename_new(to, &old).map_err(&fail)?;
                if let Err(e) = files::rename_new(from, to) {
                    // Back to where it was.
                    let _ = files::rename_new(&old, to);
                    return Err(fail(e));
                }
            }
        }
    }
    sync_folder(files::parent_of(to))
}

/// Indices of the files without which the output cannot be opened.
fn keys(planned: &PlannedOutput) -> Vec<usize> {
    let is_key = |path: &Path| path.file_name().is_some_and(|n| FOLDER_KEYS.iter().any(|k| n == *k));
    let named = planned.files.iter().enumerate().filter(|(_, (p, _))| files::parent_of(p) == planned.path && is_key(p));
    let found: Vec<usize> = named.map(|(i, _)| i).collect();
    if planned.folder && !found.is_empty() { found } else { vec![0] }
}

/// Renames the files of an output one by one, those without which it cannot be opened last.
///
/// # Errors
/// I/O errors; files that appeared since the plan was made.
pub(crate) fn rename_files(planned: &PlannedOutput, staged: &Staged) -> Result<()> {
    let keys = keys(planned);
    let waits = |i: &usize| !same_path(staged.parts[*i].path(), &planned.files[*i].0);
    let folders = |indices: &[usize]| {
        let mut all: Vec<&Path> = indices.iter().map(|i| files::parent_of(&planned.files[*i].0)).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().try_for_each(sync_folder)
    };
    let rename = |i: usize| {
        let (from, to) = (staged.parts[i].path(), planned.files[i].0.as_path());
        if let Some(folder) = to.parent().filter(|f| !f.as_os_str().is_empty()) {
            files::create_folders(folder, 0o777).map_err(|e| ModelError::io(folder, "creating the folder", e))?;
        }
        let replaces = check_file(planned, to)?.is_some();
        if replaces { files::rename_over(from, to) } else { files::rename_new(from, to) }.map_err(renaming(to))
    };
    if planned.files.len() > 1 {
        for i in keys.iter().filter(|i| waits(i)) {
            let path = &planned.files[*i].0;
            if check_file(planned, path)?.is_some() {
                files::rename_over(path, &aside(path, &staged.paths)).map_err(renaming(path))?;
            }
        }
        folders(&keys)?;
    }
    let others: Vec<usize> = (0..planned.files.len()).filter(|i| !keys.contains(i)).collect();
    for i in others.iter().filter(|i| waits(i)) {
        rename(*i)?;
    }
    // Files of the earlier output go before the new one can be opened: a reader would take them for a part of it.
    for old in stale(planned) {
        files::rename_over(&old.path, &aside(&old.path, &staged.paths)).map_err(renaming(&old.path))?;
    }
    folders(&others)?;
    for i in keys.iter().filter(|i| waits(i)) {
        rename(*i)?;
    }
    folders(&keys)
}

/// Files of an earlier output that the new one does not have and may remove. A file that was written to since the plan was made is kept.
fn stale(planned: &PlannedOutput) -> impl Iterator<Item = &SourceFile> {
    planned.stale.iter().filter(|_| planned.may_replace).filter(|old| {
        let now = fs::symlink_metadata(&old.path).ok().map(|m| FileStamp::from(&m));
        now.is_some_and(|now| old.is(&now)) && !planned.files.iter().any(|f| f.0 == old.path)
    })
}

/// Removes what the output replaced: files put aside, the old folder, files of an earlier output that the new one does not have. May be
/// called again.
///
/// # Errors
/// I/O errors; files of others in the replaced folder that could not be moved to the new one.
pub(crate) fn clean_up(planned: &PlannedOutput, staged: &StagedPaths) -> Result<()> {
    remove_asides(planned, staged)?;
    for old in stale(planned) {
        remove(&old.path)?;
    }
    let olds = [staged.folder.clone().filter(|_| staged.whole), staged.whole.then(|| aside(&planned.path, staged))];
    for old in olds.into_iter().flatten().filter(|f| f.is_dir()) {
        let known = planned.replaced.iter().chain(&planned.stale);
        let replaced: HashMap<&Path, &SourceFile> =
            known.filter_map(|f| Some((f.path.strip_prefix(&planned.path).ok()?, f))).collect();
        let mut left = Vec::new();
        merge_old(&old, &planned.path, Path::new(""), &replaced, &mut left)?;
        if let Some((name, reason)) = left.first() {
            // They are another program's: the job is not finished, and its folder not removed, while they are not where they were.
            let what = format!(
                "the new folder is in place, but {} of the replaced folder that the job did not plan to replace could not be moved into it (the first is {}: {reason}); they are now in {}",
                plural(left.len(), "file"),
                name.display(),
                old.display()
            );
            let hint = "Move them yourself, or remove the cause, and resume the job.";
            return Err(ModelError::bad(what).in_file(&planned.path).with_hint(hint));
        }
    }
    staged::remove_folders(staged);
    let mut folders: Vec<&Path> = planned.files.iter().map(|f| files::parent_of(&f.0)).collect();
    folders.sort_unstable();
    folders.dedup();
    folders.into_iter().try_for_each(sync_folder)
}

fn remove(path: &Path) -> Result<()> {
    match files::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ModelError::io(path, "removing", e)),
        _ => Ok(()),
    }
}

/// Empties the folder `old`, which `new` has replaced: files in `replaced` are removed if they are as they were planned, all else moves to `new`. What had to stay goes to
/// `left`, with the reason. `inner` is the folder within both that is looked at.
fn merge_old(
    old: &Path,
    new: &Path,
    inner: &Path,
    replaced: &HashMap<&Path, &SourceFile>,
    left: &mut Vec<(PathBuf, io::Error)>,
) -> Result<()> {
    let folder = old.join(inner);
    let fail = |e| ModelError::io(&folder, "reading", e);
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = inner.join(entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
        let planned = replaced.get(name.as_path()).filter(|_| !is_folder);
        // A file that was written to since the plan was made is another program's now.
        let as_planned =
            |f: &&SourceFile| fs::symlink_metadata(entry.path()).is_ok_and(|m| f.has_contents_of(&FileStamp::from(&m)));
        if planned.copied().is_some_and(|f| as_planned(&f)) {
            remove(&entry.path())?;
        } else if is_folder && new.join(&name).is_dir() {
            merge_old(old, new, &name, replaced, left)?;
        } else if let Err(e) = files::rename_new(&entry.path(), &new.join(&name)) {
            left.push((name, e));
        }
    }
    sync_folder(&new.join(inner))?;
    // One that something is left in stays.
    let _ = files::remove_folder(&folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where folders cannot be exchanged, the old one is put aside first.
    #[test]
    fn a_folder_that_was_put_aside_is_half_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hf");
        let hidden = dir.path().join(".hf.remold-1-0123456789abcdef.part");
        let planned = PlannedOutput { path: path.clone(), folder: true, may_replace: true, ..PlannedOutput::default() };
        let staged = StagedPaths { folder: Some(hidden), whole: true, ..StagedPaths::default() };
        fs::create_dir(&path).unwrap();
        assert!(!is_half_way(&planned, &staged, &[]));
        fs::rename(&path, aside(&path, &staged)).unwrap();
        assert!(is_half_way(&planned, &staged, &[]));
    }

    #[test]
    fn files_of_others_that_cannot_be_moved_back_are_an_error_that_says_where_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (new, old) = (dir.path().join("hf"), dir.path().join(".hf.remold-1-0123456789abcdef.part"));
        for folder in [&new, &old] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("notes.txt"), folder.as_os_str().as_encoded_bytes()).unwrap();
        }
        fs::write(old.join("other.txt"), b"other").unwrap();
        let planned = PlannedOutput { path: new.clone(), folder: true, may_replace: true, ..PlannedOutput::default() };
        let staged = StagedPaths { folder: Some(old.clone()), whole: true, ..StagedPaths::default() };
        let e = clean_up(&planned, &staged).unwrap_err().to_string();
        assert!(e.contains("1 file ") && e.contains("notes.txt") && e.contains(&*old.to_string_lossy()), "{e}");
        assert_eq!(fs::read(new.join("other.txt")).unwrap(), b"other", "what can be moved is");
        assert!(old.join("notes.txt").is_file());
        fs::rename(old.join("notes.txt"), dir.path().join("mine.txt")).unwrap();
        clean_up(&planned, &staged).unwrap();
        assert!(!old.exists(), "called again it completes");
    }
}
