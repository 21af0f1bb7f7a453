//! From a recipe to a plan.

use super::estimate::estimate;
use super::lay_out::LayOut;
use super::occasion::Occasion;
use super::resolve::{self, resolve};
use super::steps::{self, Stepped};
use super::trial::{layout_tensors, trial};
use super::{Plan, PlannedOutput, Prepared, PreparedOutput, PreparedTensor, SourceFile};
use super::{changes, destination, manifest, memory, space, stages, text_names, validation};
use crate::arch;
use crate::files::FileStamp;
use crate::model::{
    Hint, Model, ModelError, OpenedFile, OptionName, Remedy, Result, TensorEntry, UNSAFE_CODE, Warning,
};
use crate::recipe::options::scores_file;
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::transform::merge_lora;
use crate::units::quoted;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Opens the recipe's source and resolves every output, with what the engine needs to carry the plan out. Reads headers only; tensors
/// are measured, for targets with a budget, as `how` says.
///
/// # Errors
/// Everything that can be known beforehand: bad source, unknown types, selectors that match nothing, outputs that exist or
/// are inputs, not enough disk.
pub fn prepare(recipe: &Recipe, how: Task<'_>) -> Result<Prepared> {
    prepare_model(&open_source(recipe)?, recipe, how)
}

/// As [`prepare`], for outputs that are there and are compared with what would be written: nothing about their places is checked.
///
/// # Errors
/// As [`prepare`], but for what concerns the outputs' paths and the space for them.
pub(crate) fn prepare_to_compare(recipe: &Recipe, how: Task<'_>) -> Result<Prepared> {
    prepare_from(&open_source(recipe)?, recipe, how, Occasion::Comparison)
}

fn open_source(recipe: &Recipe) -> Result<Model> {
    let Some(path) = &recipe.source.path else {
        let hint = "Name it with `--source PATH`, or as `[source] path = \"…\"` in the recipe.";
        return Err(ModelError::request("the recipe names no source").with_hint(hint));
    };
    arch::open_as_format(path, recipe.source.format)
}

/// The source with the hyper-parameters that the recipe gives.
fn with_given<'m>(model: &'m Model, recipe: &Recipe) -> Result<Cow<'m, Model>> {
    let given = &recipe.source.hyperparameters;
    if given.is_empty() { Ok(Cow::Borrowed(model)) } else { arch::with_given(model, given).map(Cow::Owned) }
}

/// The source with the adapter that the recipe names.
fn with_adapter<'m>(model: &'m Model, recipe: &Recipe) -> Result<Cow<'m, Model>> {
    let Some(path) = &recipe.source.lora else { return Ok(Cow::Borrowed(model)) };
    merge_lora(model, &arch::open(path)?).map(Cow::Owned)
}

/// As [`prepare`], for a look at the plan only: existing outputs are listed in [`PlannedOutput::replaces`].
///
/// # Errors
/// As [`prepare`], but for outputs that exist.
pub(crate) fn rehearse(recipe: &Recipe, how: Task<'_>) -> Result<Plan> {
    rehearse_model(&open_source(recipe)?, recipe, how)
}

/// As [`rehearse`], with an [`Estimate`](super::Estimate) of each output: a few tensors are measured. Where that fails the outputs have none.
///
/// # Errors
/// As [`rehearse`].
pub(crate) fn rehearse_estimated(recipe: &Recipe, how: Task<'_>) -> Result<Plan> {
    let mut prepared = prepare_from(&open_source(recipe)?, recipe, how, Occasion::Rehearsal)?;
    // What is wrong with the values is reported by the run.
    let estimates = estimate(&prepared, how).unwrap_or_default();
    for (output, estimate) in prepared.plan.outputs.iter_mut().zip(estimates) {
        output.estimate = Some(estimate);
    }
    Ok(prepared.plan)
}

/// As [`rehearse`], for a source that is open already.
///
/// # Errors
/// As [`rehearse`].
pub(crate) fn rehearse_model(model: &Model, recipe: &Recipe, how: Task<'_>) -> Result<Plan> {
    prepare_from(model, recipe, how, Occasion::Rehearsal).map(|p| p.plan)
}

