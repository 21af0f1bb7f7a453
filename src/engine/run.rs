//! The run itself: workers pull chunks, a ticker samples and journals, then outputs are checked and published.

use super::check::{Manifests, check_outputs};
use super::earlier;
use super::encode::{Buffers, Target, encode_chunk, has_non_finite};
use super::evaluate::evaluate;
use super::journal::{self, Begin, Entry, Finished, Journal, Recorded};
use super::manifest::{self, Origin};
use super::part_file::PartFile;
use super::register::register;
use super::report::{OutputReport, Report};
use super::report_rows::{Rows, TensorResults};
use super::reuse;
use super::row_facts::RowFacts;
use super::stage::{self, NewFolders};
use super::staged::{self, Staged};
use super::state::{Progress, States};
use super::unchanged;
use super::work::{Consumer, Work};
use super::{EventBody, EventSink, Gate, Stop, StopReason, publish};
use crate::files::{self, WriteWatch};
use crate::model::{ModelError, OutputIndex, Piece, Result, Warning, numbered};
use crate::monitor::ProcessSampler;
use crate::plan::{Prepared, StageKind};
use crate::quant::{Encoding, WholeRow};
use crate::task::{self, FirstError, OnExit, locked};
use crate::tensor::DType;
use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How a plan is carried out.
pub struct RunOptions<'a> {
    /// Worker threads, at least one.
    pub threads: usize,
    /// Set from outside to stop the run.
    pub stop: &'a Stop,
    /// Holds the workers while it is closed. The code that sets `stop` opens it.
    pub gate: &'a Gate,
    /// Where events go.
    pub sink: &'a EventSink,
    /// Journal file of the job, and whether to continue from it.
    pub journal: Option<(&'a Path, bool)>,
    /// How the run was started, for the manifests.
    pub origin: Origin,
}

/// Why a run ended early.
#[derive(Debug)]
pub enum RunError {
    /// It was cancelled.
    Cancelled,
    /// The process was asked to end by this signal. What was done is on disk and in the journal.
    Interrupted(i32),
    /// Something is wrong.
    Failed(ModelError),
}

impl From<ModelError> for RunError {
    fn from(e: ModelError) -> Self {
        Self::Failed(e)
    }
}

impl From<StopReason> for RunError {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Cancel => Self::Cancelled,
            StopReason::Interrupt(signal) => Self::Interrupted(signal),
        }
    }
}

/// How often resources are sampled and finished tensors are journalled.
const TICK: Duration = Duration::from_millis(500);

