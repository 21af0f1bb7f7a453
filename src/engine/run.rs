//! The run itself: workers pull chunks, a ticker samples and journals, then outputs are checked and published.

use super::encode::{Buffers, Target, encode_chunk, has_non_finite};
use super::journal::{Entry, Journal};
use super::part_file::{PartFile, part_path};
use super::report::{OutputReport, Report};
use super::row_facts::RowFacts;
use super::state::{Progress, TensorState};
use super::verify::verify_output;
use super::work::{Consumer, Work};
use super::{EventBody, EventSink, Gate, TensorStart};
use crate::model::{ModelError, Piece, Result, Warning};
use crate::monitor::ProcessSampler;
use crate::plan::Prepared;
use crate::quant::{Encoding, WholeRow};
use crate::tensor::DType;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How a plan is carried out.
pub struct RunOptions<'a> {
    /// Worker threads, at least one.
    pub threads: usize,
    /// Set from outside to stop the run.
    pub cancel: &'a AtomicBool,
    /// Holds the workers while it is closed. Whoever sets `cancel` opens it.
    pub gate: &'a Gate,
    /// Where events go.
    pub sink: &'a EventSink,
    /// Journal file of the job, and whether to go on from it.
    pub journal: Option<(&'a Path, bool)>,
}

/// Why a run ended early.
#[derive(Debug)]
pub enum RunError {
    /// The cancel flag was set.
    Cancelled,
    /// Something is wrong.
    Failed(ModelError),
}

impl From<ModelError> for RunError {
    fn from(e: ModelError) -> Self {
        Self::Failed(e)
    }
}

/// How often resources are sampled and finished tensors are journalled.
const TICK: Duration = Duration::from_millis(500);

/// Carries out a plan. Outputs appear under their final names only when everything in them was written, checked and synced.
///
/// # Errors
/// [`RunError`]; nothing half-written stays. (A process that is killed leaves its `.part` files, and the journal to go on from.)
pub fn run(prepared: &Prepared, options: &RunOptions<'_>) -> Result<Report, RunError> {
    let begun = Instant::now();
    let mut journal = match options.journal {
        Some((path, resume)) => {
            let resume = resume && parts_stand(prepared);
            Some(Journal::open(path, &prepared.plan.fingerprint(), resume)?)
        }
        None => None,
    };
    let finished = journal.as_mut().map(|j| std::mem::take(&mut j.finished)).unwrap_or_default();
    let resumed = !finished.is_empty();

    let mut folders = NewFolders::default();
    let parts = create_parts(prepared, resumed, &mut folders)?;
    let work = Work::new(prepared, |o, t| finished.contains_key(&(o, t)));
    let states = TensorState::all(prepared, &work);
    let progress = Progress::new(prepared, &work);
    let runner = Runner {
        prepared,
        options,
        parts: &parts,
        work: &work,
        states: &states,
        progress: &progress,
        facts: RowFacts::default(),
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        error: Mutex::new(None),
        synced: Mutex::new(Vec::new()),
        workers: AtomicUsize::new(options.threads.max(1)),
    };
    thread::scope(|scope| {
        let ticker = scope.spawn(|| runner.tick(journal.as_mut()));
        for _ in 0..options.threads.max(1) {
            let ticker = ticker.thread().clone();
            let runner = &runner;
            scope.spawn(move || {
                runner.work();
                if runner.workers.fetch_sub(1, Ordering::AcqRel) == 1 {
                    ticker.unpark();
                }
            });
        }
    });
    let failed = runner.error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(e) = failed {
        return Err(RunError::Failed(e));
    }
    if options.cancel.load(Ordering::Relaxed) {
        return Err(RunError::Cancelled);
    }

    drop(work);
    let mut reports = Vec::new();
    for (o, output) in prepared.outputs.iter().enumerate() {
        let planned = &prepared.plan.outputs[o];
        let crc = |t: usize| match finished.get(&(o, t)) {
            Some(entry) => entry.crc,
            None => states.get(o, t).map_or(0, |s| s.crc()),
        };
        for (file, part) in output.files.iter().zip(&parts[o]) {
            if let Some(finish) = &file.finish {
                let slots: Vec<u32> = file.slots.iter().map(|s| crc(s.tensor)).collect();
                for (offset, bytes) in finish(&slots) {
                    part.write_at(&bytes, offset)?;
                }
            }
        }
        let path = planned.path.display().to_string();
        options.sink.send(EventBody::OutputWritten { path: path.clone(), bytes: planned.bytes });
        let Some(by) = verify_output(output, &parts[o], options.sink, options.cancel)? else {
            return Err(RunError::Cancelled);
        };
        options.sink.send(EventBody::OutputVerified { path, by: by.clone() });
        let done = |t: usize| match (finished.get(&(o, t)), states.get(o, t)) {
            (Some(entry), _) => entry.done.clone(),
            (None, Some(state)) => state.start().done(state.stats().as_ref()),
            (None, None) => TensorStart::of(prepared, o, t).done(None),
        };
        let tensors = (0..output.tensors.len()).map(done).collect();
        let stats = states.output_stats(o);
        reports.push(OutputReport {
            path: planned.path.clone(),
            format: planned.format.clone(),
            quantization: planned.quantization.clone(),
            files: planned.files.len(),
            bytes: planned.bytes,
            bits_per_weight: planned.bits_per_weight,
            sqnr_db: stats.sqnr_db(),
            gain_db: stats.gain_db(),
            verified_by: by,
            tensors,
        });
    }
    for (o, (output, files)) in prepared.outputs.iter().zip(parts).enumerate() {
        for part in files {
            part.publish()?;
        }
        for old in &output.stale {
            let _ = fs::remove_file(old);
        }
        let planned = &prepared.plan.outputs[o];
        options
            .sink
            .send(EventBody::OutputPublished { path: planned.path.display().to_string(), bytes: planned.bytes });
    }
    let usage = ProcessSampler::own_usage();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: prepared.plan.source.clone(),
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: usage.cpu_seconds,
        peak_rss: usage.peak_rss,
        outputs: reports,
    })
}

