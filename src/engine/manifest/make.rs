//! From a run whose output is complete to its manifest.

use super::types::{
    Copied, ENCODER, FileRecord, Head, MANIFEST_VERSION, Origin, OutputRecord, Rest, SourceFileRecord, SourceRecord,
};
use super::write::{Contents, whole_crc, write};
use crate::engine::ErrorStats;
use crate::engine::part_file::PartFile;
use crate::engine::read_back::Stretch;
use crate::engine::source_hash::SourceHash;
use crate::engine::staged::Staged;
use crate::model::{OutputIndex, Result, TensorIndex};
use crate::plan::{PlannedOutput, Prepared};
use std::path::Path;

/// What the manifests of a run have in common.
pub(crate) struct Run<'a> {
    /// How it was started.
    pub origin: &'a Origin,
    /// The job.
    pub job: &'a str,
    /// When it began.
    pub started: jiff::Timestamp,
    /// The source files.
    pub sources: &'a [SourceFileRecord],
}

/// What is known of an output beside its plan.
pub(crate) struct Figures<'a> {
    /// Signal to noise over all re-encoded tensors, dB.
    pub sqnr_db: Option<f64>,
    /// Gain over the reference, dB.
    pub gain_db: Option<f64>,
    /// Who read it back.
    pub verified_by: &'a [String],
    /// What was copied.
    pub reused: Option<&'a Copied>,
}

/// What the manifest says of file `f` of an output: `written` are all stretches of the output, `rest` those of this file that are not tensors.
pub(crate) fn file_record(planned: &PlannedOutput, f: usize, written: &[Stretch], rest: &[Stretch]) -> FileRecord {
    let (path, bytes) = &planned.files[f];
    let home = if planned.folder { planned.path.as_path() } else { crate::files::parent_of(&planned.path) };
    let name = path.strip_prefix(home).ok().or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    let as_rest = |s: &Stretch| Rest { offset: s.offset, bytes: s.bytes, crc32: super::Crc32(s.crc) };
    FileRecord {
        name: name.to_string_lossy().into_owned(),
        bytes: *bytes,
        crc32: whole_crc(f, *bytes, written),
        rest: rest.iter().map(as_rest).collect(),
    }
}

/// Writes the manifest of output `o` into a part file. `None` where none is wanted.
///
/// # Errors
/// I/O errors.
pub(crate) fn make(
    prepared: &Prepared,
    o: OutputIndex,
    staged: &Staged,
    run: &Run<'_>,
    files: &[FileRecord],
    figures: &Figures<'_>,
    tensor: &dyn Fn(TensorIndex) -> (u32, Option<ErrorStats>, Option<SourceHash>, bool),
) -> Result<Option<PartFile>> {
    let (planned, output) = (&prepared.plan.outputs[o], &prepared.outputs[o]);
    let (Some(destination), Some(part)) = (&planned.manifest, &staged.paths.manifest) else { return Ok(None) };
    let plan = &prepared.plan;
    let absolute = |p: &Path| std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
    let path = absolute(&planned.path);
    let head = Head {
        remold_manifest: MANIFEST_VERSION,
        remold: env!("CARGO_PKG_VERSION").to_owned(),
        encoder: ENCODER,
        job: run.job.to_owned(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        started: run.started.to_string(),
        finished: jiff::Timestamp::now().to_string(),
        command: run.origin.command.clone(),
        recipe: run.origin.recipe.clone(),
        target: o,
        source: SourceRecord {
            path: absolute(&plan.source),
            format: plan.source_format.to_string(),
            architecture: plan.architecture.clone(),
            parameters: plan.parameters,
            files: run.sources.to_vec(),
        },
        output: OutputRecord {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path,
            folder: planned.folder,
            format: planned.format.to_string(),
            quantization: planned.quantization.clone(),
            effort: planned.effort,
            imatrix: planned.imatrix.as_ref().map(|m| absolute(&m.file)),
            bytes: planned.bytes,
            tensors: output.tensors.len(),
            bits_per_weight: planned.bits_per_weight,
            sqnr_db: figures.sqnr_db,
            gain_db: figures.gain_db,
            divergence: planned.divergence.clone(),
            calibration: planned.calibration.clone(),
            verified_by: figures.verified_by.to_vec(),
            reused: figures.reused.cloned(),
        },
        evaluation: None,
    };
    let contents = Contents { head: &head, planned, output, files, tensor };
    write(part, destination, prepared.mode, &contents).map(Some)
}
