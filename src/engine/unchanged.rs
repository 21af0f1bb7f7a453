//! Ends a run early whose outputs would be the same to the byte as earlier ones, where the plan says so: all tensors could be copied, and headers
//! and other files are the same too.

use super::check::Manifests;
use super::journal::{self, Finished};
use super::manifest::{self, Rest};
use super::read_back::known_stretches;
use super::report_rows::TensorResults;
use super::staged::Staged;
use super::{ErrorStats, EventBody, OutputReport, RunOptions, reuse};
use crate::files;
use crate::forecast::{OutputLoss, Surroundings};
use crate::model::{OutputIndex, Result, TensorIndex, numbered};
use crate::plan::{PlannedOutput, Prepared, PreparedOutput};
use std::os::unix::fs::FileExt;

/// True if every output is to be left out where it is the same as the earlier one, and is.
///
/// # Errors
/// Those of reading the journal.
pub(super) fn is_unchanged(prepared: &Prepared, options: &RunOptions<'_>, finished: &Finished) -> Result<bool> {
    let wanted = |o: &PlannedOutput| o.reuse.as_ref().is_some_and(|r| r.skip_unchanged);
    if options.stop.is_set() || !prepared.plan.outputs.iter().all(wanted) {
        return Ok(false);
    }
    // What an earlier attempt has begun to publish is published to its end.
    if let Some((path, true)) = options.journal
        && !journal::read(path)?.publishing.is_empty()
    {
        return Ok(false);
    }
    let mut outputs = numbered(prepared.outputs.iter().zip(&prepared.plan.outputs));
    Ok(outputs.all(|(o, (output, planned))| {
        let copied = |(t, tensor): (TensorIndex, &crate::plan::PlannedTensor)| {
            tensor.bytes == 0 || finished.get(&(o, t)).is_some_and(|w| w.reused)
        };
        numbered(planned.tensors.iter()).all(copied) && is_same_beside_tensors(output, planned)
    }))
}

/// True if the files of the earlier output have the sizes, headers and other contents that those of the new one would have.
fn is_same_beside_tensors(output: &PreparedOutput, planned: &PlannedOutput) -> bool {
    let earlier = planned.reuse.as_ref().and_then(|r| manifest::find(&r.output));
    let Some(earlier) = earlier else { return false };
    let Ok((head, records)) = manifest::read(&earlier.manifest, |_| Ok(())) else { return false };
    let paths = earlier.files(&head.output, &records);
    records.len() == output.files.len()
        && head.output.tensors == output.tensors.len()
        && output.files.iter().zip(records.iter().zip(paths)).all(|(file, (record, path))| {
            // The end of some formats depends on the tensors' checksums; such files are written again.
            if file.finish.is_some() || file.bytes != record.bytes {
                return false;
            }
            let rest: Vec<Rest> = known_stretches(0, file, &[])
                .iter()
                .map(|s| Rest { offset: s.offset, bytes: s.bytes, crc32: manifest::Crc32(s.crc) })
                .collect();
            let Some(there) = path.and_then(|p| files::open(&p).ok()) else { return false };
            rest == record.rest
                && there.metadata().is_ok_and(|m| m.len() == file.bytes)
                && file.fixed.iter().all(|(offset, bytes)| {
                    let mut found = vec![0; bytes.len()];
                    there.read_exact_at(&mut found, *offset).is_ok() && found == *bytes
                })
        })
}

/// Says that nothing is published, and gives the reports: they name the earlier outputs.
pub(super) fn report(
    options: &RunOptions<'_>,
    outputs: &[Staged],
    known: &TensorResults<'_>,
) -> (Vec<OutputReport<()>>, Manifests) {
    let (mut reports, mut manifests) = (Vec::new(), Vec::new());
    for (o, planned) in numbered::<OutputIndex, _>(&known.prepared.plan.outputs).take(outputs.len()) {
        let Some(reuse) = &planned.reuse else { continue };
        let entries = &known.prepared.outputs[o].tensors;
        let mut loss = OutputLoss::new(Surroundings::of(entries.iter().map(|t| &t.entry)));
        let mut stats = ErrorStats::default();
        for t in (0..planned.tensors.len()).map(TensorIndex) {
            if let Some(sums) = known.earlier.get(&(o, t)).and_then(|w| w.stats.as_deref()) {
                stats.add_tensor(sums);
                loss.add(&entries[t.0].entry, sums.relative());
            }
        }
        let (path, earlier) = (planned.path.display().to_string(), reuse.output.clone());
        options.sink.send(EventBody::OutputUnchanged { output: o, path, earlier });
        reports.push(OutputReport {
            path: reuse.output.clone(),
            format: planned.format,
            quantization: planned.quantization.clone(),
            files: planned.files.len(),
            bytes: planned.bytes,
            bits_per_weight: planned.bits_per_weight,
            output_sqnr_db: loss.db(),
            output_weighted: stats.weighted_sqnr_db().is_some(),
            sqnr_db: stats.sqnr_db(),
            divergence: planned.divergence.clone(),
            calibration: planned.calibration.clone(),
            gain_db: stats.gain_db(),
            reused: reuse::copied_of(planned, o, &known.earlier),
            manifest: Some(reuse.manifest.clone()),
            ..OutputReport::default()
        });
        manifests.push(None);
    }
    (reports, manifests)
}
