//! What an output is named after, and the folder it goes to, when the user says neither.
//!
//! Beside the source, after its folder or file. Two sources are special: a checkpoint of a training run (see `checkpoints`), whose
//! outputs go next to the outermost checkpoint and begin with the run's name; and a snapshot in the Hugging Face cache, whose
//! outputs are named after the model and go to the current folder.

use super::checkpoints::{all_count, counted, is_checkpoint};
use crate::formats::has_model_extension;
use crate::formats::hf::Repository;
use std::fs;
use std::path::{Path, PathBuf};

/// File names that say nothing: their folder's name says more.
const GENERIC: [&str; 4] = ["model", "pytorch_model", "consolidated", "adapter_model"];

/// The first word of the name where no run's name can be used.
const FALLBACK: &str = "model";

/// A default name without type and extension, and a default folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    /// What the name begins with.
    pub stem: String,
    /// The folder; empty for the current one.
    pub home: PathBuf,
}

impl Naming {
    /// The naming of a source.
    pub(super) fn of(source: &Path) -> Self {
        if let Some(repository) = Repository::of(source) {
            return Self { stem: of_repository(source, &repository), home: PathBuf::new() };
        }
        let full = fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
        let file = (!full.is_dir()).then(|| file_stem(&full));
        // The folder of the model: the source itself, or the folder of a file.
        let folder = if file.is_some() { full.parent().unwrap_or(Path::new("")) } else { &full };
        // What a file is called beside its folder's name.
        let own = file.filter(|stem| !stem.is_empty() && !GENERIC.contains(&stem.as_str()));
        let outermost = folder.ancestors().filter(|a| is_checkpoint(&name(a))).last();
        let unit = outermost.or_else(|| (own.is_none() && counted(&name(folder)).is_some()).then_some(folder));
        if let Some(unit) = unit {
            let inside = folder.strip_prefix(unit).unwrap_or(Path::new(""));
            let inner = inside.iter().map(|p| p.to_string_lossy().into_owned());
            let parts: Vec<String> = std::iter::once(name(unit)).chain(inner).chain(own).collect();
            return in_run(unit.parent().unwrap_or(Path::new("")), &parts.join("-"));
        }
        let beside_source = full.parent().unwrap_or(Path::new(""));
        match own {
            Some(stem) if counted(&stem).is_some() => in_run(beside_source, &stem),
            Some(stem) => Self { stem, home: beside_source.to_owned() },
            None => Self { stem: or_fallback(name(folder)), home: beside_source.to_owned() },
        }
    }
}

/// Most names of a path that [`shown_source`] has.
const MAX_NAMES: usize = 4;

/// The name of a source for people. One that many sources have (that of a checkpoint, `model.safetensors`) gets the names of the folders
/// above it in front, up to one that says more: `exp42/checkpoint-500`.
pub(super) fn shown_source(source: &Path) -> String {
    let full = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
    let says_little = |own: &str| {
        is_checkpoint(own)
            || counted(own).is_some()
            || all_count(own)
            || GENERIC.contains(&file_stem(Path::new(own)).as_str())
    };
    let mut names: Vec<String> = Vec::new();
    for part in full.ancestors().map(name).take(MAX_NAMES) {
        // Hidden folders are some program's own.
        let enough = names.last().is_some_and(|above| !says_little(above));
        if part.is_empty() || enough || (!names.is_empty() && part.starts_with('.')) {
            break;
        }
        names.push(part);
    }
    if names.is_empty() {
        return source.display().to_string();
    }
    names.reverse();
    names.join("/")
}

/// The name of a file that is about a source and is saved near it: that of the source, without the extension of a model. It begins with the
/// name of the run where some trainer would count a file of the source's own name as a checkpoint. Looks at the path only.
pub(crate) fn name_about(source: &Path) -> String {
    let shown = shown_source(source).replace('/', "-");
    match shown.rsplit_once('.') {
        // Only what is an extension: a folder may be called `checkpoint-1.5`.
        Some((stem, _)) if has_model_extension(&shown) => stem.to_owned(),
        _ if counted(&shown).is_some() => format!("{FALLBACK}-{shown}"),
        _ => shown,
    }
}

/// In the run's folder, with its name in front.
fn in_run(folder: &Path, stem: &str) -> Naming {
    let up = folder.parent().filter(|_| all_count(&name(folder)));
    let home = up.unwrap_or(folder);
    let run = name(home);
    let run = run.trim_start_matches('.');
    let named = format!("{run}-{stem}");
    let stem = if run.is_empty() || counted(&named).is_some() { format!("{FALLBACK}-{stem}") } else { named };
    Naming { stem, home: home.to_owned() }
}

/// The model's name; for a file with a name of its own, that name.
fn of_repository(source: &Path, repository: &Repository) -> String {
    // Links lead to blobs, which are named after their hash.
    let in_snapshot = !source.is_dir() && source.parent().is_some_and(|p| !p.ends_with("blobs"));
    let own = in_snapshot.then(|| file_stem(source)).filter(|s| !s.is_empty() && !GENERIC.contains(&s.as_str()));
    let stem = own.unwrap_or_else(|| repository.name().to_owned());
    if counted(&stem).is_some() { format!("{FALLBACK}-{stem}") } else { stem }
}