/// As [`prepare`], for a source that is open already.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_model(model: &Model, recipe: &Recipe, how: Task<'_>) -> Result<Prepared> {
    prepare_from(model, recipe, how, Occasion::New)
}

/// Plans once more what was planned before, for a worker that starts or resumes a job: with the paths of that plan and the permission to
/// replace that it has. `read` gives that plan; its list of tensors is let go before the new one is made, since there may be a million.
/// `held` are the bytes on disk that files of an earlier attempt take already.
///
/// # Errors
/// As [`prepare`], but for outputs that exist; a request error that says what is not as it was planned; those of `read`.
pub(crate) fn prepare_again(
    recipe: &Recipe,
    how: Task<'_>,
    read: &dyn Fn() -> Result<Plan>,
    held: &[(PathBuf, u64)],
) -> Result<Prepared> {
    let mut planned = read()?;
    let fingerprint = planned.fingerprint();
    planned.outputs.iter_mut().for_each(|o| o.tensors = Arc::default());
    let prepared = prepare_from(&open_source(recipe)?, recipe, how, Occasion::Again { planned: &planned, held })?;
    if prepared.plan.fingerprint() == fingerprint {
        return Ok(prepared);
    }
    let change = changes::first(&read()?, &prepared.plan);
    let change = change.unwrap_or_else(|| "the plan is different".to_owned());
    let error = ModelError::request(format!("the plan of the job has changed: {change}"));
    Err(error.in_file(&prepared.plan.source).with_hint("Start a new conversion."))
}

fn prepare_from(model: &Model, recipe: &Recipe, how: Task<'_>, occasion: Occasion<'_>) -> Result<Prepared> {
    text_names::check_recipe(model, recipe)?;
    check_has_targets(recipe)?;
    let model = &*with_given(model, recipe)?;
    let model = &*with_adapter(model, recipe)?;
    let opened = model;
    let unused = densify_without_effect(model, recipe.source.densify);
    let densified;
    let model = if recipe.source.densify && !model.unreadable.is_empty() {
        densified = model.clone().densified()?;
        &densified
    } else {
        model
    };
    model.check_readable()?;
    check_has_tensors(model)?;
    model.checks.enable(!recipe.source.no_checksums);
    model.checks.known()?;
    let source = model;
    let Stepped { model, targets, steps, warnings } = steps::apply(source, recipe)?;
    let model: &Model = &model;

    let inputs = inputs(model, recipe);
    let protected = protected(model, recipe, &inputs);
    let mut plan = Plan {
        source: model.path.clone(),
        source_files: inputs.iter().map(|f| SourceFile::new(&f.path, &f.stamp)).collect(),
        source_format: model.format,
        parameters: source.parameters(),
        source_bytes: source.tensor_bytes(),
        warnings: source.warnings.iter().cloned().chain(unused).chain(warnings).collect(),
        steps,
        ..Plan::default()
    };
    let mut outputs: Vec<PreparedOutput> = Vec::new();
    let mut registered: HashMap<String, PathBuf> = HashMap::new();
    let made = crate::recipe::steps::made(&recipe.pipeline);
    let layout = LayOut { model, occasion, made, protected: &protected, cancel: how.cancel };
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for (no, asked) in targets.iter().enumerate() {
        let mut target = asked.clone();
        if target.output.is_none() {
            target.output = recipe.output_dir.as_ref().map(|d| d.join(""));
        }
        let target = &target;
        let mut resolved = resolve(model, target, how)?;
        // Where layers are left out, names mean other tensors; in graphs, names are those of values.
        let before = outputs.iter().zip(&left_out);
        let alike = before.filter(|(o, left_out)| {
            o.format == resolved.format && o.graph.is_none() && **left_out == resolved.left_out
        });
        share(alike.map(|(o, _)| o), &mut resolved.tensors);
        left_out.push(resolved.left_out.clone());
        plan.architecture = plan.architecture.or_else(|| resolved.architecture.clone());
        let (mut planned, prepared) = layout.output(target, resolved, &mut taken, &mut plan)?;
        if let Some(r) = &planned.registration
            && let Some(other) = registered.insert(r.full_name(), planned.path.clone())
        {
            let what = format!("{} and this output would be registered as `{}` in Ollama", other.display(), r.name);
            let hint = "Each would replace the one before; give every target a name of its own in a recipe.";
            return Err(ModelError::request(what)
                .in_file(&planned.path)
                .in_option(OptionName::OLLAMA_CREATE)
                .with_hint(hint));
        }
        planned.manifest = manifest_of(&planned, no, recipe, occasion)?;
        planned.reuse = occasion.output(no).and_then(|before| before.reuse.clone());
        plan.outputs.push(planned);
        outputs.push(prepared);
    }
    if !matches!(occasion, Occasion::Comparison) {
        let memory = recipe.max_memory.as_deref().map(max_memory).transpose()?;
        plan.validation = validation::plan(recipe, opened, &plan.outputs, &outputs, memory)?;
    }
    plan.stages = stages::stages(&plan.outputs, plan.validation.is_some());
    text_names::check_plan(&plan)?;
    let mut said = HashSet::new();
    plan.warnings.retain(|w| said.insert((w.code.clone(), w.text.clone(), w.tensor.clone())));
    plan.disk_bytes = plan.outputs.iter().map(|o| o.bytes).sum();
    let threads = threads(recipe, &outputs, &mut plan)?;
    plan.memory_bytes = plan.memory_bytes.max(plan.validation.as_ref().map_or(0, |v| v.memory_bytes));
    let held = if let Occasion::Again { held, .. } = occasion { held } else { &[] };
    let files = plan.outputs.iter().flat_map(|o| &o.files).map(|(p, b)| (p.as_path(), *b));
    if !matches!(occasion, Occasion::Comparison) {
        space::check_free(files, held.iter().map(|(p, b)| (p.as_path(), *b)))?;
    }
    let mode = destination::allowed_mode(model.opened.iter().map(|i| i.stamp.mode));
    Ok(Prepared { plan, outputs, inputs, mode, checks: model.checks.clone(), threads })
}

