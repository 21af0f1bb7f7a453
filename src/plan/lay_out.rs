//! From a resolved target to an output: its place, its files with the place of every tensor, and what it replaces there.

use super::by_size::too_large;
use super::occasion::Occasion;
use super::resolve::{self, ExtraRequest, Resolved};
use super::trial::layout_tensors;
use super::{
    Plan, PlannedOutput, PlannedTensor, PreparedOutput, PreparedTensor, Registration, SourceFile, checkpoints,
    destination, manifest, writable,
};
use crate::files::{self, FileStamp};
use crate::formats::{self, FilePlan, LayoutRequest, LayoutTensor, OutputKind};
use crate::model::{FormatId, Hint, Model, ModelError, Name, OptionName, Place, Remedy, Result, Warning, few};
use crate::quant::Effort;
use crate::recipe::Target;
use crate::recipe::steps::PRUNED;
use crate::units::plural;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What all outputs of a plan have in common.
pub(super) struct LayOut<'a> {
    /// The model that is written.
    pub model: &'a Model,
    /// Why the plan is made.
    pub occasion: Occasion<'a>,
    /// What the steps made of the source, for the names of outputs.
    pub made: Option<&'static str>,
    /// Files that may not be written to.
    pub protected: &'a [(PathBuf, FileStamp)],
    /// What cancels the work.
    pub cancel: &'a AtomicBool,
}

/// An output with its files in their places.
struct Placed {
    path: PathBuf,
    files: Vec<FilePlan>,
    folder: bool,
    registration: Option<Registration>,
}