/// Carries out a plan. Outputs appear under their final names only when everything in them was written, read back and synced, and the
/// sources are still what they were when they were opened.
///
/// # Errors
/// [`RunError`]. After a failure or a cancellation nothing half-written stays, except that outputs which were complete but could not be
/// published are kept. A process that is interrupted or killed leaves its part files, and the journal to continue from.
pub fn run<'a>(prepared: &'a Prepared, options: &RunOptions<'_>) -> Result<Report<Rows<'a>>, RunError> {
    let (begun, started, used) = (Instant::now(), jiff::Timestamp::now(), ProcessSampler::begin());
    let watch = watch_sources(prepared);
    check_sources(prepared, None)?;
    let mut folders = NewFolders::default();
    let (mut journal, outputs, mut finished) = begin(prepared, options, &mut folders)?;
    let copied = reuse::copy(prepared, options, &outputs, journal.as_mut(), &mut finished);
    let work = Work::new(prepared, |o, t| finished.contains_key(&(o, t)));
    let known = TensorResults { prepared, states: States::new(prepared, work), earlier: finished };
    let mut sources = Vec::new();
    let unchanged = copied.and_then(|()| Ok(unchanged::is_unchanged(prepared, options, &known.earlier)?));
    let skips = matches!(unchanged, Ok(true));
    let mut encoded = Duration::ZERO;
    let result = unchanged
        .and_then(|_| {
            in_stage(prepared, options, StageKind::Convert, || {
                let (begun, before) = (Instant::now(), options.gate.closed_for());
                fill(prepared, options, &outputs, &known.states, journal.as_mut())?;
                encoded = (begun.elapsed() + before).saturating_sub(options.gate.closed_for());
                Ok(())
            })
        })
        .and_then(|()| {
            if !skips && prepared.plan.outputs.iter().any(|o| o.manifest.is_some()) {
                sources = manifest::hash_sources(prepared)?;
            }
            check_sources(prepared, Some(&watch)).map_err(RunError::from)
        })
        .and_then(|()| {
            if skips {
                return Ok(unchanged::report(options, &outputs, &known));
            }
            let run = manifest::Run { origin: &options.origin, job: options.sink.job(), started, sources: &sources };
            in_stage(prepared, options, StageKind::Verify, || check_outputs(options, &outputs, &known, &run))
        });
    if let Err(RunError::Interrupted(_)) = &result {
        outputs.iter().flat_map(|o| &o.parts).for_each(PartFile::keep);
    }
    let (mut reports, manifests) = match result {
        Ok(checked) => checked,
        Err(e) => {
            remove_unfinished(outputs, &e);
            return Err(e);
        }
    };
    if skips {
        // Nothing is published: copied tensors are removed, as after a cancellation.
        outputs.iter().flat_map(|o| &o.parts).for_each(PartFile::remove_when_dropped);
        remove_unfinished(outputs, &RunError::Cancelled);
    } else {
        in_stage(prepared, options, StageKind::Publish, || {
            publish_outputs(prepared, options, &outputs, &manifests, journal.as_mut())
        })?;
        if let Some(asked) = &prepared.plan.validation {
            let stage = || evaluate(prepared, asked, options, &outputs);
            let evaluations = in_stage(prepared, options, StageKind::Evaluate, stage)?;
            reports.iter_mut().zip(evaluations).for_each(|(report, found)| report.evaluation = Some(found));
        }
        let failed = reports.iter().filter_map(|r| r.evaluation.as_ref()).flat_map(|e| &e.checks).any(|c| !c.passed);
        let registered = prepared.plan.outputs.iter().filter_map(|o| Some((o, o.registration.as_ref()?)));
        let some = registered.clone().next().is_some();
        if some && failed {
            let text =
                "a check failed, so nothing was registered in Ollama; `ollama create` with the Modelfile registers it";
            options.sink.send(EventBody::Warning(Warning::new("register.skipped", text)));
        } else if some {
            in_stage(prepared, options, StageKind::Register, || {
                registered.into_iter().try_for_each(|(output, asked)| register(output, asked, options))
            })?;
        }
    }
    let usage = ProcessSampler::since(&used);
    let known = Rc::new(known);
    let with_rows = |(o, report): (usize, OutputReport<()>)| report.with_rows(Rows::new(&known, o.into()));
    Ok(Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        source: prepared.plan.source.clone(),
        seconds: begun.elapsed().as_secs_f64(),
        encode_seconds: (!skips).then_some(encoded.as_secs_f64()),
        paused_seconds: Some(options.gate.closed_for().as_secs_f64()).filter(|s| *s > 0.0),
        cpu_seconds: usage.cpu_seconds,
        peak_rss: usage.peak_rss,
        threads: Some(options.threads),
        memory_bytes: Some(prepared.plan.memory_bytes),
        outputs: reports.into_iter().enumerate().map(with_rows).collect(),
    })
}

/// Gives outputs that are complete and checked their final names, each with its manifest.
fn publish_outputs(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    outputs: &[Staged],
    manifests: &Manifests,
    mut journal: Option<&mut Journal>,
) -> Result<(), RunError> {
    for (o, (planned, staged)) in numbered::<OutputIndex, _>(prepared.plan.outputs.iter().zip(outputs)) {
        // A manifest describes the output beside it: the manifest of a replaced output is removed first, the new one comes last.
        let published = manifest::withdraw(planned)
            .and_then(|()| publish::publish(o, planned, staged, prepared.mode, journal.as_deref_mut()))
            .and_then(|()| manifests.get(o.0).and_then(Option::as_ref).map_or(Ok(()), manifest::publish));
        if let Err(e) = published {
            // Complete and checked: worth keeping until the reason is gone.
            outputs.iter().flat_map(|o| &o.parts).for_each(PartFile::keep);
            return Err(publish::explain(e, &prepared.plan.outputs, o, staged, options.sink.job()).into());
        }
        let (path, bytes) = (planned.path.display().to_string(), planned.bytes);
        options.sink.send(EventBody::OutputPublished { output: o, path, bytes });
    }
    Ok(())
}

