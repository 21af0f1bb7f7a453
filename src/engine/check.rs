//! Checks outputs whose tensors are all written: completes their files, reads them back and opens them.

use super::manifest::{self, FileRecord};
use super::part_file::PartFile;
use super::publish;
use super::read_back::{Stretch, gaps, known_stretches, mismatches};
use super::report_rows::TensorResults;
use super::reuse;
use super::staged::Staged;
use super::verify::verify_output;
use super::{ErrorStats, EventBody, OutputReport, RunError, RunOptions, StopReason, Worst};
use crate::forecast::{OutputLoss, Surroundings};
use crate::model::{ModelError, OutputIndex, TensorIndex, numbered};
use crate::plan::PreparedOutput;

/// Capacity reserved for stretches of an output that are not tensors: headers and gaps.
const MORE_STRETCHES: usize = 4096;

/// By output, its manifest before it has its name; `None` where none is written.
pub(super) type Manifests = Vec<Option<PartFile>>;

/// Completes each output, reads it back from the disk and compares it with what was encoded and planned. Writes the manifests, which have no
/// names yet.
pub(super) fn check_outputs(
    options: &RunOptions<'_>,
    outputs: &[Staged],
    known: &TensorResults<'_>,
    run: &manifest::Run<'_>,
) -> Result<(Vec<OutputReport<()>>, Manifests), RunError> {
    let TensorResults { prepared, states, earlier: finished } = known;
    let (mut reports, mut manifests) = (Vec::new(), Vec::new());
    for (o, (output, staged)) in numbered::<OutputIndex, _>(prepared.outputs.iter().zip(outputs)) {
        let planned = &prepared.plan.outputs[o];
        let Totals { stats, output: loss, worst, crcs } = Totals::of(known, o);
        let (written, rest) = complete(output, staged, &crcs)?;
        let path = planned.path.display().to_string();
        options.sink.send(EventBody::OutputWritten { output: o, path: path.clone(), bytes: planned.bytes });
        let files: Vec<&PartFile> = staged.parts.iter().collect();
        let wrong = mismatches(&written, &files, options.threads, options.stop.flag())?;
        if let Some(i) = wrong.first() {
            let (at, part) = (&written[*i], &staged.parts[written[*i].file]);
            let what = format!("{} bytes read back from the disk differ from what was written", at.bytes);
            let hint = "The disk, its driver or the memory is faulty, or another program wrote to the file.";
            return Err(ModelError::bad(what).in_file(part.destination()).at(at.offset).with_hint(hint).into());
        }
        let wanted = rest.iter().enumerate().filter(|_| planned.manifest.is_some());
        let records: Vec<FileRecord> =
            wanted.map(|(f, rest)| manifest::file_record(planned, f, &written, rest)).collect();
        drop((written, rest));
        let by = verify_output(output, &staged.parts, options.sink, options.stop.flag())?;
        let Some(by) = by.filter(|_| !options.stop.is_set()) else {
            return Err(options.stop.reason().unwrap_or(StopReason::Cancel).into());
        };
        options.sink.send(EventBody::OutputVerified { output: o, path, by: by.clone() });
        let reused = reuse::copied_of(planned, o, finished);
        let (sqnr_db, gain_db) = (stats.sqnr_db(), stats.gain_db());
        let figures = manifest::Figures { sqnr_db, gain_db, verified_by: &by, reused: reused.as_ref() };
        let tensor = |t: TensorIndex| match (finished.get(&(o, t)), states.get(o, t)) {
            (Some(w), _) => (w.crc, w.stats.as_deref().copied(), w.source.clone(), w.reused),
            (None, Some(s)) => (s.crc(), s.stats(), s.source_hash(), false),
            (None, None) => (0, None, None, false),
        };
        manifests.push(manifest::make(prepared, o, staged, run, &records, &figures, &tensor)?);
        let name = |t: TensorIndex| planned.tensors[t].name.clone();
        reports.push(OutputReport {
            path: planned.path.clone(),
            format: planned.format,
            quantization: planned.quantization.clone(),
            files: planned.files.len(),
            bytes: planned.bytes,
            bits_per_weight: planned.bits_per_weight,
            output_sqnr_db: loss.db(),
            output_weighted: stats.weighted_sqnr_db().is_some(),
            sqnr_db,
            forecast: None,
            divergence: planned.divergence.clone(),
            calibration: planned.calibration.clone(),
            gain_db,
            reused,
            manifest: planned.manifest.clone(),
            worst: worst.map(|(t, sqnr_db)| Worst { name: name(t), sqnr_db }),
            verified_by: by,
            evaluation: None,
            tensors: (),
        });
    }
    Ok((reports, manifests))
}