/// The name of a file without extension and shard suffix.
fn file_stem(file: &Path) -> String {
    let name = name(file);
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(s, _)| s);
    let digits = |c: char| c.is_ascii_digit();
    let stem = match stem.rsplit_once("-of-") {
        Some((before, count)) if count.chars().all(digits) => before.trim_end_matches(digits).trim_end_matches('-'),
        _ => stem,
    };
    stem.to_owned()
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn or_fallback(name: String) -> String {
    if name.is_empty() { FALLBACK.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_the_same_name_are_told_apart() {
        for (source, shown) in [
            ("/runs/exp42/checkpoint-500", "exp42/checkpoint-500"),
            ("/runs/exp42/checkpoint-500/", "exp42/checkpoint-500"),
            ("/runs/exp42/checkpoints/epoch=3-step=10.ckpt", "exp42/checkpoints/epoch=3-step=10.ckpt"),
            ("/runs/exp42/500/model-00001-of-00002.safetensors", "exp42/500/model-00001-of-00002.safetensors"),
            ("/models/tiny-llama", "tiny-llama"),
            ("/models/tiny-llama-Q8_0.gguf", "tiny-llama-Q8_0.gguf"),
            ("/models/tiny-llama/model.safetensors", "tiny-llama/model.safetensors"),
            ("/out/.remold-pin-1/f00d/exp42/checkpoint-500", "exp42/checkpoint-500"),
            ("/.cache/step5", "step5"),
            ("/step5", "step5"),
            ("/", "/"),
        ] {
            assert_eq!(shown_source(Path::new(source)), shown, "{source}");
        }
    }

    #[test]
    fn a_file_about_a_source_is_no_checkpoint_of_its_run() {
        for (source, name) in [
            ("/runs/exp42/checkpoint-500", "exp42-checkpoint-500"),
            ("/runs/exp42/checkpoint-1.5", "exp42-checkpoint-1.5"),
            ("/runs/exp42/epoch3.pt", "exp42-epoch3"),
            ("/models/tiny-llama", "tiny-llama"),
            ("/models/tiny-llama-Q8_0.gguf", "tiny-llama-Q8_0"),
            ("/models/tiny-llama/model.safetensors", "tiny-llama-model"),
            ("/step5", "model-step5"),
        ] {
            assert_eq!(name_about(Path::new(source)), name, "{source}");
            assert_eq!(counted(name), None, "{source}");
        }
    }

    #[test]
    fn checkpoints_are_named_after_their_run_and_stand_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for (source, home, stem) in [
            ("exp/checkpoint-100/", "exp", "exp-checkpoint-100"),
            ("exp/checkpoint-100/model.safetensors", "exp", "exp-checkpoint-100"),
            ("exp/checkpoint-100/model-00001-of-00002.safetensors", "exp", "exp-checkpoint-100"),
            ("exp/checkpoint-100/ema.safetensors", "exp", "exp-checkpoint-100-ema"),
            ("exp/checkpoint_3/", "exp", "exp-checkpoint_3"),
            ("exp/checkpoints/checkpoint_3/", "exp", "exp-checkpoint_3"),
            ("exp/checkpoints/epoch=3-step=10.ckpt", "exp", "exp-epoch=3-step=10"),
            ("exp/global_step_100/actor/huggingface/", "exp", "exp-global_step_100-actor-huggingface"),
            ("exp/step1000/", "exp", "exp-step1000"),
            ("exp/epoch_2/", "exp", "exp-epoch_2"),
            ("exp/iter_0000100/", "exp", "exp-iter_0000100"),
            ("exp/ep1-ba100/", "exp", "exp-ep1-ba100"),
            ("exp/500/", "exp", "exp-500"),
            ("exp/500/model.safetensors", "exp", "exp-500"),
            ("exp/epoch3.pt", "exp", "exp-epoch3"),
            ("step/checkpoint-1/", "step", "model-checkpoint-1"),
            ("tmp/checkpoint-1/", "tmp", "model-checkpoint-1"),
            (".hidden/checkpoint-1/", ".hidden", "hidden-checkpoint-1"),
            ("2024/tiny/", "2024", "tiny"),
            ("exp/tiny/", "exp", "tiny"),
            ("exp/tiny/model.safetensors", "exp/tiny", "tiny"),
            ("exp/tiny/x-Q8_0.gguf", "exp/tiny", "x-Q8_0"),
            ("stepfun/", "", "stepfun"),
        ] {
            let path = root.join(source);
            fs::create_dir_all(if source.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
            if !source.ends_with('/') {
                fs::write(&path, "x").unwrap();
            }
            let got = Naming::of(&path);
            assert_eq!((got.stem.as_str(), got.home), (stem, root.join(home.trim_end_matches('/'))), "{source}");
            assert_eq!(counted(&got.stem), None, "{source}");
        }
        // A link is named after what it leads to: the trainer moves it.
        std::os::unix::fs::symlink("checkpoint-100", root.join("exp/last")).unwrap();
        assert_eq!(Naming::of(&root.join("exp/last")).stem, "exp-checkpoint-100");
    }

    #[test]
    fn snapshots_are_named_after_the_model_and_go_to_the_current_folder() {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("models--me--Tiny-Chat");
        let snapshot = repository.join("snapshots/0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c");
        fs::create_dir_all(&snapshot).unwrap();
        fs::create_dir_all(repository.join("blobs")).unwrap();
        for (i, file) in ["model.safetensors", "tiny-Q4_0.gguf"].iter().enumerate() {
            fs::write(repository.join(format!("blobs/{i}")), "x").unwrap();
            std::os::unix::fs::symlink(format!("../../blobs/{i}"), snapshot.join(file)).unwrap();
        }
        for (source, stem) in [
            (snapshot.clone(), "Tiny-Chat"),
            (repository.clone(), "Tiny-Chat"),
            (snapshot.join("model.safetensors"), "Tiny-Chat"),
            (snapshot.join("tiny-Q4_0.gguf"), "tiny-Q4_0"),
            (repository.join("blobs/0"), "Tiny-Chat"),
        ] {
            let want = Naming { stem: stem.to_owned(), home: PathBuf::new() };
            assert_eq!(Naming::of(&source), want, "{}", source.display());
        }
    }
}
