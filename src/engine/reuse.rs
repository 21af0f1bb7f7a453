//! Copies from an earlier output the tensors whose source has not changed, before anything is encoded.
//!
//! A tensor is copied when everything that decides its bytes is the same: its shape, its types, the effort, the importance of its columns, the
//! versions of remold and of its encoders, which the plan and the manifest of the earlier output say, and the bytes of its source, which are read
//! and hashed here. A source that differs shows in its first piece that does, and no more of it is read. What is copied has the checksum of the
//! manifest, or it is encoded. Copied tensors are in the journal as encoded ones are, so nothing is done twice after a kill.

use super::encode::has_non_finite;
use super::journal::{Entry, Finished, Journal, Written};
use super::manifest::{self, Copied, TensorRecord};
use super::part_file::PartFile;
use super::source_hash::{Hash128, SourceHash, hash_pieces};
use super::staged::Staged;
use super::work::Work;
use super::{EventBody, RunError, RunOptions, TensorStart};
use crate::files;
use crate::model::{Hint, ModelError, OptionName, OutputIndex, Remedy, Result, TensorIndex, Warning, numbered};
use crate::plan::{self, Plan, PlannedOutput, PlannedReuse, Prepared, PreparedOutput};
use crate::quant::Encoding;
use crate::recipe::Recipe;
use crate::task::{FirstError, collected, locked, together};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes copied at once.
const WINDOW: u64 = 1 << 20;

/// A tensor of an earlier output that may be copied, if its source is the same.
struct Candidate {
    file: u32,
    crc: u32,
    offset: u64,
    source: SourceHash,
    stats: Option<Box<super::ErrorStats>>,
}

/// An earlier output.
struct Earlier {
    files: Vec<File>,
    /// By tensor of the new output.
    candidates: Vec<Option<Candidate>>,
}

/// Plans the reuse that a recipe asks for: every output gets the earlier one of its target, with what may be copied from it.
///
/// # Errors
/// Those of reading the manifest; a request error where an earlier output has none.
pub(crate) fn plan_reuse(recipe: &Recipe, plan: &mut Plan) -> Result<()> {
    for (target, output) in recipe.targets.iter().zip(&mut plan.outputs) {
        output.reuse = target.reuse.as_deref().map(|previous| count_reusable(output, previous)).transpose()?;
    }
    Ok(())
}

/// Counts the tensors of an output that an earlier one has with the same shape and types: their number and bytes.
fn count_reusable(output: &PlannedOutput, previous: &Path) -> Result<PlannedReuse> {
    let Some(found) = manifest::find(previous) else {
        let is_there = previous.try_exists().map_err(|e| ModelError::io(previous, "opening", e))?;
        if !is_there {
            let error = ModelError::request("no such file or folder, so there is nothing to reuse").in_file(previous);
            return Err(error.with_hint("Name an earlier output of this conversion."));
        }
        let what = "the earlier output has no manifest (NAME.remold.json), so it cannot be reused";
        let hint = Hint::from(Remedy::Clear(OptionName::REUSE))
            .then(" for a full conversion; this version writes a manifest.");
        return Err(ModelError::request(what).in_file(previous).with_hint(hint));
    };
    let names = names(output);
    let (mut tensors, mut bytes) = (0, 0);
    let (head, _) = manifest::read(&found.manifest, |record| {
        if fits(output, &names, &record).is_some() {
            tensors += 1;
            bytes += record.bytes;
        }
        Ok(())
    })?;
    let path = found.output(&head.output);
    if !is_same_encoder(&head, output) || manifest::seal_of(&found.manifest)? != manifest::Seal::Intact {
        (tensors, bytes) = (0, 0);
    }
    Ok(PlannedReuse { output: path, manifest: found.manifest, tensors, bytes, skip_unchanged: false })
}

/// True if the earlier output was written by the same encoders, with the same effort.
fn is_same_encoder(head: &manifest::Head, output: &PlannedOutput) -> bool {
    (head.remold.as_str(), head.encoder) == (env!("CARGO_PKG_VERSION"), manifest::ENCODER)
        && head.output.effort == output.effort
}

fn names(output: &PlannedOutput) -> HashMap<&str, usize> {
    output.tensors.iter().enumerate().map(|(t, tensor)| (&*tensor.name, t)).collect()
}

/// The tensor of the new output that has the record's name, shape and types.
fn fits(output: &PlannedOutput, names: &HashMap<&str, usize>, record: &TensorRecord) -> Option<usize> {
    let t = *names.get(record.name.as_str())?;
    let tensor = &output.tensors[t];
    let same = *tensor.shape == *record.shape.as_slice()
        && tensor.from.name() == record.from
        && tensor.to.name() == record.to
        && tensor.bytes == record.bytes
        && tensor.bytes > 0;
    same.then_some(t)
}

