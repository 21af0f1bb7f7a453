//! What outputs were made from, as long as it is still what it was then: the baseline that a comparison of them should have.
//!
//! The manifest of an output says it, or the plan of the job that made the output. A source that is gone or has changed is none.

use super::{JobFolder, JobState, JobSummary, list};
use crate::engine::manifest::{self, FileRecord, Head};
use crate::evaluate::{BaselineSource, MAX_MODELS};
use crate::files;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// An output may be made from an output. More steps than this are not followed.
const MAX_STEPS: usize = 8;
/// Longest header of a source that is hashed again: the limit of the format is 100 MB.
const MAX_HEADER: u64 = 128 << 20;

/// Models to compare, and which of them is the baseline; `None` where nothing says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WithBaseline {
    /// The models, with the baseline if it was none of them.
    pub models: Vec<PathBuf>,
    /// Its place, and how it was found.
    pub baseline: Option<(usize, BaselineSource)>,
    /// The sources of the models, where they have different ones: none of these can be the baseline of all.
    pub sources: Vec<PathBuf>,
    /// Sources that the manifests of the models name, and that are gone or have changed.
    pub lost: Vec<PathBuf>,
}

/// The baseline of a comparison: the one that is named; else the source that the models were made from, if all that say so agree; else
/// none, which leaves the choice to [`crate::evaluate::Set::open`]. A baseline that is not one of the models is put first.
pub(crate) fn with_baseline(models: &[PathBuf], named: Option<&Path>, jobs_root: &Path) -> WithBaseline {
    let none = || WithBaseline { models: models.to_vec(), baseline: None, sources: Vec::new(), lost: Vec::new() };
    if let Some(named) = named {
        let (models, at) = including(models, named);
        return WithBaseline { models, baseline: Some((at, BaselineSource::Given)), ..none() };
    }
    let (source, how) = match sources_of(models, jobs_root).as_slice() {
        [] => return WithBaseline { lost: lost_sources(models), ..none() },
        [(source, how)] => (source.clone(), *how),
        several => return WithBaseline { sources: several.iter().map(|(path, _)| path.clone()).collect(), ..none() },
    };
    let (with, at) = including(models, &source);
    // There may be no room for it.
    match with.len() > MAX_MODELS {
        true => none(),
        false => WithBaseline { models: with, baseline: Some((at, how)), ..none() },
    }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The models and the place of `one`, which is put first if it is none of them.
fn including(models: &[PathBuf], one: &Path) -> (Vec<PathBuf>, usize) {
    let mut models = models.to_vec();
    match models.iter().position(|p| real(p) == real(one)) {
        Some(at) => (models, at),
        None => {
            models.insert(0, one.to_owned());
            (models, 0)
        }
    }
}

/// Sources that manifests name and that are not what they were, each once.
fn lost_sources(models: &[PathBuf]) -> Vec<PathBuf> {
    let mut lost: Vec<PathBuf> = Vec::new();
    for model in models {
        let head = manifest::find(model).and_then(|found| manifest::read(&found.manifest, |_| Ok(())).ok());
        let Some((head, _)) = head.filter(|(head, _)| !sources_hold(head)) else { continue };
        if !lost.contains(&head.source.path) {
            lost.push(head.source.path);
        }
    }
    lost
}

/// The sources of the models that have one, each once.
fn sources_of(models: &[PathBuf], jobs_root: &Path) -> Vec<(PathBuf, BaselineSource)> {
    let mut jobs = None;
    let mut found: Vec<(PathBuf, BaselineSource)> = Vec::new();
    for model in models {
        let Some((source, how)) = origin(model, jobs_root, &mut jobs) else { continue };
        match found.iter_mut().find(|(known, _)| real(known) == real(&source)) {
            // The weaker of two ways to know is the one to name.
            Some((_, BaselineSource::Job)) => {}
            Some(known) => *known = (source, how),
            None => found.push((source, how)),
        }
    }
    found
}

/// What a model goes back to, over all outputs in between.
fn origin(model: &Path, jobs_root: &Path, jobs: &mut Option<Vec<JobSummary>>) -> Option<(PathBuf, BaselineSource)> {
    let mut found: Option<(PathBuf, BaselineSource)> = None;
    for _ in 0..MAX_STEPS {
        let at = found.as_ref().map_or(model, |(path, _)| path);
        let step = by_manifest(at).map(|source| (source, BaselineSource::Manifest));
        let step = step.or_else(|| {
            let jobs = jobs.get_or_insert_with(|| list(jobs_root));
            by_job(at, jobs).map(|source| (source, BaselineSource::Job))
        });
        let Some((source, how)) = step.filter(|(source, _)| real(source) != real(at)) else { break };
        let how = if matches!(found, Some((_, BaselineSource::Job))) { BaselineSource::Job } else { how };
        found = Some((source, how));
    }
    found
}

/// The source that the manifest of an output names.
fn by_manifest(output: &Path) -> Option<PathBuf> {
    let found = manifest::find(output)?;
    let (head, records) = manifest::read(&found.manifest, |_| Ok(())).ok()?;
    let files = found.files(&head.output, &records);
    let is_output = |(file, record): (Option<PathBuf>, &FileRecord)| {
        file.and_then(|f| std::fs::metadata(f).ok()).is_some_and(|m| m.len() == record.bytes)
    };
    // The manifest of another file of that name says nothing of this one.
    let same = files.into_iter().zip(&records).all(is_output);
    let whole = keeps_layers(head.recipe.as_deref());
    (same && whole && sources_hold(&head)).then_some(head.source.path)
}

/// False if the recipe leaves layers out: names then mean other tensors than in the source, and errors against it mean nothing.
fn keeps_layers(recipe: Option<&str>) -> bool {
    recipe.is_none_or(|text| !text.contains("prune_layers"))
}

/// True if the weights of the source are what they were. Small files beside them (`sha256`) do not decide the errors.
fn sources_hold(head: &Head) -> bool {
    let mut weights = head.source.files.iter().filter(|f| f.sha256.is_none()).peekable();
    weights.peek().is_some()
        && weights.all(|f| {
            let same_header = || Some(header_hash(&f.path, f.header_bytes?)? == *f.header_sha256.as_ref()?);
            has(&f.path, f.bytes, None)
                && (has(&f.path, f.bytes, Some(i128::from(f.mtime_ns))) || same_header().unwrap_or(false))
        })
}

/// SHA-256 of the first bytes of a file.
fn header_hash(path: &Path, bytes: u64) -> Option<String> {
    use std::io::Read as _;
    let mut header = Vec::new();
    let file = files::open(path).ok()?;
    file.take(bytes.min(MAX_HEADER)).read_to_end(&mut header).ok()?;
    Some(Sha256::digest(&header).iter().map(|b| format!("{b:02x}")).collect())
}

/// True if a file has this size and, where it is given, this time of its last change.
fn has(path: &Path, bytes: u64, mtime_ns: Option<i128>) -> bool {
    let Ok(meta) = std::fs::metadata(path) else { return false };
    let nanos = || {
        let time = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        i128::try_from(time.as_nanos()).ok()
    };
    meta.len() == bytes && mtime_ns.is_none_or(|wanted| nanos() == Some(wanted))
}

/// The source of the latest job that made an output.
fn by_job(output: &Path, jobs: &[JobSummary]) -> Option<PathBuf> {
    let output = real(output);
    let made = |j: &&JobSummary| j.state == JobState::Finished && j.outputs.iter().any(|o| real(o) == output);
    let folder = JobFolder { dir: jobs.iter().find(made)?.dir.clone() };
    if !keeps_layers(folder.origin().recipe.as_deref()) {
        return None;
    }
    let plan = folder.plan().ok()?;
    let planned = plan.outputs.iter().find(|o| real(&o.path) == output)?;
    let same = planned.files.iter().all(|(path, bytes)| has(path, *bytes, None));
    let mut sources = plan.source_files.iter().peekable();
    let holds = sources.peek().is_some() && sources.all(|f| has(&f.path, f.bytes, Some(f.mtime_ns)));
    (same && holds).then_some(plan.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_that_is_none_of_the_models_goes_first() {
        let root = Path::new("/nothing/here");
        let models = ["a", "b"].map(PathBuf::from);
        let none = WithBaseline { models: models.to_vec(), baseline: None, sources: Vec::new(), lost: Vec::new() };
        assert_eq!(with_baseline(&models, None, root), none);
        let given = |named: &str| with_baseline(&models, Some(Path::new(named)), root);
        assert_eq!(given("b").baseline, Some((1, BaselineSource::Given)));
        let other = given("c");
        assert_eq!((other.models.len(), other.models[0].as_path()), (3, Path::new("c")));
        assert_eq!(other.baseline, Some((0, BaselineSource::Given)));
    }
}
