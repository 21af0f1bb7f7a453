//! Where outputs are until they are published: part files beside their destination, or a hidden folder of them beside (or in) the
//! destination for outputs that are folders.
//!
//! The names hold the job's number and a random token, so they are no other job's. They are in the journal before a file is created:
//! a job continues with, or removes, only what its own journal names.

use super::journal::{Begin, Recorded, StagedPaths};
use super::part_file::{Identity, PartFile, part_end, part_name, writer};
use super::staged::Staged;
use super::{manifest, publish};
use crate::files;
use crate::formats::FilePlan;
use crate::model::{Hint, ModelError, OutputIndex, Remedy, Result, numbered};
use crate::plan::{Plan, PlannedOutput, Prepared, PreparedOutput};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Folders made for outputs. Those that are still empty are removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    fn create(&mut self, folder: &Path) -> Result<()> {
        let new = files::create_folders(folder, 0o777).map_err(|e| ModelError::io(folder, "creating the folder", e))?;
        self.0.splice(0..0, new);
        Ok(())
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            #[cfg(test)]
            if files::fault::is_dead(folder) {
                return;
            }
            // A folder that is not empty stays: it holds the outputs, or a file of another program.
            let _ = files::remove_folder(folder);
        }
    }
}

/// The names under which a new attempt writes.
pub(crate) fn paths(prepared: &Prepared, job: &str, token: &str) -> Vec<StagedPaths> {
    let absolute = |p: PathBuf| std::path::absolute(&p).unwrap_or(p);
    let name_of = |p: &Path| part_name(&p.file_name().unwrap_or_default().to_string_lossy(), job, token);
    let manifest = |planned: &PlannedOutput| planned.manifest.as_ref().map(|m| absolute(m.with_file_name(name_of(m))));
    let staged = |planned: &PlannedOutput| {
        let files = planned.files.iter().map(|f| f.0.as_path());
        if !planned.folder {
            let parts = files.map(|f| absolute(f.with_file_name(name_of(f)))).collect();
            return StagedPaths { folder: None, whole: false, parts, manifest: manifest(planned) };
        }
        let whole = becomes_whole(planned);
        let place = if whole { files::parent_of(&planned.path) } else { &planned.path };
        let folder = absolute(place.join(name_of(&planned.path)));
        let inside = |f: &Path| folder.join(f.strip_prefix(&planned.path).unwrap_or(f));
        let parts = files.map(inside).collect();
        StagedPaths { whole, parts, folder: Some(folder), manifest: manifest(planned) }
    };
    prepared.plan.outputs.iter().map(staged).collect()
}

/// True if these are names that an attempt of the job gives to what it writes for an output: its number and token are in them, and they are
/// beside the output or in it.
fn is_of_job(staged: &StagedPaths, planned: &PlannedOutput, job: &str, token: &str) -> bool {
    let end = part_end(job, token);
    let absolute = |p: &Path| std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
    let mut homes: Vec<PathBuf> = planned.files.iter().map(|f| absolute(files::parent_of(&f.0))).collect();
    homes.push(absolute(files::parent_of(&planned.path)));
    homes.extend(planned.manifest.iter().map(|m| absolute(files::parent_of(m))));
    if planned.folder {
        homes.push(absolute(&planned.path));
    }
    let named = |path: &Path| {
        let name = path.file_name().and_then(|n| n.to_str());
        name.is_some_and(|n| n.starts_with('.') && n.ends_with(&end))
            && homes.iter().any(|h| h == files::parent_of(path))
    };
    let plain = |rest: &Path| rest.components().all(|c| matches!(c, Component::Normal(_)));
    let inside = |folder: &Path, part: &Path| part.strip_prefix(folder).is_ok_and(plain);
    !token.is_empty()
        && staged.folder.as_deref().is_none_or(named)
        && staged.manifest.as_deref().is_none_or(named)
        && staged.parts.iter().all(|part| staged.folder.as_deref().map_or_else(|| named(part), |f| inside(f, part)))
}

/// True if the hidden folder of an output gets the output's name in one step: when nothing has the name, or when a folder is replaced that
/// holds nothing but what is replaced. Any other folder stays, and its files are replaced one by one.
fn becomes_whole(planned: &PlannedOutput) -> bool {
    if planned.path.file_name().is_none() {
        return false;
    }
    let Ok(there) = fs::symlink_metadata(&planned.path) else { return true };
    let parent = files::parent_of(&planned.path);
    let mounted = fs::metadata(parent).is_ok_and(|p| p.dev() != there.dev());
    let own = there.uid() == rustix::process::geteuid().as_raw() && there.mode() & 0o300 == 0o300;
    let real = fs::canonicalize(&planned.path);
    // A process in the folder would be left in the old one.
    let inside = std::env::current_dir().is_ok_and(|here| real.as_ref().is_ok_and(|r| here.starts_with(r)));
    let writable = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
    planned.may_replace && !mounted && own && !inside && writable && publish::holds_only_replaced(planned)
}