/// Opens an earlier output and finds what may be copied from it.
fn open(output: &PreparedOutput, new: &PlannedOutput, planned: &PlannedReuse) -> Result<Earlier> {
    let gone = || {
        let error = ModelError::request("the earlier output to reuse no longer matches its manifest");
        error.in_file(&planned.output)
    };
    let found = manifest::find(&planned.output).ok_or_else(gone)?;
    if let Some(fault) = manifest::seal_of(&found.manifest)?.fault() {
        return Err(ModelError::request(fault).in_file(&found.manifest));
    }
    let names = names(new);
    let mut candidates: Vec<Option<Candidate>> = Vec::new();
    candidates.resize_with(output.tensors.len(), || None);
    let (head, records) = manifest::read(&found.manifest, |record| {
        let Some(t) = fits(new, &names, &record) else { return Ok(()) };
        let Some(whole) = record.source_xxh3 else { return Ok(()) };
        if manifest::importance_hash(&output.tensors[t]) != record.importance_xxh3 {
            return Ok(());
        }
        let source = SourceHash { whole, pieces: record.pieces_xxh3.map(Box::new) };
        let pieces = source.pieces.as_ref().map_or(1, |p| p.len() as u64);
        if plan::hash_cut(&output.tensors[t].entry).pieces() == pieces {
            let (file, crc) = (u32::try_from(record.file).unwrap_or(u32::MAX), record.crc32.0);
            let stats = record.stats.map(Box::new);
            candidates[t] = Some(Candidate { file, crc, offset: record.offset, source, stats });
        }
        Ok(())
    })?;
    if !is_same_encoder(&head, new) {
        candidates.iter_mut().for_each(|c| *c = None);
    }
    let mut files = Vec::new();
    for (path, record) in found.files(&head.output, &records).into_iter().zip(&records) {
        let file = path.and_then(|p| files::open(&p).ok()).ok_or_else(gone)?;
        if !file.metadata().is_ok_and(|m| m.len() == record.bytes) {
            return Err(gone());
        }
        files.push(file);
    }
    Ok(Earlier { files, candidates })
}

/// Copies what can be copied, and adds it to `finished`.
///
/// # Errors
/// Those of reading the source and of writing; the reason to stop, when there is one. An earlier output that cannot be used is a warning.
pub(super) fn copy(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    outputs: &[Staged],
    journal: Option<&mut Journal>,
    finished: &mut Finished,
) -> Result<(), RunError> {
    let mut earlier: Vec<Option<Earlier>> = Vec::new();
    for (output, planned) in prepared.outputs.iter().zip(&prepared.plan.outputs) {
        let opened = planned.reuse.as_ref().map(|reuse| open(output, planned, reuse));
        earlier.push(opened.and_then(|opened| match opened {
            Ok(opened) => Some(opened),
            Err(e) => {
                let text = format!("no tensors are reused: {e}");
                options.sink.send(EventBody::Warning(Warning::new("reuse.unusable", text)));
                None
            }
        }));
    }
    if earlier.iter().all(Option::is_none) {
        return Ok(());
    }
    let has = |o: OutputIndex, t: TensorIndex| earlier[o].as_ref().is_some_and(|e| e.candidates[t].is_some());
    let work = Work::new(prepared, |o, t| finished.contains_key(&(o, t)) || !has(o, t));
    let places: Vec<Vec<(u32, u64)>> = prepared.outputs.iter().map(places).collect();
    let run = Copying {
        prepared,
        options,
        outputs,
        earlier: &earlier,
        places: &places,
        work: &work,
        next: AtomicUsize::new(0),
        error: FirstError::default(),
        copied: Mutex::new(Vec::new()),
    };
    together(options.threads, || run.work());
    run.error.result()?;
    let copied = collected(run.copied);
    if let Some(journal) = journal.filter(|_| !copied.is_empty()) {
        outputs.iter().flat_map(|o| &o.parts).try_for_each(PartFile::sync_data)?;
        let entry = |(o, t, written): &(OutputIndex, TensorIndex, Written)| {
            let stats = written.stats.as_deref().copied();
            let source = written.source.clone();
            let (source, pieces) = source.map_or((None, None), |s| (Some(s.whole), s.pieces));
            let done = TensorStart::of(prepared, *o, *t).done(stats.as_ref());
            Entry { tensor: *t, crc: written.crc, stats, source, pieces, reused: true, done }
        };
        journal.record(copied.iter().map(entry))?;
    }
    finished.extend(copied.into_iter().map(|(o, t, written)| ((o, t), written)));
    for (o, planned) in numbered(&prepared.plan.outputs) {
        if let Some(copied) = copied_of(planned, o, finished) {
            let path = planned.path.display().to_string();
            options.sink.send(EventBody::OutputReused { output: o, path, copied });
        }
    }
    options.stop.reason().map_or(Ok(()), |reason| Err(reason.into()))
}

/// What of an output was copied from an earlier one; `None` where none was to be.
pub(super) fn copied_of(planned: &PlannedOutput, o: OutputIndex, finished: &Finished) -> Option<Copied> {
    let from = planned.reuse.as_ref()?.output.clone();
    let mut copied = Copied { from, of: planned.tensors.len(), ..Copied::default() };
    for (t, tensor) in numbered(planned.tensors.iter()) {
        if finished.get(&(o, t)).is_some_and(|w| w.reused) {
            copied.tensors += 1;
            copied.bytes += tensor.bytes;
        }
    }
    Some(copied)
}

