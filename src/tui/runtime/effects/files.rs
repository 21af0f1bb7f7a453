//! The files of a model as one thing: listed, renamed, deleted. Links are removed and never followed; files that a job reads or writes
//! are left alone.

use crate::files;
use crate::formats::shard_set;
use crate::job::{self, JobFolder};
use crate::model::ModelError;
use crate::plan::{Plan, manifest_beside};
use crate::tui::core::{ErrorCard, units};
use crate::tui::tabs::models::FileList;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a folder that is deleted, at most.
const MAX_ENTRIES: usize = 10_000;

/// What belongs to a model: a folder with all that is in it, or a file with the others of its set; and its manifest.
///
/// # Errors
/// Too many entries, a file that a job uses, those of the file system.
pub(crate) fn list(jobs_root: &Path, path: &Path) -> Result<FileList, ErrorCard> {
    let mut list = FileList { path: path.to_owned(), ..FileList::default() };
    let mut todo = vec![path.to_owned()];
    if path.is_file() && !path.is_symlink() {
        todo = shard_set(path).into_iter().filter(|p| p.symlink_metadata().is_ok()).collect();
    }
    todo.extend(manifest_beside(path).filter(|m| m.symlink_metadata().is_ok()));
    while let Some(entry) = todo.pop() {
        let meta = entry.symlink_metadata().map_err(|e| failed(&entry, "reading", e))?;
        if list.files.len() + list.folders.len() >= MAX_ENTRIES {
            return Err(ErrorCard::new(format!("it has more than {} files", units::count(MAX_ENTRIES as u64)), true));
        }
        if meta.is_dir() {
            for inside in fs::read_dir(&entry).map_err(|e| failed(&entry, "reading", e))? {
                todo.push(inside.map_err(|e| failed(&entry, "reading", e))?.path());
            }
            list.folders.push(entry);
        } else {
            list.files.push((entry, if meta.is_file() { meta.len() } else { 0 }));
        }
    }
    list.files.sort();
    // A folder comes before those in it.
    list.folders.sort();
    match user(jobs_root, &list) {
        Some(job) => Err(ErrorCard::new(format!("job {job} uses it; wait for its end, or cancel it"), true)),
        None => Ok(list),
    }
}

/// Deletes what was listed, if it is still what it was.
///
/// # Errors
/// When it changed since, when a job uses it now, those of the file system.
pub(crate) fn delete(jobs_root: &Path, listed: &FileList) -> Result<(), ErrorCard> {
    if list(jobs_root, &listed.path)? != *listed {
        return Err(ErrorCard::new("its files have changed since they were listed; nothing was deleted", true));
    }
    for (file, _) in &listed.files {
        fs::remove_file(file).map_err(|e| failed(file, "deleting", e))?;
    }
    // Those inside come after the folder that they are in.
    for folder in listed.folders.iter().rev() {
        fs::remove_dir(folder).map_err(|e| failed(folder, "deleting", e))?;
    }
    Ok(())
}

/// Gives a model another name in its folder: the folder or file itself, the others of its set, and its manifest. Nothing is replaced.
/// Gives the new path.
///
/// # Errors
/// A name that is none or is taken, a model that a job uses, those of the file system.
pub(crate) fn rename(jobs_root: &Path, path: &Path, name: &str) -> Result<PathBuf, ErrorCard> {
    let name = name.trim();
    if name.is_empty() || name == "." || name == ".." || name.chars().any(|c| c == '/' || c.is_control()) {
        return Err(ErrorCard::new(format!("{name:?} is not a name for a file"), true));
    }
    list(jobs_root, path)?;
    let to = path.with_file_name(name);
    let mut pairs = vec![(path.to_owned(), to.clone())];
    let set = if path.is_file() { shard_set(path) } else { Vec::new() };
    if set.len() > 1 {
        let renamed = shard_set(&to);
        if renamed.len() != set.len() {
            return Err(ErrorCard::new("keep the number and the count of the file: `NAME-00001-of-00003`", true));
        }
        pairs = set.into_iter().zip(renamed).filter(|(from, _)| from.exists()).collect();
    }
    if let (Some(from), Some(to)) = (manifest_beside(path), manifest_beside(&to))
        && from.exists()
    {
        pairs.push((from, to));
    }
    for (i, (from, to)) in pairs.iter().enumerate() {
        if let Err(e) = files::rename_new(from, to) {
            // All or nothing.
            for (from, to) in pairs[..i].iter().rev() {
                let _ = files::rename_new(to, from);
            }
            let card = failed(to, "renaming", e);
            return Err(card);
        }
    }
    Ok(to)
}