/// Refuses outputs that another process is writing.
///
/// # Errors
/// A request error that names the output.
pub(crate) fn check_not_written(prepared: &Prepared) -> Result<()> {
    let Some((path, job)) = being_written(&prepared.plan).into_iter().next() else { return Ok(()) };
    let number = if job.is_empty() { String::new() } else { format!(": job {job}") };
    let hint = Hint::from("Wait for it, resume it if it is paused, or cancel it (")
        .then(Remedy::Run("jobs".to_owned()))
        .then("); or choose another output.");
    Err(ModelError::request(format!("another job is writing this output{number}")).in_file(&path).with_hint(hint))
}

/// The outputs of a plan that other processes are writing now, and their jobs.
pub(crate) fn being_written(plan: &Plan) -> Vec<(PathBuf, String)> {
    let written = |planned: &PlannedOutput| match planned.folder {
        true => vec![planned.path.clone()],
        false => planned.files.iter().map(|f| f.0.clone()).collect(),
    };
    let files = plan.outputs.iter().flat_map(written);
    files.filter_map(|path| writer(&path).map(|job| (path, job))).collect()
}

/// Refuses outputs that could not be published as things are now, except those whose publication has begun.
///
/// # Errors
/// A request error that names the file in the way.
pub(crate) fn check_free(prepared: &Prepared, begun: impl Fn(OutputIndex) -> bool) -> Result<()> {
    numbered(&prepared.plan.outputs)
        .filter(|(o, _)| !begun(*o))
        .try_for_each(|(_, planned)| publish::check_free(planned))
}

/// Creates the part files of an attempt, and writes what is known of them beforehand.
///
/// # Errors
/// I/O errors; what was created is removed.
pub(crate) fn create(prepared: &Prepared, begin: &Begin, folders: &mut NewFolders) -> Result<Vec<Staged>> {
    let outputs = prepared.outputs.iter().zip(&prepared.plan.outputs).zip(&begin.outputs);
    let create_output = |((output, planned), paths): ((&PreparedOutput, &PlannedOutput), &StagedPaths)| {
        let mut parts = Vec::new();
        for (file, path) in output.files.iter().zip(&paths.parts) {
            parts.push(create_one(file, path, planned, prepared.mode, folders)?);
        }
        Ok(Staged { paths: paths.clone(), parts })
    };
    outputs.map(create_output).collect()
}

fn create_one(
    file: &FilePlan,
    path: &Path,
    planned: &PlannedOutput,
    mode: u32,
    folders: &mut NewFolders,
) -> Result<PartFile> {
    // The destination's folder first: it stays, the hidden one inside or next to it goes.
    let home = if planned.folder { files::parent_of(&planned.path) } else { files::parent_of(&file.path) };
    folders.create(home)?;
    folders.create(files::parent_of(path))?;
    let part = PartFile::create(path, &file.path, file.bytes, mode & 0o666)?;
    write_fixed(&part, file)?;
    Ok(part)
}

/// Writes the pieces of a file that are known beforehand.
fn write_fixed(part: &PartFile, file: &FilePlan) -> Result<()> {
    file.fixed.iter().try_for_each(|(offset, bytes)| part.write_at(bytes, *offset))
}

/// Opens the files of an earlier attempt; a file that is missing is created again. `None` when something else has one of the names.
///
/// # Errors
/// I/O errors; another process that holds a file.
pub(crate) fn reopen(
    prepared: &Prepared,
    recorded: &Recorded,
    job: &str,
    folders: &mut NewFolders,
) -> Result<Option<Vec<Staged>>> {
    let Some(begin) = recorded.attempts.last() else { return Ok(None) };
    let outputs = prepared.outputs.iter().zip(&prepared.plan.outputs);
    let as_planned = begin.outputs.len() == prepared.outputs.len()
        && begin.outputs.iter().zip(&prepared.outputs).all(|(s, o)| s.parts.len() == o.files.len())
        && begin.outputs.iter().zip(&prepared.plan.outputs).all(|(s, o)| is_of_job(s, o, job, &begin.token));
    if !as_planned {
        return Ok(None);
    }
    let mut all = Vec::new();
    for (o, ((output, planned), paths)) in numbered(outputs.zip(&begin.outputs)) {
        let mut parts = Vec::new();
        for (f, (file, path)) in output.files.iter().zip(&paths.parts).enumerate() {
            let publishing = recorded.publishing.get(&o).and_then(|files| files.get(f));
            let place = current_place(path, &file.path, publishing);
            if fs::symlink_metadata(place).is_err() {
                if publishing.is_some() {
                    return Err(publish::changed_since(&file.path));
                }
                parts.push(create_one(file, place, planned, prepared.mode, folders)?);
                continue;
            }
            let Some(part) = PartFile::reopen(place, &file.path, file.bytes)? else { return Ok(None) };
            if publishing.is_none() {
                write_fixed(&part, file)?;
            }
            parts.push(part);
        }
        all.push(Staged { paths: paths.clone(), parts });
    }
    Ok(Some(all))
}

