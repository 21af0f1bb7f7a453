//! The files of a model as one thing: listed, renamed, deleted. Links are removed and never followed; files that a job reads or writes
//! are left alone.

use super::companions::{self, Renaming};
use crate::files;
use crate::formats::shard_set;
use crate::job::{self, JobFolder, Measurement};
use crate::model::ModelError;
use crate::plan::{Plan, is_manifest, manifest_beside};
use crate::recipe::Recipe;
use crate::tui::core::{ErrorCard, units};
use crate::tui::tabs::models::FileList;
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries of a folder that is deleted, at most.
const MAX_ENTRIES: usize = 10_000;

/// What belongs to a model: a folder with all that is in it, or a file with the others of its set; its manifest, and its Modelfile.
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
    todo.extend(companions::modelfile(path).filter(|_| path.is_file()));
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

/// Gives a model another name in its folder: the folder or file itself, the others of its set, its manifest and its Modelfile, which name it from
/// within. Nothing is replaced. Gives the new path.
///
/// # Errors
/// A name that is none or is taken, a model that a job uses, those of the file system.
pub(crate) fn rename(jobs_root: &Path, path: &Path, name: &str) -> Result<PathBuf, ErrorCard> {
    let name = name.trim();
    if name.is_empty() || name == "." || name == ".." || name.chars().any(|c| c == '/' || c.is_control()) {
        return Err(ErrorCard::new(format!("{name:?} is not a name for a file"), true));
    }
    if name.starts_with('.') {
        let why = format!("{name}: a name that begins with a dot is hidden, and the model would not be found again");
        return Err(ErrorCard::new(why, true));
    }
    list(jobs_root, path)?;
    let name = with_extension(path, name);
    let to = path.with_file_name(&*name);
    if to.symlink_metadata().is_ok() && to != path {
        return Err(ErrorCard::new(format!("{name} exists already; choose another name"), true));
    }
    let mut pairs = vec![(path.to_owned(), to.clone())];
    let set = if path.is_file() { shard_set(path) } else { Vec::new() };
    if set.len() > 1 {
        let renamed = shard_set(&to);
        if renamed.len() != set.len() {
            return Err(ErrorCard::new("keep the number and the count of the file: `NAME-00001-of-00003`", true));
        }
        pairs = set.into_iter().zip(renamed).filter(|(from, _)| from.exists()).collect();
    }
    let companions = Renaming::prepare(path, &to, &pairs).map_err(|e| ErrorCard::from(&e))?;
    if let (Some(from), Some(to)) = (manifest_beside(path), manifest_beside(&to))
        && from.exists()
        && !is_manifest(&from)
    {
        pairs.push((from, to));
    }
    let undo = |pairs: &[(PathBuf, PathBuf)]| {
        for (from, to) in pairs.iter().rev() {
            let _ = files::rename_new(to, from);
        }
    };
    for (i, (from, to)) in pairs.iter().enumerate() {
        if let Err(e) = files::rename_new(from, to) {
            // All or nothing.
            undo(&pairs[..i]);
            return Err(failed(to, "renaming", e));
        }
    }
    let moved = |file: &Path| file.strip_prefix(path).map_or_else(|_| file.to_owned(), |inside| to.join(inside));
    companions.finish(&moved).map_err(|e| {
        undo(&pairs);
        failed(&to, "renaming", e)
    })?;
    Ok(to)
}