/// True if every unfinished file of an earlier run is still there whole: only then does its journal count.
fn parts_stand(prepared: &Prepared) -> bool {
    let mut files = prepared.outputs.iter().flat_map(|o| &o.files);
    files.all(|f| fs::metadata(part_path(&f.path)).is_ok_and(|m| m.len() == f.bytes))
}

/// Folders that the run made; those that are empty in the end are removed.
#[derive(Debug, Default)]
struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Remembers what of `folder` does not exist yet, deepest first.
    fn note(&mut self, folder: &Path) {
        let new = folder.ancestors().take_while(|a| !a.as_os_str().is_empty() && !a.exists());
        let new: Vec<PathBuf> = new.map(Path::to_path_buf).collect();
        self.0.splice(0..0, new);
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // One that holds something is not removed: the outputs, or what somebody else put there.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Creates every unfinished file and writes what is known beforehand. Files keep the order of the plan.
fn create_parts(prepared: &Prepared, resumed: bool, folders: &mut NewFolders) -> Result<Vec<Vec<PartFile>>> {
    let mut all = Vec::new();
    for output in &prepared.outputs {
        let mut parts = Vec::new();
        for file in &output.files {
            if let Some(folder) = file.path.parent().filter(|p| !p.as_os_str().is_empty()) {
                folders.note(folder);
                fs::create_dir_all(folder).map_err(|e| ModelError::io(folder, "creating the folder", e))?;
            }
            let part = PartFile::create(&file.path, file.bytes, resumed)?;
            for (offset, bytes) in &file.fixed {
                part.write_at(bytes, *offset)?;
            }
            parts.push(part);
        }
        all.push(parts);
    }
    Ok(all)
}

struct Runner<'a> {
    prepared: &'a Prepared,
    options: &'a RunOptions<'a>,
    parts: &'a [Vec<PartFile>],
    work: &'a Work,
    states: &'a super::state::States<'a>,
    progress: &'a Progress,
    /// What chunks must know of the rows they are parts of.
    facts: RowFacts,
    next: AtomicUsize,
    stop: AtomicBool,
    error: Mutex<Option<ModelError>>,
    /// Tensors finished since the journal was last written.
    synced: Mutex<Vec<Entry>>,
    workers: AtomicUsize,
}

