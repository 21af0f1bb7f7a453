//! `split` and `merge`: a recipe that copies a GGUF into several files, or several into one, run as any other.

use super::args::{MergeArgs, RunFlags, SplitArgs};
use super::convert::run_prepared;
use super::{Exit, refuse};
use crate::arch;
use crate::formats;
use crate::model::{FormatId, Model, ModelError, Result};
use crate::plan;
use crate::recipe::options::{common, gguf};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use std::fs;
use std::path::{Path, PathBuf};

/// `remold split`.
pub(crate) fn split(args: &SplitArgs) -> Exit {
    let target = copy()
        .with(&common::MAX_SHARD_SIZE, args.max_size.clone())
        .with(&gguf::SPLIT_MAX_TENSORS, args.max_tensors)
        .with(&gguf::SPLIT_MAX_LAYERS, args.max_layers)
        .with(&gguf::NO_TENSOR_FIRST_SPLIT, args.no_tensor_first_split);
    let hint = "To split safetensors: `remold convert … --to safetensors --max-shard-size SIZE`.";
    let model = open_splittable(&args.file, hint).and_then(|model| match plan::count_files(&model, &target)? {
        1 => {
            let what = format!("all tensors ({}) fit in one file", model.tensors.len());
            Err(ModelError::request(what).in_file(&model.path).with_hint("Choose a lower limit."))
        }
        _ => Ok(model),
    });
    finish(model, target, args.output.as_deref(), args.force, &args.run)
}

/// `remold merge`.
pub(crate) fn merge(args: &MergeArgs) -> Exit {
    let model = set_of(&args.shards);
    finish(model, copy(), args.output.as_deref(), args.force, &args.run)
}

/// A target that keeps every tensor and every key but those of a split.
fn copy() -> Target {
    Target::of(FormatId::Gguf).quantized("auto")
}

fn finish(model: Result<Model>, mut target: Target, output: Option<&Path>, force: bool, flags: &RunFlags) -> Exit {
    let ready = model.and_then(|model| {
        if let Some(error) = output.and_then(|output| other_format(output, &model)) {
            return Err(error);
        }
        target.output = Some(destination(&model, output));
        target.force = force;
        let mut recipe = Recipe { targets: vec![target], ..Recipe::default() };
        recipe.source.path = Some(model.path.clone());
        recipe.manifest = flags.no_manifest.then_some(false);
        let prepared = plan::prepare_model(&model, &recipe, Task::quiet())?;
        Ok((recipe, prepared))
    });
    match ready {
        Ok((recipe, prepared)) => run_prepared(&recipe, &prepared, flags),
        Err(e) => refuse(&e),
    }
}

/// The error for an output whose ending is that of other formats than the model's, which these commands keep.
fn other_format(output: &Path, model: &Model) -> Option<ModelError> {
    let named = formats::with_extension_of(output);
    if output.is_dir() || named.is_empty() || named.iter().any(|f| f.id == model.format) {
        return None;
    }
    let what = format!("the output of this command is {}, and its name says another format", model.format);
    let hint = format!("End the name in .{}; `remold convert` changes formats.", model.format);
    Some(ModelError::request(what).in_file(output).with_hint(hint))
}

/// The output as asked for, in a folder or under a name; named after the source, beside it, when nothing is said.
fn destination(model: &Model, output: Option<&Path>) -> PathBuf {
    let whole = formats::whole_path(model.format, model.files.first().unwrap_or(&model.path));
    match output {
        Some(folder) if folder.is_dir() || folder.as_os_str().to_string_lossy().ends_with('/') => {
            folder.join(whole.file_name().unwrap_or_default())
        }
        Some(file) => file.to_owned(),
        None => whole,
    }
}

fn open_splittable(path: &Path, hint: &str) -> Result<Model> {
    let model = arch::open(path)?;
    if !formats::write_spec(model.format).is_some_and(|w| w.resplit) {
        let error =
            ModelError::request(format!("this is {}, but only GGUF files can be split and merged", model.format));
        return Err(error.in_file(path).with_hint(hint));
    }
    Ok(model)
}

/// The set that the given files are of. A shell's `model-*.gguf` may give them all; none of them is ever written to.
fn set_of(paths: &[PathBuf]) -> Result<Model> {
    let Some(first) = paths.first() else { return Err(ModelError::request("no file is given")) };
    let model = open_splittable(first, "To make one file of many: `remold convert … --to safetensors`.")?;
    if let [lone] = model.files.as_slice() {
        let error = ModelError::request("this is not part of a split GGUF: there is nothing to merge").in_file(lone);
        return Err(error.with_hint("Name any file of a set: NAME-00001-of-0000N.gguf."));
    }
    let real = |p: &PathBuf| fs::canonicalize(p).unwrap_or_else(|_| p.clone());
    let files: Vec<PathBuf> = model.files.iter().map(real).collect();
    match paths.iter().find(|p| !files.contains(&real(p))) {
        None => Ok(model),
        Some(other) => {
            let error = ModelError::request(format!("it is not in the same set as {}", first.display())).in_file(other);
            Err(error.with_hint("Merge one set at a time, and name the output with -o."))
        }
    }
}