/// Carries out a stage of the plan between its two events. A stage that does not succeed has no end.
fn in_stage<T>(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    stage: StageKind,
    carry_out: impl FnOnce() -> Result<T, RunError>,
) -> Result<T, RunError> {
    let planned = prepared.plan.stages.iter().find(|s| s.stage == stage);
    let outputs = planned.map_or_else(Vec::new, |s| s.outputs.clone());
    options.sink.send(EventBody::StageStarted { stage, outputs });
    let begun = Instant::now();
    let result = carry_out()?;
    options.sink.send(EventBody::StageFinished { stage, seconds: begun.elapsed().as_secs_f64() });
    Ok(result)
}

/// Closes the part files, which removes them unless they are kept, and then the folders they were in.
fn remove_unfinished(outputs: Vec<Staged>, error: &RunError) {
    let folders: Vec<_> = outputs.iter().map(|o| o.paths.clone()).collect();
    drop(outputs);
    if !matches!(error, RunError::Interrupted(_)) {
        folders.iter().for_each(staged::remove_folders);
    }
}

/// Watches the inputs that are read during the run for writes.
fn watch_sources(prepared: &Prepared) -> WriteWatch {
    WriteWatch::new(prepared.inputs.iter().filter_map(|i| i.file.as_deref()))
}

/// Checks that every input is what it was when it was opened. `watch` has seen the writes since then.
fn check_sources(prepared: &Prepared, watch: Option<&WriteWatch>) -> Result<()> {
    prepared.inputs.iter().try_for_each(|input| input.check(watch))
}

/// Opens the journal and the part files: those of an earlier attempt where it can be gone on from, else new ones. Also gives the tensors
/// that the earlier attempt finished and whose bytes are still what the journal says.
fn begin(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    folders: &mut NewFolders,
) -> Result<(Option<Journal>, Vec<Staged>, Finished), RunError> {
    let (version, fingerprint) = (env!("CARGO_PKG_VERSION").to_owned(), prepared.plan.fingerprint());
    let recorded = options.journal.map_or_else(|| Ok(Recorded::default()), |(path, _)| journal::read(path))?;
    let last = recorded.attempts.last();
    let goes_on = options.journal.is_some_and(|(_, resume)| resume)
        && last.is_some_and(|a| a.version == version && a.fingerprint == fingerprint);
    let reopened = if goes_on { stage::reopen(prepared, &recorded, options.sink.job(), folders)? } else { None };
    if let Some(outputs) = reopened {
        outputs.iter().flat_map(|o| &o.parts).for_each(PartFile::keep);
        stage::check_free(prepared, |o| recorded.publishing.contains_key(&o))?;
        let mut journal = options.journal.map(|(path, _)| Journal::open(path)).transpose()?;
        let had_some = !recorded.finished.is_empty();
        let finished = earlier::believed(prepared, options, &outputs, recorded.finished)?;
        // What went with the files of a cancelled attempt must not be looked for in those of this one when the job continues once more.
        if let Some(journal) = journal.as_mut().filter(|_| had_some && finished.is_empty()) {
            journal.forget()?;
        }
        // A published file is complete. If its contents differ now, another program has changed it, and nothing is written to it.
        for (o, staged) in numbered::<OutputIndex, _>(&outputs) {
            for (file, part) in prepared.outputs[o].files.iter().zip(&staged.parts) {
                let whole = |s: &crate::formats::Slot| s.bytes == 0 || finished.contains_key(&(o, s.tensor.into()));
                if publish::same_path(part.path(), &file.path) && !file.slots.iter().all(whole) {
                    return Err(publish::changed_since(&file.path).into());
                }
            }
        }
        // Outputs that were being published are complete, and kept whatever comes.
        let unfinished = numbered(&outputs).filter(|(o, _)| !recorded.publishing.contains_key(o));
        unfinished.flat_map(|(_, staged)| &staged.parts).for_each(PartFile::remove_when_dropped);
        return Ok((journal, outputs, finished));
    }
    // What earlier attempts left, or tidied up after them, is of no more use.
    for path in stage::discard(&recorded, options.sink.job(), &prepared.plan.outputs)? {
        let text = format!(
            "the unfinished file {} of an earlier attempt was replaced by another file, which is kept",
            path.display()
        );
        options.sink.send(EventBody::Warning(Warning::new("part.foreign", text)));
    }
    stage::check_not_written(prepared)?;
    stage::check_free(prepared, |_| false)?;
    let token = files::random_token();
    let outputs = stage::paths(prepared, options.sink.job(), &token);
    let begin = Begin { version, fingerprint, token, outputs };
    let mut journal = options.journal.map(|(path, _)| Journal::open(path)).transpose()?;
    if let Some(journal) = &mut journal {
        journal.begin(begin.clone())?;
    }
    let created = stage::create(prepared, &begin, folders);
    if created.is_err() {
        begin.outputs.iter().for_each(staged::remove_folders);
    }
    Ok((journal, created?, Finished::new()))
}