fn failed(path: &Path, what: &str, e: std::io::Error) -> ErrorCard {
    ErrorCard::from(&ModelError::io(path, what, e))
}

/// The job that reads or writes one of these files now.
fn user(jobs_root: &Path, list: &FileList) -> Option<String> {
    let full = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    let mut own: Vec<PathBuf> = list.files.iter().map(|(f, _)| full(f)).collect();
    own.push(full(&list.path));
    // What a job will write into one of the folders is not there yet.
    let folders: Vec<PathBuf> = list.folders.iter().map(|f| full(f)).collect();
    let inside = |p: &Path| p.parent().map(full).is_some_and(|at| folders.iter().any(|f| at.starts_with(f)));
    let uses = |plan: &Plan| {
        let outputs = plan.outputs.iter().flat_map(|o| o.files.iter().map(|(p, _)| p).chain([&o.path]));
        let sources = plan.source_files.iter().map(|f| &f.path).chain([&plan.source]);
        sources.chain(outputs).any(|p| own.contains(&full(p)) || inside(p))
    };
    let at_work = job::list(jobs_root).into_iter().filter(|j| !j.state.ended());
    let plan_of =
        |dir: &Path| crate::engine::from_json::<Plan>(&JobFolder { dir: dir.to_owned() }.read("plan.json").ok()?).ok();
    at_work.filter(|j| plan_of(&j.dir).is_some_and(|p| uses(&p))).map(|j| j.id).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_a_job_will_write_into_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (jobs, model) = (dir.path().join("jobs"), dir.path().join("model"));
        fs::create_dir_all(model.join("exports")).unwrap();
        let plan = Plan {
            source: dir.path().join("elsewhere"),
            outputs: vec![crate::plan::PlannedOutput {
                path: model.join("exports/x.gguf"),
                ..crate::plan::PlannedOutput::default()
            }],
            ..Plan::default()
        };
        let folder = jobs.join("1");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("plan.json"), serde_json::to_vec(&plan).unwrap()).unwrap();
        fs::write(folder.join("recipe.toml"), b"").unwrap();
        let queued = job::list(&jobs).first().is_some_and(|j| !j.state.ended());
        assert!(queued, "a job that has just been made");
        assert!(list(&jobs, &model).unwrap_err().message.contains("job 1 uses it"));
        fs::remove_dir_all(&folder).unwrap();
        list(&jobs, &model).unwrap();
    }

    #[test]
    fn sets_and_manifests_go_together_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (at, jobs) = (|name: &str| dir.path().join(name), dir.path().join("jobs"));
        for name in
            ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "a-00001-of-00002.gguf.remold.json", "other.gguf"]
        {
            fs::write(at(name), b"1234").unwrap();
        }
        fs::create_dir_all(at("m/sub")).unwrap();
        fs::write(at("m/sub/x"), b"12").unwrap();
        std::os::unix::fs::symlink(at("other.gguf"), at("m/link")).unwrap();
        let to = rename(&jobs, &at("a-00001-of-00002.gguf"), "b-00001-of-00002.gguf").unwrap();
        assert!(
            to.exists() && at("b-00002-of-00002.gguf").exists() && at("b-00001-of-00002.gguf.remold.json").exists()
        );
        assert!(rename(&jobs, &to, "other.gguf").is_err(), "not a set");
        assert!(rename(&jobs, &at("other.gguf"), "m").is_err(), "the name is taken");
        assert!(rename(&jobs, &at("other.gguf"), "../x").is_err());
        let set = list(&jobs, &to).unwrap();
        assert_eq!((set.files.len(), set.bytes()), (3, 12));
        let folder = list(&jobs, &at("m")).unwrap();
        assert_eq!((folder.files.len(), folder.folders.len(), folder.bytes()), (2, 2, 2));
        fs::write(at("m/new"), b"").unwrap();
        assert!(delete(&jobs, &folder).unwrap_err().message.contains("have changed"));
        delete(&jobs, &list(&jobs, &at("m")).unwrap()).unwrap();
        delete(&jobs, &set).unwrap();
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["other.gguf"], "what a link pointed to stays");
    }
}