impl LayOut<'_> {
    /// Lays out the next output of `plan` and adds its warnings to the plan. `taken` are the paths of all outputs so far.
    ///
    /// # Errors
    /// Paths that are taken or protected; what the layout of the format refuses.
    pub(super) fn output(
        &self,
        target: &Target,
        resolved: Resolved,
        taken: &mut Vec<PathBuf>,
        plan: &mut Plan,
    ) -> Result<(PlannedOutput, PreparedOutput)> {
        let before = self.occasion.output(plan.outputs.len());
        let tensors = layout_tensors(&resolved.tensors);
        let Placed { path, files, folder, registration } =
            self.place(target, &resolved, &tensors, before, taken, plan)?;
        let stale = match before {
            Some(_) => Vec::new(),
            None if folder => {
                let stale = self.stale(target, stale_shards(&path, &files))?;
                if target.force {
                    check_written(&path, &stale)?;
                }
                stale
            }
            None => self.stale(target, stale_parts(resolved.format, &path, &files))?,
        };
        if target.force && !stale.is_empty() {
            let names: Vec<_> = stale.iter().filter_map(|s| s.path.file_name()?.to_str()).take(4).collect();
            let files = plural(stale.len(), "file");
            let place = if folder { "in the output folder" } else { "of the old output" };
            let text = format!(
                "{files} {place} will be removed, so that they are not part of the new output: {}",
                names.join(", ")
            );
            plan.warnings.push(Warning::new("output.stale", text));
        }
        plan.warnings.extend(resolved.warnings.iter().cloned());
        plan.warnings.extend(checkpoints::warning(&crate::files::paths::resolved(&path)));
        let planned_tensors: Vec<PlannedTensor> =
            resolved.tensors.iter().zip(&resolved.reasons).map(|(t, why)| planned_tensor(t, why)).collect();
        let elems: u64 = tensors.iter().map(|t| t.shape.elems().unwrap_or(0)).sum();
        drop(tensors);
        let data: u64 = planned_tensors.iter().map(|t| t.bytes).sum();
        let stamped = |p: &PathBuf| Some(SourceFile::new(p, &FileStamp::of_path(p).ok()?));
        let planned = PlannedOutput {
            path,
            format: resolved.format,
            quantization: resolved.quantization,
            effort: Some(resolved.effort).filter(|e| *e != Effort::Reference),
            files: files.iter().map(|f| (f.path.clone(), f.bytes)).collect(),
            folder,
            replaces: match before {
                Some(before) => before.replaces.clone(),
                None => files.iter().map(|f| &f.path).filter(|p| p.exists()).cloned().collect(),
            },
            replaced: match before {
                Some(before) => before.replaced.clone(),
                None => files.iter().filter_map(|f| stamped(&f.path)).collect(),
            },
            may_replace: before.map_or(target.force, |b| b.may_replace),
            stale: before.map_or(stale, |b| b.stale.clone()),
            bytes: files.iter().map(|f| f.bytes).sum(),
            bits_per_weight: if elems == 0 { 0.0 } else { data as f64 * 8.0 / elems as f64 },
            manifest: None,
            reuse: None,
            registration,
            estimate: None,
            imatrix: resolved.imatrix,
            divergence: resolved.divergence,
            calibration: resolved.calibration,
            tensors: Arc::new(planned_tensors),
        };
        let prepared = PreparedOutput {
            format: resolved.format,
            files,
            effort: resolved.effort,
            tensors: resolved.tensors,
            metadata: resolved.metadata,
            graph: resolved.graph,
        };
        Ok((planned, prepared))
    }

    /// The files of an output, each with its final path.
    fn place(
        &self,
        target: &Target,
        resolved: &Resolved,
        tensors: &[LayoutTensor],
        before: Option<&PlannedOutput>,
        taken: &mut Vec<PathBuf>,
        plan: &mut Plan,
    ) -> Result<Placed> {
        let Some(spec) = formats::write_spec(resolved.format) else {
            let what = format!("this version does not write {}", resolved.format);
            return Err(ModelError::unsupported(what)
                .with_hint(Hint::from(Remedy::Run("formats".to_owned())).then(" lists what can be written.")));
        };
        let path = self.path(target, resolved, before)?;
        let request = LayoutRequest {
            path: &path,
            tensors,
            metadata: &resolved.metadata,
            sidecars: &resolved.sidecars,
            split: resolve::split(self.model, target, tensors)?,
            graph: resolved.graph.as_ref(),
        };
        let mut files = (spec.layout)(&request).map_err(|e| e.in_format(resolved.format))?;
        plan.warnings.extend(too_large(&request.split, &files, tensors));
        let path = match files.as_slice() {
            // A set is known by its first file.
            [first, _, ..] if spec.output == OutputKind::File => first.path.clone(),
            _ => path,
        };
        let mut registration = None;
        if let Some(spec) = resolve::spec(resolved.format) {
            let metadata = &resolved.metadata;
            let request = ExtraRequest { target, output: &path, files: files.len(), metadata, cancel: self.cancel };
            let extra = (spec.extra_files)(&request)?;
            files.extend(extra.files.into_iter().map(|(path, bytes)| FilePlan::whole(path, bytes)));
            plan.warnings.extend(extra.warnings);
            registration = extra.registration;
        }
        // Formats that write several files, or sidecars, put them into a folder of that name.
        let folder = files.iter().all(|f| f.path != path && f.path.starts_with(&path));
        for file in &mut files {
            file.path =
                if folder { destination::refuse_link(&file.path)? } else { destination::follow_link(&file.path)? };
            let force = target.force || !matches!(self.occasion, Occasion::New);
            if !matches!(self.occasion, Occasion::Comparison) {
                destination::check(&file.path, &self.model.path, self.protected, force, taken)?;
                writable::check(&file.path)?;
            }
        }
        if let (Some(r), Occasion::New) = (&registration, self.occasion) {
            r.check()?;
        }
        Ok(Placed { path, files, folder, registration })
    }

    /// The path that an output is asked for by.
    fn path(&self, target: &Target, resolved: &Resolved, before: Option<&PlannedOutput>) -> Result<PathBuf> {
        let folder = resolved.folder && !target.output.as_deref().is_some_and(formats::names_a_lone_file);
        destination::check_name(target)?;
        let path = match before {
            // A set is known by its first file, and asked for by the name of the whole.
            Some(before) if before.files.len() > 1 && !before.folder => {
                formats::whole_path(resolved.format, &before.path)
            }
            Some(before) => before.path.clone(),
            None => {
                if !matches!(self.occasion, Occasion::Comparison) {
                    destination::check_extension(target, resolved.format)?;
                }
                let made = self.made.or((!resolved.left_out.is_empty()).then_some(PRUNED));
                let source = (self.model.path.as_path(), made);
                destination::default_output(source, target, resolved.format, &resolved.quantization, folder)
            }
        };
        destination::follow_link(&path)
    }

    /// Files of an earlier output that this one does not replace.
    fn stale(&self, target: &Target, files: Vec<PathBuf>) -> Result<Vec<SourceFile>> {
        let mut stale = Vec::new();
        for old in files {
            let Ok(stamp) = FileStamp::of_path(&old) else { continue };
            if self.protected.iter().any(|(_, s)| s.same_file(&stamp)) {
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
        Ok(stale)
    }
}

/// Refuses to remove files of an output folder that the manifest of the earlier output there does not list: they are not remold's to remove,
/// and a reader would take them for a part of the new output.
fn check_written(folder: &Path, stale: &[SourceFile]) -> Result<()> {
    let listed = manifest::listed_files(folder, folder);
    let own = |f: &&SourceFile| !listed.iter().any(|(path, bytes)| *path == f.path && *bytes == f.bytes);
    let others: Vec<String> =
        stale.iter().filter(own).filter_map(|f| Some(f.path.file_name()?.to_string_lossy().into_owned())).collect();
    if others.is_empty() {
        return Ok(());
    }
    let verb = if others.len() == 1 { "is" } else { "are" };
    let what = format!(
        "the output folder holds {} that {verb} not listed in a manifest of remold, so remold does not remove {}: {}",
        plural(others.len(), "weight file"),
        if others.len() == 1 { "it" } else { "them" },
        few(&others)
    );
    let hint =
        Hint::from("A program that loads the folder would take them for a part of the new model. Move them away, or ")
            .then(Remedy::GiveOutput(Place::Another))
            .then(".");
    Err(ModelError::request(what).in_file(folder).about_option(OptionName::OUTPUT).with_hint(hint))
}

fn planned_tensor(t: &PreparedTensor, why: &resolve::Reason) -> PlannedTensor {
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

/// Files that belong to the one at `path`, which is replaced, and that this output does not have: where the files of a format are read
/// together, those that are named after it.
fn stale_parts(format: FormatId, path: &Path, written: &[FilePlan]) -> Vec<PathBuf> {
    let together = formats::write_spec(format).is_some_and(|w| w.read_set.is_some());
    let read = formats::spec(format).and_then(|s| s.read.as_ref()).filter(|_| together && path.is_file());
    let Some(old) = read.and_then(|read| (read.open_alone)(path).ok()) else { return Vec::new() };
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let named = |p: &PathBuf| p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(name));
    let new = |p: &PathBuf| written.iter().any(|f| f.path == *p);
    // What no manifest lists may belong to other files, too: it stays.
    let listed = manifest::listed_files(path, files::parent_of(path));
    let ours = |p: &PathBuf| listed.iter().any(|(file, _)| file == p);
    old.files.into_iter().filter(|p| named(p) && p.as_path() != path && !new(p) && ours(p)).collect()
}

/// Weight files of an earlier output in the same folder that this one does not replace: those with exactly the names that such outputs have.
fn stale_shards(folder: &Path, files: &[FilePlan]) -> Vec<PathBuf> {
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