/// Writes every tensor that is not finished yet.
fn fill(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    outputs: &[Staged],
    states: &States<'_>,
    journal: Option<&mut Journal>,
) -> Result<(), RunError> {
    let work = states.work();
    let progress = Progress::new(prepared, work);
    let runner = Runner {
        prepared,
        options,
        outputs,
        work,
        states,
        progress: &progress,
        facts: RowFacts::default(),
        next: AtomicUsize::new(0),
        error: FirstError::default(),
        unrecorded: Mutex::new(Vec::new()),
        workers: AtomicUsize::new(options.threads.max(1)),
    };
    let ticker = thread::current();
    let work = || {
        // Also if the worker panics: the others would work for nobody, and the ticker would wait for ever.
        let _ended = OnExit(|| {
            if thread::panicking() {
                runner.halt(ModelError::bad("a worker of the conversion panicked, which is a bug in remold"));
            }
            if runner.workers.fetch_sub(1, Ordering::AcqRel) == 1 {
                ticker.unpark();
            }
        });
        runner.work();
    };
    thread::scope(|scope| {
        for n in 0..options.threads.max(1) {
            if let Err(e) = task::start_in(scope, work) {
                // The others do the work, if there are others.
                let missing = options.threads.max(1) - n;
                runner.workers.fetch_sub(missing, Ordering::AcqRel);
                if n == 0 {
                    runner.halt(ModelError::no_thread(e));
                }
                break;
            }
        }
        runner.tick(journal);
    });
    runner.error.result().map_err(RunError::Failed)?;
    if options.stop.reason().is_none() {
        prepared.verify_sources(options.stop.flag())?;
    }
    options.stop.reason().map_or(Ok(()), |reason| Err(reason.into()))
}

