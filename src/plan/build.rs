//! From a recipe to a plan.

use super::by_size::too_large;
use super::resolve::{self, Resolved, resolve};
use super::steps::{self, Stepped};
use super::{Plan, PlannedOutput, PlannedTensor, Prepared, PreparedOutput, PreparedTensor, SourceFile};
use super::{changes, checkpoints, destination, manifest, memory, space, stages, text_names};
use crate::arch;
use crate::files::FileStamp;
use crate::formats::{self, LayoutRequest, LayoutTensor, OutputKind};
use crate::model::{
    Hint, Metadata, Model, ModelError, Name, OpenedFile, OptionName, Place, Remedy, Result, Sidecars, TensorEntry,
    Warning,
};
use crate::quant::{Effort, Encoding};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
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

/// As [`prepare`], for a look at the plan alone: what exists already stands in [`PlannedOutput::replaces`].
///
/// # Errors
/// As [`prepare`], but for outputs that exist.
pub(crate) fn rehearse(recipe: &Recipe, how: Task<'_>) -> Result<Plan> {
    rehearse_model(&open_source(recipe)?, recipe, how)
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
    let change = change.unwrap_or_else(|| "the plan is another one".to_owned());
    let error = ModelError::request(format!("this is not what the job was planned to do: {change}"));
    Err(error.in_file(&prepared.plan.source).with_hint("Start a new conversion."))
}

/// Why a plan is made.
#[derive(Clone, Copy)]
enum Occasion<'a> {
    /// To be carried out.
    New,
    /// For a look at it.
    Rehearsal,
    /// To be compared with an output that is there.
    Comparison,
    /// To be carried out, as planned before.
    Again { planned: &'a Plan, held: &'a [(PathBuf, u64)] },
}

impl<'a> Occasion<'a> {
    /// Output `o` as it was planned before.
    fn output(self, o: usize) -> Option<&'a PlannedOutput> {
        match self {
            Self::Again { planned, .. } => planned.outputs.get(o),
            _ => None,
        }
    }
}

