//! Removing older exports, so that a long training does not fill the disk.

use super::store::Export;
use crate::files;
use crate::plan;
use std::path::PathBuf;

/// True if a file of the export is still there as it was published, or if that is not known.
pub(crate) fn is_present(export: &Export) -> bool {
    export.done.as_ref().is_some_and(|done| done.files.is_empty() || done.files.iter().any(|f| done.owns(&f.path)))
}

/// Removes the files of an export that are unchanged since they were written, and its folder if it is then empty; returns what is now gone.
pub(crate) fn remove(export: &Export) -> Vec<PathBuf> {
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
    // The manifest is removed with its output, and kept if the output is.
    for output in export.picked.outputs.iter().filter(|o| std::fs::symlink_metadata(o).is_err()) {
        let manifest = plan::manifest_beside(output).filter(|m| !removed.is_empty() && plan::is_manifest(m));
        removed.extend(manifest.filter(|m| files::remove_file(m).is_ok()));
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::super::store::{Done, Ended, Picked, PublishedFile};
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
            pin: None,
            extra: false,
        };
        let done = Done {
            job: picked.job.clone(),
            unit: unit.into(),
            fingerprint: picked.fingerprint.clone(),
            status: Ended::Ok,
            why: None,
            done: 1.0,
            files,
            metrics: Default::default(),
        };
        Export { picked, done: Some(done) }
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
