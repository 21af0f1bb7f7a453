//! Removing older exports, so that a long training does not fill the disk.

use super::store::{Ended, Export, Exports};
use crate::files;
use std::path::{Path, PathBuf};

/// Exports beyond the newest `keep` of the run that `unit` is a checkpoint of: by step, else by the time they were made. Only exports of this
/// rule are among them.
pub fn superseded<'e>(exports: &'e Exports, unit: &str, keep: usize) -> Vec<&'e Export> {
    let run = |name: &str| Path::new(name).parent().map(Path::to_owned);
    let mut of_run: Vec<&Export> = exports
        .all()
        .iter()
        .filter(|e| e.done.as_ref().is_some_and(|d| d.status == Ended::Ok) && run(&e.picked.unit) == run(unit))
        .collect();
    of_run.sort_by(|a, b| {
        let order = |e: &Export| (e.picked.step, e.picked.picked);
        order(b).partial_cmp(&order(a)).unwrap_or(std::cmp::Ordering::Equal)
    });
    of_run.into_iter().skip(keep).collect()
}

/// Removes the files of an export that are still what was written, and its folder if nothing else is in it; gives what is gone now.
pub fn remove(export: &Export) -> Vec<PathBuf> {
    let Some(done) = &export.done else { return Vec::new() };
    let mut removed = Vec::new();
    for file in done.files.iter().map(|f| &f.path) {
        if done.owns(file) && files::remove_file(file).is_ok() {
            removed.push(file.clone());
        }
    }
    for folder in export.picked.outputs.iter().filter(|o| o.is_dir()) {
        // Fails where the user added something.
        if files::remove_folder(folder).is_ok() {
            removed.push(folder.clone());
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::super::store::{Done, Picked, PublishedFile};
    use super::*;
    use crate::engine::Identity;

    fn export(unit: &str, step: u64, written: Vec<PathBuf>) -> Export {
        let identity = |path: &PathBuf| Identity::of(&std::fs::metadata(path).unwrap());
        let files = written.iter().map(|path| PublishedFile { path: path.clone(), identity: identity(path) }).collect();
        let picked = Picked {
            unit: unit.into(),
            source: unit.into(),
            fingerprint: format!("{step:032x}"),
            recipe: "r".into(),
            step: Some(step),
            job: step.to_string(),
            picked: 1.0,
            outputs: written.iter().filter_map(|w| Some(w.parent()?.to_owned())).take(1).collect(),
            written: vec![written],
            files: Vec::new(),
        };
        let done = Done {
            job: picked.job.clone(),
            unit: unit.into(),
            fingerprint: picked.fingerprint.clone(),
            status: Ended::Ok,
            why: None,
            done: 1.0,
            files,
        };
        Export { picked, done: Some(done) }
    }

    #[test]
    fn the_newest_of_each_run_stay() {
        let steps = [
            ("a/checkpoint-300", 300),
            ("a/checkpoint-100", 100),
            ("b/checkpoint-50", 50),
            ("a/checkpoint-1000", 1000),
        ];
        let all = steps.map(|(unit, step)| export(unit, step, Vec::new()));
        let exports = Exports::of(all.into());
        let gone = |keep| -> Vec<u64> {
            superseded(&exports, "a/checkpoint-1000", keep).iter().filter_map(|e| e.picked.step).collect()
        };
        assert_eq!(gone(2), [100]);
        assert_eq!(gone(1), [300, 100]);
        assert!(gone(3).is_empty());
    }

    #[test]
    fn what_was_changed_since_or_added_stays() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("x");
        std::fs::create_dir(&folder).unwrap();
        let (weights, config, own) = (folder.join("model.safetensors"), folder.join("config.json"), folder.join("own"));
        for file in [&weights, &config, &own] {
            std::fs::write(file, b"x").unwrap();
        }
        let one = export("a", 1, vec![weights.clone(), config.clone()]);
        // Another file of the same name, older than the export: its time alone does not make it ours.
        std::fs::remove_file(&config).unwrap();
        std::fs::write(&config, b"another").unwrap();
        std::fs::File::options().write(true).open(&config).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(remove(&one), [weights]);
        assert!(config.exists() && own.exists());
        std::fs::remove_file(&own).unwrap();
        let one = export("a", 1, vec![config.clone()]);
        assert_eq!(remove(&one), [config, folder]);
    }
}