/// Sums over the tensors of an output.
struct Totals {
    /// Over the tensors that lost anything.
    stats: ErrorStats,
    /// What the output of the model loses by them.
    output: OutputLoss,
    /// The tensor with the lowest signal-to-noise ratio, in dB.
    worst: Option<(TensorIndex, f64)>,
    /// By tensor.
    crcs: Vec<u32>,
}

impl Totals {
    fn of(known: &TensorResults<'_>, o: OutputIndex) -> Self {
        let TensorResults { prepared, states, earlier } = known;
        let entries = &prepared.outputs[o].tensors;
        let tensors = entries.len();
        let mut stats = ErrorStats::default();
        let mut output = OutputLoss::new(Surroundings::of(entries.iter().map(|t| &t.entry)));
        let mut worst: Option<(TensorIndex, f64)> = None;
        let mut crcs = Vec::with_capacity(tensors);
        for t in (0..tensors).map(TensorIndex) {
            let (crc, sums) = match (earlier.get(&(o, t)), states.get(o, t)) {
                (Some(entry), _) => (entry.crc, entry.stats.as_deref().copied()),
                (None, Some(s)) => (s.crc(), s.stats()),
                // Without elements.
                (None, None) => (0, None),
            };
            if let Some(sums) = sums {
                stats.add_tensor(&sums);
                output.add(&entries[t.0].entry, sums.relative());
                if let Some(db) = sums.sqnr_db()
                    && worst.is_none_or(|(_, lowest)| db < lowest)
                {
                    worst = Some((t, db));
                }
            }
            crcs.push(crc);
        }
        Self { stats, output, worst, crcs }
    }
}

/// Writes the last bytes of the files of an output and syncs them. Returns all stretches that were written, and by file those that are
/// not tensor data.
fn complete(
    output: &PreparedOutput,
    staged: &Staged,
    crcs: &[u32],
) -> Result<(Vec<Stretch>, Vec<Vec<Stretch>>), RunError> {
    // Room for what is not tensor data: doubling a list of a million stretches would take memory for two million more.
    let mut written = Vec::with_capacity(output.tensors.len() + MORE_STRETCHES);
    let mut rest = Vec::new();
    for (f, (file, part)) in output.files.iter().zip(&staged.parts).enumerate() {
        let slots: Vec<u32> = file.slots.iter().map(|s| crcs[s.tensor]).collect();
        let finish = file.finish.as_ref().map_or_else(Vec::new, |finish| finish(&slots));
        if !publish::same_path(part.path(), &file.path) {
            finish.iter().try_for_each(|(offset, bytes)| part.write_at(bytes, *offset))?;
        }
        let slots = file.slots.iter().zip(slots);
        written.extend(slots.map(|(s, crc)| Stretch { file: f, offset: s.offset, bytes: s.bytes, crc }));
        let no_tensors = known_stretches(f, file, &finish);
        written.extend_from_slice(&no_tensors);
        rest.push(no_tensors);
        written.extend(gaps(f, file.bytes, &written));
        part.check_size(file.bytes)?;
        part.sync_data()?;
    }
    Ok((written, rest))
}