/// Where a file is now: under its final name when it was published already, as its identity shows.
fn current_place<'a>(part: &'a Path, destination: &'a Path, identity: Option<&Identity>) -> &'a Path {
    let is_at = |p: &Path| identity.is_some_and(|i| i.is_at(p));
    if !is_at(part) && is_at(destination) { destination } else { part }
}

/// Removes what every attempt of a journal left behind, under the locks of the files. Outputs that were published stay; one whose
/// publication had begun is complete, and is published to the end. Gives the names of unfinished files that something else has now (a link,
/// a file with further names), and names that the job `job` cannot have given; what has them is left there.
///
/// # Errors
/// I/O errors; a file that another process is writing; an output that can be neither completed nor left as it was.
pub(crate) fn discard(recorded: &Recorded, job: &str, outputs: &[PlannedOutput]) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    let last = recorded.attempts.len().saturating_sub(1);
    for (n, attempt) in recorded.attempts.iter().enumerate() {
        for (o, staged) in numbered::<OutputIndex, _>(&attempt.outputs) {
            if !outputs.get(o.0).is_some_and(|planned| is_of_job(staged, planned, job, &attempt.token)) {
                let names = staged.parts.iter().chain(&staged.manifest);
                left.extend(names.filter(|p| fs::symlink_metadata(p).is_ok()).cloned());
                continue;
            }
            if let Some(part) = &staged.manifest {
                left.extend(manifest::discard_part(part)?);
            }
            let begun = recorded.publishing.get(&o).filter(|_| n == last);
            if let (Some(planned), Some(identities)) = (outputs.get(o.0), begun) {
                if publish::is_in_place(planned, identities) {
                    publish::clean_up(planned, staged)?;
                    continue;
                }
                if publish::is_superseded(planned, identities) {
                    publish::remove_asides(planned, staged)?;
                } else if publish::is_half_way(planned, staged, identities) {
                    complete(planned, staged, identities)?;
                    continue;
                }
            }
            for path in &staged.parts {
                let Ok(meta) = fs::symlink_metadata(path) else { continue };
                let own = if meta.is_file() { PartFile::reopen(path, path, meta.len())? } else { None };
                match own {
                    Some(part) => part.remove_when_dropped(),
                    None => left.push(path.clone()),
                }
            }
            if let (Some(folder), Some(planned)) = (&staged.folder, outputs.get(o.0)) {
                // After an exchange the hidden folder holds what was to be replaced.
                for old in &planned.stale {
                    let name = old.path.strip_prefix(&planned.path).unwrap_or(&old.path);
                    let path = folder.join(name);
                    if path.starts_with(folder) && fs::symlink_metadata(&path).is_ok_and(|m| old.is_like(&m)) {
                        let _ = files::remove_file(&path);
                    }
                }
            }
            super::staged::remove_folders(staged);
        }
    }
    Ok(left)
}

/// Publishes to its end an output some of whose files have their final names.
fn complete(planned: &PlannedOutput, paths: &StagedPaths, identities: &[Identity]) -> Result<()> {
    let mut parts = Vec::new();
    for (((to, bytes), part), identity) in planned.files.iter().zip(&paths.parts).zip(identities) {
        let place = current_place(part, to, Some(identity));
        let Some(part) = PartFile::reopen(place, to, *bytes)? else {
            let what = "the job was stopped while it published this set, and one of its files is missing";
            let hint = "Hidden files next to it are the old files (.old) and the new files (.part).";
            return Err(ModelError::bad(what).in_file(to).with_hint(hint));
        };
        parts.push(part);
    }
    publish::rename_files(planned, &Staged { paths: paths.clone(), parts })?;
    publish::clean_up(planned, paths)
}

/// Bytes on disk that the last attempt's files take already, by file.
pub(crate) fn held(recorded: &Recorded) -> Vec<(PathBuf, u64)> {
    let parts = recorded.attempts.last().into_iter().flat_map(|a| &a.outputs).flat_map(|o| &o.parts);
    parts.filter_map(|p| Some((p.clone(), fs::symlink_metadata(p).ok()?.blocks().saturating_mul(512)))).collect()
}