/// By tensor, the index of its file and its offset there.
fn places(output: &PreparedOutput) -> Vec<(u32, u64)> {
    let mut places = vec![(0, 0); output.tensors.len()];
    for (f, file) in output.files.iter().enumerate() {
        for slot in &file.slots {
            places[slot.tensor] = (f as u32, slot.offset);
        }
    }
    places
}

struct Copying<'a> {
    prepared: &'a Prepared,
    options: &'a RunOptions<'a>,
    outputs: &'a [Staged],
    earlier: &'a [Option<Earlier>],
    places: &'a [Vec<(u32, u64)>],
    work: &'a Work,
    next: AtomicUsize,
    error: FirstError<ModelError>,
    copied: Mutex<Vec<(OutputIndex, TensorIndex, Written)>>,
}

impl Copying<'_> {
    fn work(&self) {
        let mut buffer = Vec::new();
        while !self.stopped() {
            let group = self.next.fetch_add(1, Ordering::Relaxed);
            if group >= self.work.groups() {
                return;
            }
            if let Err(e) = self.group(group, &mut buffer) {
                self.error.set(e.in_file(&self.prepared.plan.source));
            }
        }
    }

    fn stopped(&self) -> bool {
        self.options.gate.pass();
        self.error.is_set() || self.options.stop.is_set()
    }

    /// Hashes the source of a group as long as one of the tensors that it feeds may be copied, and copies those that may.
    fn group(&self, group: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let Some(entry) = self.work.source(self.prepared, group) else { return Ok(()) };
        let candidate =
            |o: OutputIndex, t: TensorIndex| self.earlier[o].as_ref().and_then(|e| e.candidates[t].as_ref());
        let mut left: Vec<(OutputIndex, TensorIndex)> =
            self.work.consumers(group).map(|c| (c.output, c.tensor)).collect();
        let cut = plan::hash_cut(entry);
        // Block types refuse such values: a tensor that was written in one has none.
        let is_plain = |(o, t): &(OutputIndex, TensorIndex)| {
            matches!(self.prepared.outputs[*o].tensors[*t].encoding, Encoding::Plain(_))
        };
        let may_hold_any = left.iter().any(is_plain);
        let mut non_finite = false;
        for k in 0..cut.pieces() {
            if self.stopped() {
                return Ok(());
            }
            let piece = cut.piece(k);
            entry.read_piece(&piece, buffer)?;
            let mut hash = Hash128::default();
            hash_pieces(entry, &piece, buffer, |_, h| hash = h);
            left.retain(|(o, t)| candidate(*o, *t).is_some_and(|c| c.source.piece(k as usize) == Some(&hash)));
            if left.is_empty() {
                return Ok(());
            }
            non_finite = non_finite || (may_hold_any && has_non_finite(entry.encoding, buffer));
        }
        for (o, t) in left {
            let Some(c) = candidate(o, t) else { continue };
            let start = TensorStart::of(self.prepared, o, t);
            self.options.sink.send(EventBody::TensorStarted(start.clone()));
            if !self.copy(o, t, c, buffer)? {
                if !self.stopped() {
                    let name = &start.name;
                    let text =
                        format!("{name} is encoded again: its bytes in the earlier output do not match its manifest");
                    self.options.sink.send(EventBody::Warning(Warning::about("reuse.damaged", name, text)));
                }
                continue;
            }
            if non_finite {
                let name = &start.name;
                let text = format!("{name} has NaN or infinite values; they are written unchanged");
                self.options.sink.send(EventBody::Warning(Warning::about("tensor.non-finite", name, text)));
            }
            self.options.sink.send(EventBody::TensorFinished(start.done(c.stats.as_deref())));
            let written = Written { crc: c.crc, reused: true, stats: c.stats.clone(), source: Some(c.source.clone()) };
            locked(&self.copied).push((o, t, written));
        }
        Ok(())
    }

    /// Copies the bytes of a tensor. False if they are not those that the manifest of the earlier output says, or cannot be read.
    fn copy(&self, o: OutputIndex, t: TensorIndex, c: &Candidate, buffer: &mut Vec<u8>) -> Result<bool> {
        let from = self.earlier[o].as_ref().and_then(|e| e.files.get(c.file as usize));
        let (Some(from), (file, offset)) = (from, self.places[o][t]) else { return Ok(false) };
        let part = &self.outputs[o].parts[file as usize];
        let bytes = self.prepared.plan.outputs[o].tensors[t].bytes;
        let (mut crc, mut at) = (crc32fast::Hasher::new(), 0);
        while at < bytes && !self.stopped() {
            let n = (bytes - at).min(WINDOW);
            buffer.resize(n as usize, 0);
            if from.read_exact_at(buffer, c.offset.saturating_add(at)).is_err() {
                return Ok(false);
            }
            crc.update(buffer);
            part.write_at(buffer, offset + at)?;
            at += n;
        }
        Ok(at == bytes && crc.finalize() == c.crc)
    }
}