/// The new name of a file, which keeps its extension: it says what the file is, and a file without it is not found as a model.
fn with_extension<'n>(path: &Path, name: &'n str) -> Cow<'n, str> {
    let Some(extension) = path.extension().and_then(|e| e.to_str()).filter(|_| path.is_file()) else {
        return name.into();
    };
    let same = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case(extension));
    if same { name.into() } else { format!("{name}.{extension}").into() }
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
    let is_own = |p: &Path| own.contains(&full(p)) || inside(p);
    // A measurement reads all of a model that is a folder, so none of its files is free.
    let is_below = |p: &Path| list.files.iter().any(|(f, _)| full(f).starts_with(full(p)));
    let uses = |plan: &Plan| {
        let outputs = plan.outputs.iter().flat_map(|o| o.files.iter().map(|(p, _)| p).chain([&o.path]));
        let reused = plan.outputs.iter().flat_map(|o| &o.reuse).flat_map(|r| [&r.output, &r.manifest]);
        let sources = plan.source_files.iter().map(|f| &f.path).chain([&plan.source]);
        sources.chain(outputs).chain(reused).any(|p| is_own(p))
    };
    // Files that its options name, such as importance matrices and adapters.
    let names = |recipe: &Recipe| {
        let options = recipe.targets.iter().flat_map(|t| t.options.paths().into_iter().chain(t.reuse.clone()));
        options.chain(recipe.read_from.iter().cloned()).any(|p| is_own(&p))
    };
    let plan_of = |folder: &JobFolder| crate::engine::from_json::<Plan>(&folder.read("plan.json").ok()?).ok();
    let at_work = job::list(jobs_root).into_iter().filter(|j| !j.state.ended());
    let measures = |m: &Measurement| m.paths().iter().any(|p| is_own(p) || is_below(p));
    let uses_it = |folder: &JobFolder| match plan_of(folder) {
        None if folder.kind().measures() && folder.measurement().is_ok() => {
            folder.measurement().is_ok_and(|m| measures(&m))
        }
        Some(plan) => uses(&plan) || folder.recipe().is_ok_and(|r| names(&r)),
        // A job in the making, or a damaged one: what it uses is not known. Jobs of other users cannot keep files this way.
        None => folder.check_here().is_ok(),
    };
    at_work.filter(|j| uses_it(&JobFolder { dir: j.dir.clone() })).map(|j| j.id).next()
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
    fn what_a_job_reads_besides_its_source_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let jobs = dir.path().join("jobs");
        let at = |name: &str| dir.path().join(name);
        for name in ["base.gguf", "i.gguf", "other.gguf"] {
            fs::write(at(name), b"1").unwrap();
        }
        let reuse = crate::plan::PlannedReuse { output: at("base.gguf"), ..Default::default() };
        let output = crate::plan::PlannedOutput {
            path: at("x.gguf"),
            reuse: Some(reuse),
            ..crate::plan::PlannedOutput::default()
        };
        let plan = Plan { source: at("elsewhere"), outputs: vec![output], ..Plan::default() };
        fs::create_dir_all(jobs.join("1")).unwrap();
        let recipe = format!("[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\"\nimatrix = {:?}\n", at("i.gguf"));
        fs::write(jobs.join("1/recipe.toml"), recipe).unwrap();
        let refused = |name: &str| list(&jobs, &at(name)).is_err_and(|e| e.message.contains("job 1 uses it"));
        assert!(refused("other.gguf"), "a job whose plan is not known may use anything");
        fs::write(jobs.join("1/plan.json"), serde_json::to_vec(&plan).unwrap()).unwrap();
        assert!(refused("base.gguf") && refused("i.gguf") && !refused("other.gguf"));
    }

    #[test]
    fn a_measurement_keeps_only_its_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let (jobs, at) = (dir.path().join("jobs"), |name: &str| dir.path().join(name));
        for name in ["model.gguf", "text.txt", "other.gguf"] {
            fs::write(at(name), b"1").unwrap();
        }
        let request = crate::calibrate::Imatrix {
            model: Some(at("model.gguf")),
            data: Some(at("text.txt")),
            output: at("model.imatrix.gguf"),
            ..Default::default()
        };
        JobFolder::create_measurement(&jobs, &Measurement::Imatrix(request)).unwrap();
        assert!(job::list(&jobs).iter().all(|j| !j.state.ended()));
        let refused = |name: &str| list(&jobs, &at(name)).is_err_and(|e| e.message.contains("job 1 uses it"));
        assert!(refused("model.gguf") && refused("text.txt"));
        list(&jobs, &at("other.gguf")).unwrap();
    }

    #[test]
    fn a_renamed_output_has_a_manifest_and_a_modelfile_that_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let jobs = at("jobs");
        let model = |name: &str| {
            let manifest = format!(
                "{{\n\"remold_manifest\": 1,\n\"output\": {{\"name\":\"{name}.gguf\"}},\n\"files\": [\n{{\"name\":\"{name}.gguf\",\"bytes\":4,\"rest\":[]}},\n\
                {{\"name\":\"{name}.Modelfile\",\"bytes\":1,\"rest\":[]}}\n],\n\"tensors\": [\n]\n}}\n"
            );
            fs::write(at(&format!("{name}.gguf")), b"1234").unwrap();
            fs::write(at(&format!("{name}.gguf.remold.json")), manifest).unwrap();
            let text =
                format!("# Use it with: ollama create NAME -f {name}.Modelfile\nFROM ./{name}.gguf\nSYSTEM \"x\"\n");
            fs::write(at(&format!("{name}.Modelfile")), text).unwrap();
        };
        model("m");
        let to = rename(&jobs, &at("m.gguf"), "re named.gguf").unwrap();
        let text = fs::read_to_string(at("re named.Modelfile")).unwrap();
        assert_eq!(
            text,
            "# Use it with: ollama create NAME -f 're named.Modelfile'\nFROM ./re named.gguf\nSYSTEM \"x\"\n"
        );
        let manifest = fs::read_to_string(at("re named.gguf.remold.json")).unwrap();
        assert!(manifest.contains("{\"name\":\"re named.gguf\"}") && !manifest.contains("m.gguf\""), "{manifest}");
        assert!(
            manifest.contains(&format!("{{\"name\":\"re named.Modelfile\",\"bytes\":{}", text.len())),
            "{manifest}"
        );
        let left = || {
            let mut names: Vec<String> = fs::read_dir(dir.path())
                .unwrap()
                .flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["re named.Modelfile", "re named.gguf", "re named.gguf.remold.json"]);
        // Nothing is renamed where the name of one of them is taken.
        fs::write(at("taken.Modelfile"), "").unwrap();
        assert!(rename(&jobs, &to, "taken.gguf").is_err());
        fs::remove_file(at("taken.Modelfile")).unwrap();
        assert_eq!(left(), ["re named.Modelfile", "re named.gguf", "re named.gguf.remold.json"]);
        // A Modelfile of another model stays.
        fs::write(at("other.gguf"), b"").unwrap();
        fs::write(at("other.Modelfile"), "FROM ./third.gguf\n").unwrap();
        assert_eq!(list(&jobs, &at("other.gguf")).unwrap().files.len(), 1);
        delete(&jobs, &list(&jobs, &to).unwrap()).unwrap();
        assert_eq!(left(), ["other.Modelfile", "other.gguf"]);
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
        let taken = rename(&jobs, &at("other.gguf"), "b-00001-of-00002.gguf").unwrap_err();
        assert_eq!(taken.message, "b-00001-of-00002.gguf exists already; choose another name");
        assert!(rename(&jobs, &at("m"), ".hidden").unwrap_err().message.contains("begins with a dot"));
        // A file without its extension would not be found as a model.
        let kept = rename(&jobs, &at("other.gguf"), "noext").unwrap();
        assert_eq!(kept, at("noext.gguf"));
        assert_eq!(rename(&jobs, &kept, "other.GGUF").unwrap(), at("other.GGUF"));
        assert_eq!(rename(&jobs, &at("other.GGUF"), "other.gguf").unwrap(), at("other.gguf"));
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