/// Gives tensors the lazy data of those with the same name in earlier outputs, so that the engine reads each source row once for
/// all of them.
fn share<'a>(earlier: impl Iterator<Item = &'a PreparedOutput>, tensors: &mut [PreparedTensor]) {
    let mut known: HashMap<&str, &TensorEntry> = HashMap::new();
    for t in earlier.flat_map(|o| &o.tensors) {
        known.entry(t.entry.name.as_str()).or_insert(&t.entry);
    }
    if known.is_empty() {
        return;
    }
    for t in tensors {
        if let Some(&e) = known.get(t.entry.name.as_str())
            && e.encoding == t.entry.encoding
            && e.shape == t.entry.shape
        {
            t.entry = e.clone();
        }
    }
}

/// The warning about `densify` where there is nothing that it could write in full.
pub(crate) fn densify_without_effect(model: &Model, densify: bool) -> Option<Warning> {
    let unused = densify && !model.unreadable.iter().any(|u| u.dense.is_some());
    let text = "densify (--densify) has no effect: the source has no sparse tensors";
    unused.then(|| Warning::new("option.unused", text))
}

/// How many files of its format a target becomes. Where they go is not asked.
///
/// # Errors
/// As [`prepare`], but for what concerns paths.
pub(crate) fn count_files(model: &Model, target: &Target) -> Result<usize> {
    let resolved = resolve(model, target, Task::quiet())?;
    let tensors = layout_tensors(&resolved.tensors);
    let split = resolve::split(model, target, &tensors)?;
    trial(target, &tensors, &resolved.metadata, split, resolved.graph.as_ref()).map(|files| files.len())
}

/// Every file that was read and may not be written to, with its stamp.
fn protected(model: &Model, recipe: &Recipe, inputs: &[OpenedFile]) -> Vec<(PathBuf, FileStamp)> {
    let opened = inputs.iter().map(|i| (i.path.clone(), i.stamp));
    let data = recipe.validate.iter().filter_map(|v| v.data.clone());
    let scores = recipe.targets.iter().filter_map(scores_file);
    let paths = model.files.iter().chain([&model.path]).chain(&recipe.read_from).cloned().chain(data).chain(scores);
    let stamped = paths.filter_map(|p| Some((p.clone(), FileStamp::of_path(&p).ok()?)));
    opened.chain(stamped).collect()
}