fn prepare_from(model: &Model, recipe: &Recipe, how: Task<'_>, occasion: Occasion<'_>) -> Result<Prepared> {
    text_names::check_recipe(model, recipe)?;
    if recipe.targets.is_empty() {
        let example = Remedy::Target("gguf:q4_k_m".to_owned());
        let hint = Hint::from("Name one: ").then(example).then(", or [[target]] in the recipe.");
        return Err(ModelError::request("there is no target").with_hint(hint));
    }
    let densified;
    let model = if recipe.source.densify && !model.unreadable.is_empty() {
        densified = model.clone().densified()?;
        &densified
    } else {
        model
    };
    model.check_readable()?;
    if model.tensors.is_empty() {
        let mut what = "there are no tensors to convert".to_owned();
        if !model.opaque.is_empty() {
            what = format!("{what}; found: {}", model.opaque.join("; "));
        }
        return Err(ModelError::bad(what).in_file(&model.path));
    }
    model.checks.enable(!recipe.source.no_checksums);
    model.checks.known()?;
    let source = model;
    let Stepped { model, targets, steps, warnings } = steps::apply(source, recipe)?;
    let model: &Model = &model;

    let mut inputs = model.opened.clone();
    for path in recipe.targets.iter().flat_map(|t| t.options.paths()) {
        if !inputs.iter().any(|i| i.path == path) {
            // One that cannot be read has an error of its own later.
            inputs.extend(OpenedFile::by_path(&path));
        }
    }
    let protected = protected(model, recipe, &inputs);
    let mut plan = Plan {
        source: model.path.clone(),
        source_files: inputs.iter().map(|f| SourceFile::new(&f.path, &f.stamp)).collect(),
        source_format: model.format,
        parameters: source.parameters(),
        source_bytes: source.tensor_bytes(),
        warnings: source.warnings.iter().cloned().chain(warnings).collect(),
        steps,
        stages: stages::stages(targets.len()),
        ..Plan::default()
    };
    let mut outputs: Vec<PreparedOutput> = Vec::new();
    let (mut taken, mut left_out) = (Vec::new(), Vec::new());
    for (no, asked) in targets.iter().enumerate() {
        let mut target = asked.clone();
        if target.output.is_none() {
            target.output = recipe.output_dir.as_ref().map(|d| d.join(""));
        }
        let target = &target;
        let mut resolved = resolve(model, target, how)?;
        // Where layers are left out, names mean other tensors.
        let before = outputs.iter().zip(&left_out);
        let alike = before.filter(|(o, left_out)| o.format == resolved.format && **left_out == resolved.left_out);
        share(alike.map(|(o, _)| o), &mut resolved.tensors);
        left_out.push(resolved.left_out.clone());
        plan.architecture = plan.architecture.or_else(|| resolved.architecture.clone());
        let (mut planned, prepared) = lay_out(model, target, resolved, occasion, &protected, &mut taken, &mut plan)?;
        planned.manifest = match occasion.output(no) {
            Some(before) => before.manifest.clone(),
            None if recipe.manifest == Some(false) || matches!(occasion, Occasion::Comparison) => None,
            None => manifest::place(&planned.path, planned.folder),
        };
        if let (Some(path), None) = (&planned.manifest, occasion.output(no)) {
            manifest::check_free(path)?;
        }
        planned.reuse = occasion.output(no).and_then(|before| before.reuse.clone());
        plan.outputs.push(planned);
        outputs.push(prepared);
    }
    text_names::check_plan(&plan)?;
    plan.warnings.dedup();
    plan.disk_bytes = plan.outputs.iter().map(|o| o.bytes).sum();
    let need = memory::Need::of(&outputs);
    let asked = recipe.max_memory.as_deref().map(max_memory).transpose()?;
    let threads = need.threads(asked)?;
    // Whatever else the machine does now changes the plan in no way: what is asked for decides.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = asked.map_or(cores, |limit| need.threads(Some(limit)).unwrap_or(1).min(cores));
    plan.memory_bytes = need.with(most as u64);
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

/// How many files of its format a target becomes. Where they go is not asked.
///
/// # Errors
/// As [`prepare`], but for what concerns paths.
pub(crate) fn count_files(model: &Model, target: &Target) -> Result<usize> {
    let resolved = resolve(model, target, Task::quiet())?;
    let tensors = layout_tensors(&resolved);
    trial(model, target, &tensors, &resolved.metadata).map(|files| files.len())
}

/// The files of an output, for their number and sizes alone: without a name and without what stands beside the tensors.
pub(super) fn trial(
    model: &Model,
    target: &Target,
    tensors: &[LayoutTensor],
    metadata: &Metadata,
) -> Result<Vec<formats::FilePlan>> {
    let request = LayoutRequest {
        path: Path::new("x"),
        tensors,
        metadata,
        sidecars: &Sidecars::default(),
        split: resolve::split(model, target, tensors)?,
    };
    let layout = formats::write_spec(target.format).map(|w| w.layout);
    layout.map_or(Ok(Vec::new()), |layout| layout(&request))
}

/// Every file that was read and may not be written to, with its stamp.
fn protected(model: &Model, recipe: &Recipe, inputs: &[OpenedFile]) -> Vec<(PathBuf, FileStamp)> {
    let opened = inputs.iter().map(|i| (i.path.clone(), i.stamp));
    let paths = model.files.iter().chain([&model.path]).chain(&recipe.read_from);
    let stamped = paths.filter_map(|p| Some((p.clone(), FileStamp::of_path(p).ok()?)));
    opened.chain(stamped).collect()
}

fn lay_out(
    model: &Model,
    target: &Target,
    resolved: Resolved,
    occasion: Occasion<'_>,
    protected: &[(PathBuf, FileStamp)],
    taken: &mut Vec<PathBuf>,
    plan: &mut Plan,
) -> Result<(PlannedOutput, PreparedOutput)> {
    let Some(spec) = formats::write_spec(resolved.format) else {
        let what = format!("this version does not write {}", resolved.format);
        return Err(ModelError::unsupported(what)
            .with_hint(Hint::from(Remedy::Run("formats".to_owned())).then(" lists what can be written.")));
    };
    let folder = resolved.folder && !target.output.as_deref().is_some_and(formats::names_a_lone_file);
    let before = occasion.output(plan.outputs.len());
    destination::check_name(target)?;
    let path = match before {
        // A set is known by its first file, and asked for by the name of the whole.
        Some(before) if before.files.len() > 1 && !before.folder => formats::whole_path(resolved.format, &before.path),
        Some(before) => before.path.clone(),
        None => destination::default_output(&model.path, target, resolved.format, &resolved.quantization, folder),
    };
    let path = destination::follow_link(&path)?;
    let tensors = layout_tensors(&resolved);
    let split = resolve::split(model, target, &tensors)?;
    let request = LayoutRequest {
        path: &path,
        tensors: &tensors,
        metadata: &resolved.metadata,
        sidecars: &resolved.sidecars,
        split,
    };
    let mut files = (spec.layout)(&request).map_err(|e| e.in_format(resolved.format))?;
    plan.warnings.extend(too_large(&request.split, &files, &tensors));
    let path = match files.as_slice() {
        // A set is known by its first file.
        [first, _, ..] if spec.output == OutputKind::File => first.path.clone(),
        _ => path,
    };
    if let Some(spec) = resolve::spec(resolved.format) {
        let (extra, warnings) = (spec.extra_files)(target, &path, files.len());
        files.extend(extra.into_iter().map(|(path, bytes)| formats::FilePlan::whole(path, bytes)));
        plan.warnings.extend(warnings);
    }
    // Formats that write several files, or sidecars, put them into a folder of that name.
    let folder = files.iter().all(|f| f.path != path && f.path.starts_with(&path));
    for file in &mut files {
        file.path = if folder { destination::refuse_link(&file.path)? } else { destination::follow_link(&file.path)? };
        let force = target.force || !matches!(occasion, Occasion::New);
        if !matches!(occasion, Occasion::Comparison) {
            destination::check(&file.path, &model.path, protected, force, taken)?;
        }
    }
    let mut stale = Vec::new();
    if folder && before.is_none() {
        for old in stale_shards(&path, &files) {
            let Ok(stamp) = FileStamp::of_path(&old) else { continue };
            if protected.iter().any(|(_, s)| s.same_file(&stamp)) {
                if !target.force {
                    continue;
                }
                return Err(ModelError::request("the output folder holds the input")
                    .in_file(&old)
                    .about_option(OptionName::OUTPUT)
                    .with_hint(Hint::from(Remedy::GiveOutput(Place::Another)).then(".")));
            }
            if target.force {
                destination::check_sticky(&old)?;
            }
            stale.push(SourceFile::new(&old, &stamp));
        }
    }
    if target.force && !stale.is_empty() {
        let names: Vec<_> = stale.iter().filter_map(|s| s.path.file_name()?.to_str()).take(4).collect();
        let text = format!("{} files of an earlier output are removed: {}", stale.len(), names.join(", "));
        plan.warnings.push(Warning::new("output.stale", text));
    }
    let effort = resolved.effort;
    plan.warnings.extend(resolved.warnings.iter().cloned());
    plan.warnings.extend(checkpoints::warning(&destination::resolved(&path)));
    let planned_tensors: Vec<PlannedTensor> =
        resolved.tensors.iter().zip(&resolved.reasons).map(|(t, why)| planned_tensor(t, why)).collect();
    let elems: u64 = tensors.iter().map(|t| t.shape.elems().unwrap_or(0)).sum();
    drop(tensors);
    let data: u64 = planned_tensors.iter().map(|t| t.bytes).sum();
    let planned = PlannedOutput {
        path,
        format: resolved.format,
        quantization: resolved.quantization.clone(),
        effort: Some(effort).filter(|e| *e != Effort::Reference),
        files: files.iter().map(|f| (f.path.clone(), f.bytes)).collect(),
        folder,
        replaces: match before {
            Some(before) => before.replaces.clone(),
            None => files.iter().map(|f| &f.path).filter(|p| p.exists()).cloned().collect(),
        },
        replaced: match before {
            Some(before) => before.replaced.clone(),
            None => {
                let stamped = |p: &PathBuf| Some(SourceFile::new(p, &FileStamp::of_path(p).ok()?));
                files.iter().filter_map(|f| stamped(&f.path)).collect()
            }
        },
        may_replace: before.map_or(target.force, |b| b.may_replace),
        stale: before.map_or(stale, |b| b.stale.clone()),
        bytes: files.iter().map(|f| f.bytes).sum(),
        bits_per_weight: if elems == 0 { 0.0 } else { data as f64 * 8.0 / elems as f64 },
        manifest: None,
        reuse: None,
        imatrix: resolved.imatrix,
        tensors: Arc::new(planned_tensors),
    };
    let prepared = PreparedOutput {
        format: resolved.format,
        files,
        effort,
        tensors: resolved.tensors,
        metadata: resolved.metadata,
    };
    Ok((planned, prepared))
}

pub(super) fn layout_tensors(resolved: &Resolved) -> Vec<LayoutTensor> {
    resolved.tensors.iter().map(PreparedTensor::layout).collect()
}

fn max_memory(text: &str) -> Result<u64> {
    crate::recipe::parse_size(text).ok_or_else(|| {
        ModelError::request(format!("`{text}` is not a size"))
            .in_option(OptionName::MAX_MEMORY)
            .with_hint("Write it as 500MB or 2GiB.")
    })
}

fn planned_tensor(t: &super::PreparedTensor, why: &resolve::Reason) -> PlannedTensor {
    PlannedTensor {
        name: t.entry.name.clone(),
        layer: t.entry.layer(),
        kind: Name::word(t.entry.kind()),
        role: t.entry.role(),
        from: t.entry.encoding,
        to: t.encoding,
        shape: t.entry.shape.0.as_slice().into(),
        bytes: t.encoding.tensor_bytes(&t.entry.shape).unwrap_or(0),
        because: why.because.clone(),
        fallback_from: why.fallback_from,
    }
}

/// Weight files of an earlier output in the same folder that this one does not replace: those with exactly the names that such outputs have.
fn stale_shards(folder: &Path, files: &[formats::FilePlan]) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let digits = |s: &str| s.len() == 5 && s.bytes().all(|b| b.is_ascii_digit());
    let is_weights = |name: &str| {
        formats::FORMATS.iter().filter_map(|f| f.write.as_ref()?.in_folders).any(|(stem, ext)| {
            let Some(rest) = name.strip_prefix(stem) else { return false };
            if rest == ext || rest.strip_suffix(".index.json") == Some(ext) {
                return true;
            }
            let shard = rest.strip_suffix(ext).and_then(|r| r.strip_prefix('-')).and_then(|r| r.split_once("-of-"));
            shard.is_some_and(|(no, count)| digits(no) && digits(count))
        })
    };
    let ours = |e: &std::fs::DirEntry| {
        e.file_type().is_ok_and(|t| t.is_file()) && is_weights(&e.file_name().to_string_lossy())
    };
    let paths = entries.flatten().filter(ours).map(|e| e.path());
    paths.filter(|p| !files.iter().any(|f| f.path == *p)).collect()
}

/// True for encodings a format can hold at all; layouts say the rest.
pub(super) fn is_float(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Plain(d) if d.is_float()) || matches!(encoding, Encoding::Block(_))
}