struct Runner<'a> {
    prepared: &'a Prepared,
    options: &'a RunOptions<'a>,
    outputs: &'a [Staged],
    work: &'a Work,
    states: &'a States<'a>,
    progress: &'a Progress,
    /// What chunks must know of the rows they are parts of.
    facts: RowFacts,
    next: AtomicUsize,
    error: FirstError<ModelError>,
    /// Ids of the tensors finished since the journal was last written. A sync may take long, and a million tensors finish meanwhile.
    unrecorded: Mutex<Vec<u32>>,
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
        self.error.is_set() || self.options.stop.is_set()
    }

    /// Stops the run after an error; the first one is reported.
    fn halt(&self, e: ModelError) {
        self.error.set(e);
        self.options.gate.open();
    }

    fn chunk(&self, number: usize, buffers: &mut Buffers) -> Result<()> {
        let (group, k, piece) = self.work.chunk(self.prepared, number);
        let consumers: Vec<Consumer> = self.work.consumers(group).collect();
        let Some(first) = consumers.first() else { return Ok(()) };
        let entry = &self.tensor(*first).entry;
        for c in &consumers {
            self.states.by_id(c.id).start_once(self.options.sink);
        }
        entry.read_piece(&piece, &mut buffers.raw)?;
        self.progress.read(buffers.raw.len() as u64);
        self.states.hash(group, entry, &piece, &buffers.raw);
        let decoded = consumers.iter().any(|c| self.tensor(*c).encoding != entry.encoding);
        let non_finite = has_non_finite(entry.encoding, &buffers.raw);
        if non_finite {
            // Block types refuse them below.
            let kept = |c: &&Consumer| !matches!(self.tensor(**c).encoding, Encoding::Block(_)) || !decoded;
            for c in consumers.iter().filter(kept) {
                if self.states.by_id(c.id).warn_once() {
                    let name = &self.tensor(*c).entry.name;
                    let text = format!("{name} has NaN or infinite values; they are written unchanged");
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
            // Other encodings were not scanned as the values they decode to.
            let plain = matches!(entry.encoding, Encoding::Plain(DType::BF16 | DType::F16 | DType::F32));
            let finite = plain && !non_finite;
            encode_chunk(entry, &outputs, &piece, finite, buffers)?;
        }
        for (i, c) in consumers.iter().enumerate() {
            let tensor = self.tensor(*c);
            let state = self.states.by_id(c.id);
            let (bytes, stats) = match &buffers.encoded.get(i) {
                Some((encoded, stats)) if tensor.encoding != entry.encoding => (encoded, Some(*stats)),
                _ => (&buffers.raw, None),
            };
            self.write(*c, &piece, bytes)?;
            state.chunk(k, stats, bytes);
            self.progress.done(&piece, tensor);
            if state.finish_if_last(self.options.sink) {
                locked(&self.unrecorded).push(c.id as u32);
            } else {
                state.progress(self.options.sink, self.progress);
            }
        }
        Ok(())
    }

    fn tensor(&self, c: Consumer) -> &crate::plan::PreparedTensor {
        &self.prepared.outputs[c.output].tensors[c.tensor]
    }

    /// What the journal says of a finished tensor.
    fn entry(&self, id: usize) -> Entry {
        let state = self.states.by_id(id);
        let stats = state.stats();
        let (source, pieces) = state.source_hash().map_or((None, None), |h| (Some(h.whole), h.pieces));
        Entry {
            tensor: self.work.consumer(id).tensor,
            crc: state.crc(),
            done: state.start().done(stats.as_ref()),
            stats,
            source,
            pieces,
            reused: false,
        }
    }

    fn write(&self, c: Consumer, piece: &Piece, bytes: &[u8]) -> Result<()> {
        let (file, offset) = self.states.place(c.output, c.tensor);
        let (elems, unit_bytes) = self.tensor(c).encoding.unit();
        self.progress.written(bytes.len() as u64);
        self.outputs[c.output].parts[file].write_at(bytes, offset + piece.first_elem() / elems * unit_bytes)
    }

    /// Waits until it is time to report again; true if all workers have ended. This thread may have been unparked for something else.
    fn wait_for_tick(&self) -> bool {
        let until = Instant::now() + TICK;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.workers.load(Ordering::Acquire) == 0 {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
    }

    fn tick(&self, mut journal: Option<&mut Journal>) {
        let mut sampler = ProcessSampler::new();
        let mut paused = false;
        loop {
            let last = self.wait_for_tick();
            // A paused run has nothing to report, and the first figures after it would be a mean over the pause.
            let closed = self.options.gate.is_closed();
            if !closed {
                let sample = self.progress.sample(&mut sampler, self.options.gate.closed_for());
                if !paused || last {
                    self.options.sink.send(EventBody::Sample(sample));
                }
            }
            paused = closed;
            if let Some(journal) = journal.as_deref_mut() {
                let finished = std::mem::take(&mut *locked(&self.unrecorded));
                let result = if finished.is_empty() {
                    Ok(())
                } else {
                    let entries = finished.into_iter().map(|id| self.entry(id as usize));
                    let mut parts = self.outputs.iter().flat_map(|o| &o.parts);
                    parts.try_for_each(PartFile::sync_data).and_then(|()| journal.record(entries))
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