fn max_memory(text: &str) -> Result<u64> {
    crate::recipe::parse_size(text).ok_or_else(|| {
        ModelError::request(format!("`{text}` is not a size"))
            .in_option(OptionName::MAX_MEMORY)
            .with_hint("Write it as 500MB or 2GiB.")
    })
}

/// How many threads may work, and the memory that the plan says it takes.
fn threads(recipe: &Recipe, outputs: &[PreparedOutput], plan: &mut Plan) -> Result<usize> {
    let need = memory::Need::of(outputs);
    let asked = recipe.max_memory.as_deref().map(max_memory).transpose()?;
    let threads = need.threads(asked)?;
    // Whatever else the machine does now changes the plan in no way: what is asked for decides.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = asked.map_or(cores, |limit| need.threads(Some(limit)).unwrap_or(1).min(cores));
    plan.memory_bytes = need.with(most as u64);
    Ok(threads)
}

fn check_has_targets(recipe: &Recipe) -> Result<()> {
    if !recipe.targets.is_empty() {
        return Ok(());
    }
    let example = Remedy::Target("gguf:q4_k_m".to_owned());
    let hint = Hint::from("Name one: ").then(example).then(", or [[target]] in the recipe.");
    Err(ModelError::request("there is no target").with_hint(hint))
}

pub(super) fn check_has_tensors(model: &Model) -> Result<()> {
    if model.is_importance_matrix() {
        let what = "this is an importance matrix, not a model";
        let hint = Hint::from("To quantize a model with it, name the model, and ")
            .then(Remedy::Give("this file", OptionName::IMATRIX))
            .then(".");
        return Err(ModelError::request(what).in_file(&model.path).with_hint(hint));
    }
    // A graph may have no other constants than small ones.
    if !model.tensors.is_empty() || model.graph.is_some() {
        return Ok(());
    }
    let mut what = "there are no tensors to convert".to_owned();
    if !model.opaque.is_empty() {
        what = format!("{what}; found: {}", model.opaque.join("; "));
    }
    if model.warnings.iter().any(|w| w.code == UNSAFE_CODE) {
        let list = Remedy::Run(format!("inspect {}", quoted(&model.path.to_string_lossy())));
        let hint = Hint::from("The file asks to run code when it is loaded, which remold does not do; ")
            .then(list)
            .then(" says which. Get the model from a source that you trust, if possible as safetensors.");
        return Err(ModelError::request(what).in_file(&model.path).with_hint(hint));
    }
    let hint =
        "The file is not damaged, but has no weights, as a file with only a vocabulary. Name a model with weights.";
    Err(ModelError::request(what).in_file(&model.path).with_hint(hint))
}

/// Every file that decides the outputs: those of the model and those that options name. Files of scores are not among them: planning writes
/// to them, and the types that they lead to are in the plan.
fn inputs(model: &Model, recipe: &Recipe) -> Vec<OpenedFile> {
    let mut inputs = model.opened.clone();
    let scores: Vec<PathBuf> = recipe.targets.iter().filter_map(scores_file).collect();
    for path in recipe.targets.iter().flat_map(|t| t.options.paths()) {
        if !scores.contains(&path) && !inputs.iter().any(|i| i.path == path) {
            // One that cannot be read has an error of its own later.
            inputs.extend(OpenedFile::by_path(&path));
        }
    }
    inputs
}

/// Where the manifest of an output goes; `None` where none is written.
fn manifest_of(planned: &PlannedOutput, no: usize, recipe: &Recipe, occasion: Occasion<'_>) -> Result<Option<PathBuf>> {
    if let Some(before) = occasion.output(no) {
        return Ok(before.manifest.clone());
    }
    if recipe.manifest == Some(false) || matches!(occasion, Occasion::Comparison) {
        return Ok(None);
    }
    let place = manifest::place(&planned.path, planned.folder);
    place.as_deref().map_or(Ok(()), manifest::check_free)?;
    Ok(place)
}