impl Runner<'_> {
    fn work(&self) {
        let mut buffers = Buffers::default();
        loop {
            self.options.gate.pass();
            if self.stopped() {
                break;
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.work.chunks {
                break;
            }
            if let Err(e) = self.chunk(number, &mut buffers) {
                self.halt(e.in_file(&self.prepared.plan.source));
            }
        }
    }

    /// True once the run is to end.
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.options.cancel.load(Ordering::Relaxed)
    }

    /// Stops the run for an error; the first one is told.
    fn halt(&self, e: ModelError) {
        self.stop.store(true, Ordering::Relaxed);
        self.error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(e);
        self.options.gate.open();
    }

    fn chunk(&self, number: usize, buffers: &mut Buffers) -> Result<()> {
        let (group, k, piece) = self.work.chunk(number);
        let consumers: Vec<Consumer> = self.work.consumers(group).collect();
        let Some(first) = consumers.first() else { return Ok(()) };
        let entry = &self.tensor(*first).entry;
        for c in &consumers {
            self.states.by_id(c.id).start_once(self.options.sink);
        }
        entry.read_piece(&piece, &mut buffers.raw)?;
        self.progress.read(buffers.raw.len() as u64);
        let decoded = consumers.iter().any(|c| self.tensor(*c).encoding != entry.encoding);
        let non_finite = has_non_finite(entry.encoding, &buffers.raw);
        if non_finite {
            // Block types refuse them below.
            let kept = |c: &&Consumer| !matches!(self.tensor(**c).encoding, Encoding::Block(_)) || !decoded;
            for c in consumers.iter().filter(kept) {
                if self.states.by_id(c.id).warn_once() {
                    let name = &self.tensor(*c).entry.name;
                    let text = format!("{name} holds NaN or infinite values; they are written as they are");
                    self.options.sink.send(EventBody::Warning(Warning::about("tensor.non-finite", name, text)));
                }
            }
        }
        if decoded {
            let mut outputs = Vec::with_capacity(consumers.len());
            for c in &consumers {
                let (tensor, effort) = (self.tensor(*c), self.prepared.outputs[c.output].effort);
                let mut whole = WholeRow::default();
                if piece.is_part() {
                    match self.facts.of(*c, tensor, effort, piece.rows.start, || self.stopped())? {
                        Some(facts) => whole = facts,
                        None => return Ok(()),
                    }
                }
                outputs.push(Target { tensor, effort, whole });
            }
            // Other encodings were not looked through as the values they decode to.
            let plain = matches!(entry.encoding, Encoding::Plain(DType::BF16 | DType::F16 | DType::F32));
            let finite = plain && !non_finite;
            encode_chunk(entry, &outputs, &piece, finite, buffers)?;
        }
        for (i, c) in consumers.iter().enumerate() {
            let tensor = self.tensor(*c);
            let state = self.states.by_id(c.id);
            if tensor.encoding == entry.encoding {
                self.write(*c, &piece, &buffers.raw)?;
                state.chunk(k, None, &buffers.raw);
            } else {
                let (encoded, stats) = &buffers.encoded[i];
                self.write(*c, &piece, encoded)?;
                state.chunk(k, Some(*stats), encoded);
            }
            self.progress.done(&piece, tensor);
            if let Some(done) = state.finish_if_last(self.options.sink) {
                let mut synced = self.synced.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                synced.push(Entry { tensor: c.tensor, crc: state.crc(), done });
            } else {
                state.progress(self.options.sink, self.progress);
            }
        }
        Ok(())
    }

    fn tensor(&self, c: Consumer) -> &crate::plan::PreparedTensor {
        &self.prepared.outputs[c.output].tensors[c.tensor]
    }

    fn write(&self, c: Consumer, piece: &Piece, bytes: &[u8]) -> Result<()> {
        let (file, offset) = self.states.place(c.output, c.tensor);
        let (elems, unit_bytes) = self.tensor(c).encoding.unit();
        self.progress.written(bytes.len() as u64);
        self.parts[c.output][file].write_at(bytes, offset + piece.first_elem() / elems * unit_bytes)
    }

    fn tick(&self, mut journal: Option<&mut Journal>) {
        let mut sampler = ProcessSampler::new();
        let mut paused = false;
        loop {
            thread::park_timeout(TICK);
            let last = self.workers.load(Ordering::Acquire) == 0;
            // A paused run has nothing to tell, and the first figures after it would be a mean over the pause.
            let closed = self.options.gate.is_closed();
            if !closed {
                let sample = self.progress.sample(&mut sampler, self.options.gate.closed_for());
                if !paused || last {
                    self.options.sink.send(EventBody::Sample(sample));
                }
            }
            paused = closed;
            if let Some(journal) = journal.as_deref_mut() {
                let entries =
                    std::mem::take(&mut *self.synced.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
                let result = if entries.is_empty() {
                    Ok(())
                } else {
                    self.parts.iter().flatten().try_for_each(PartFile::sync).and_then(|()| journal.record(&entries))
                };
                if let Err(e) = result {
                    self.halt(e);
                }
            }
            if last {
                return;
            }
        }
    }
}
