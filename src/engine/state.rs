//! What is known of each output tensor while it is written, and of the run as a whole.

use super::metrics::ErrorStats;
use super::source_hash::{SourceHash, SourceHashes};
use super::work::{Consumer, Work};
use super::{EventBody, EventSink, Sample, TensorDone, TensorStart};
use crate::model::{OutputIndex, Piece, TensorEntry, TensorIndex};
use crate::monitor::ProcessSampler;
use crate::plan::{Prepared, PreparedTensor};
use crate::quant::{BlockType, Encoding};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two progress events of a run, in milliseconds.
const PROGRESS_MILLIS: u64 = 100;

/// What is known of one output tensor while it is written. Small: a model may have a million.
#[derive(Debug, Default)]
struct TensorState {
    /// Chunks that are not written yet.
    left: AtomicUsize,
    started: AtomicBool,
    warned: AtomicBool,
    done: Mutex<Done>,
}

/// What is known of the chunks written so far. Chunks are joined in their order; one that is early waits for those before it, of which
/// there are no more than threads.
#[derive(Debug, Default)]
struct Done {
    /// Chunks joined.
    joined: usize,
    /// CRC-32 of the bytes of these chunks.
    crc: u32,
    /// The place of the sums of these chunks in [`AllStats`], and one more; 0 where nothing was encoded.
    stats: u32,
    #[expect(clippy::box_collection, reason = "a million tensors have this field, and it is nearly always absent")]
    early: Option<Box<Vec<(usize, ChunkDone)>>>,
}

/// The sums of every tensor that was encoded, in the order in which their first chunks were joined. One list: a million small
/// allocations take half as much memory again.
#[derive(Debug, Default)]
struct AllStats(Mutex<Vec<ErrorStats>>);

impl AllStats {
    fn lock(&self) -> MutexGuard<'_, Vec<ErrorStats>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the sums at `place`; makes one where it is 0.
    fn add(&self, place: &mut u32, stats: &ErrorStats) {
        let mut all = self.lock();
        if *place == 0 {
            all.push(ErrorStats::default());
            // As many as there are tensors with work, whose number fits.
            *place = all.len() as u32;
        }
        if let Some(sums) = all.get_mut(*place as usize - 1) {
            sums.add(stats);
        }
    }

    /// The sums at `place`; none at 0.
    fn get(&self, place: u32) -> Option<ErrorStats> {
        self.lock().get((place as usize).checked_sub(1)?).copied()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct ChunkDone {
    stats: Option<ErrorStats>,
    crc: u32,
    bytes: u64,
}

impl Done {
    fn join(&mut self, number: usize, chunk: ChunkDone, sums: &AllStats) {
        if number != self.joined {
            self.early.get_or_insert_default().push((number, chunk));
            return;
        }
        self.append(&chunk, sums);
        while let Some(early) = &mut self.early {
            let Some(at) = early.iter().position(|(n, _)| *n == self.joined) else { return };
            let (_, chunk) = early.swap_remove(at);
            if early.is_empty() {
                self.early = None;
            }
            self.append(&chunk, sums);
        }
    }

    /// Joins the next chunk.
    fn append(&mut self, chunk: &ChunkDone, sums: &AllStats) {
        if let Some(stats) = &chunk.stats {
            sums.add(&mut self.stats, stats);
        }
        let mut crc = crc32fast::Hasher::new_with_initial(self.crc);
        crc.combine(&crc32fast::Hasher::new_with_initial_len(chunk.crc, chunk.bytes));
        self.crc = crc.finalize();
        self.joined += 1;
    }
}

/// The place of an output tensor, and its state.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    file: u32,
    /// The id where the tensor needs work, else [`IDLE`].
    id: u32,
}

/// The id of tensors that need no work.
const IDLE: u32 = u32::MAX;

/// All output tensors, and the states of those that need work.
#[derive(Debug)]
pub(crate) struct States<'a> {
    prepared: &'a Prepared,
    work: Work,
    by_id: Vec<TensorState>,
    sums: AllStats,
    /// By output, then tensor.
    places: Vec<Vec<Place>>,
    hashes: SourceHashes,
}

/// The state of one output tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateOf<'a> {
    all: &'a States<'a>,
    consumer: Consumer,
    state: &'a TensorState,
}

impl StateOf<'_> {
    fn lock(&self) -> MutexGuard<'_, Done> {
        self.state.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is.
    pub(crate) fn start(&self) -> TensorStart {
        TensorStart::of(self.all.prepared, self.consumer.output, self.consumer.tensor)
    }

    /// Says `tensor.started` the first time.
    pub(crate) fn start_once(&self, sink: &EventSink) {
        if !self.state.started.swap(true, Ordering::Relaxed) {
            sink.send(EventBody::TensorStarted(self.start()));
        }
    }

    /// True the first time.
    pub(crate) fn warn_once(&self) -> bool {
        !self.state.warned.swap(true, Ordering::Relaxed)
    }

    /// Notes a written chunk.
    pub(crate) fn chunk(&self, number: usize, stats: Option<ErrorStats>, bytes: &[u8]) {
        let crc = crc32fast::hash(bytes);
        self.lock().join(number, ChunkDone { stats, crc, bytes: bytes.len() as u64 }, &self.all.sums);
    }

    /// Counts a chunk; after the last one says `tensor.finished` and is true.
    pub(crate) fn finish_if_last(&self, sink: &EventSink) -> bool {
        if self.state.left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return false;
        }
        sink.send(EventBody::TensorFinished(self.start().done(self.stats().as_ref())));
        true
    }

    /// Says `tensor.progress`, but not too often over the whole run.
    pub(crate) fn progress(&self, sink: &EventSink, run: &Progress) {
        if run.may_speak() {
            let total = self.all.work.chunks_for(self.consumer.id).max(1);
            let left = self.state.left.load(Ordering::Relaxed);
            let fraction = ((total - left.min(total)) as f64 / total as f64 * 1000.0).round() / 1000.0;
            let (output, name) = (self.consumer.output, self.start().name.into());
            sink.send(EventBody::TensorProgress { output, name, fraction });
        }
    }

    /// The error over all chunks, in their order; `None` when the bytes were copied.
    pub(crate) fn stats(&self) -> Option<ErrorStats> {
        let place = self.lock().stats;
        self.all.sums.get(place)
    }

    /// The hash of the source, once all its chunks were read.
    pub(crate) fn source_hash(&self) -> Option<SourceHash> {
        self.all.hashes.of(self.all.work.group_of(self.consumer.id))
    }

    /// CRC-32 over all chunks, in their order.
    pub(crate) fn crc(&self) -> u32 {
        self.lock().crc
    }
}

impl<'a> States<'a> {
    /// The states of every tensor in `work`, which was made from `prepared`.
    pub(crate) fn new(prepared: &'a Prepared, work: Work) -> Self {
        let nowhere = Place { offset: 0, file: 0, id: IDLE };
        let mut places: Vec<Vec<Place>> = prepared.outputs.iter().map(|o| vec![nowhere; o.tensors.len()]).collect();
        for (o, output) in prepared.outputs.iter().enumerate() {
            for (f, file) in output.files.iter().enumerate() {
                for slot in &file.slots {
                    places[o][slot.tensor] = Place { offset: slot.offset, file: f as u32, id: IDLE };
                }
            }
        }
        let mut by_id = Vec::with_capacity(work.tensors());
        for (c, chunks) in work.all_consumers() {
            places[c.output][c.tensor].id = c.id as u32;
            by_id.push(TensorState { left: AtomicUsize::new(chunks), ..TensorState::default() });
        }
        let encoded =
            work.all_consumers().filter(|(c, _)| is_encoded(&prepared.outputs[c.output].tensors[c.tensor])).count();
        let sums = AllStats(Mutex::new(Vec::with_capacity(encoded)));
        let hashes = SourceHashes::new(prepared, &work);
        Self { prepared, work, by_id, sums, places, hashes }
    }

    /// Notes the hash of `raw`, the bytes of `piece` of `entry`, which is the source of this group.
    pub(crate) fn hash(&self, group: usize, entry: &TensorEntry, piece: &Piece, raw: &[u8]) {
        self.hashes.note(group, entry, piece, raw);
    }

    /// The work whose states these are.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// The state with this id.
    pub(crate) fn by_id(&self, id: usize) -> StateOf<'_> {
        StateOf { all: self, consumer: self.work.consumer(id), state: &self.by_id[id] }
    }

    /// The state of a tensor, if it needs work in this run.
    pub(crate) fn get(&self, output: OutputIndex, tensor: TensorIndex) -> Option<StateOf<'_>> {
        let id = self.places[output][tensor].id;
        (id != IDLE).then(|| self.by_id(id as usize))
    }

    /// File index and byte offset of a tensor.
    pub(crate) fn place(&self, output: OutputIndex, tensor: TensorIndex) -> (usize, u64) {
        let place = self.places[output][tensor];
        (place.file as usize, place.offset)
    }
}

impl TensorStart {
    /// What the plan says of a tensor.
    pub(crate) fn of(prepared: &Prepared, output: OutputIndex, tensor: TensorIndex) -> Self {
        let p = &prepared.plan.outputs[output].tensors[tensor];
        Self {
            output,
            name: p.name.clone(),
            layer: p.layer,
            kind: p.kind.clone(),
            role: p.role,
            from: p.from,
            to: p.to,
            bytes: p.bytes,
        }
    }

    /// The report of this tensor with its error.
    pub(crate) fn done(self, stats: Option<&ErrorStats>) -> TensorDone {
        TensorDone {
            tensor: self,
            rmse: stats.map(ErrorStats::rmse),
            sqnr_db: stats.and_then(ErrorStats::sqnr_db),
            weighted_sqnr_db: stats.and_then(ErrorStats::weighted_sqnr_db),
            gain_db: stats.and_then(ErrorStats::gain_db),
            cosine: stats.map(ErrorStats::cosine),
            max_abs: stats.map(ErrorStats::max_abs),
        }
    }
}

/// The run as a whole: bytes, share done, time left.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    read: AtomicU64,
    written: AtomicU64,
    cost_done: AtomicU64,
    cost_total: u64,
    last_spoken: AtomicU64,
    previous: Mutex<(Instant, u64, u64)>,
}

/// True if the tensor is not a copy of its source's bytes.
fn is_encoded(tensor: &PreparedTensor) -> bool {
    tensor.entry.encoding != tensor.encoding
}

/// Rough cost of an element by what is done to it, in the same arbitrary unit (measured ratios between the scalar kernels).
fn cost(tensor: &PreparedTensor) -> u64 {
    if !is_encoded(tensor) {
        return 1;
    }
    match tensor.encoding {
        Encoding::Plain(_) => 3,
        Encoding::Block(BlockType::Q8_0 | BlockType::Q4_0 | BlockType::Q4_1 | BlockType::Q5_0 | BlockType::Q5_1) => 6,
        Encoding::Block(_) => 60,
    }
}

impl Progress {
    /// Nothing done yet.
    pub(crate) fn new(prepared: &Prepared, work: &Work) -> Self {
        let tensors = work.all_consumers().map(|(c, _)| &prepared.outputs[c.output].tensors[c.tensor]);
        let cost_total = tensors.map(|t| t.entry.rows().saturating_mul(t.entry.cols()).saturating_mul(cost(t))).sum();
        let now = Instant::now();
        Self {
            begun: now,
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            cost_done: AtomicU64::new(0),
            cost_total,
            last_spoken: AtomicU64::new(0),
            previous: Mutex::new((now, 0, 0)),
        }
    }

    /// Counts source bytes.
    pub(crate) fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts output bytes.
    pub(crate) fn written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts finished work.
    pub(crate) fn done(&self, piece: &Piece, tensor: &PreparedTensor) {
        self.cost_done.fetch_add(piece.elems() * cost(tensor), Ordering::Relaxed);
    }

    fn may_speak(&self) -> bool {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_spoken.load(Ordering::Relaxed);
        now >= last + PROGRESS_MILLIS
            && self.last_spoken.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Resources and rates since the last sample. Pauses are excluded from the estimate of the time left.
    pub(crate) fn sample(&self, sampler: &mut ProcessSampler, paused: Duration) -> Sample {
        let (read, written) = (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed));
        let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = now.duration_since(previous.0).as_secs_f64().max(1e-3);
        let usage = sampler.sample();
        let fraction = self.cost_done.load(Ordering::Relaxed) as f64 / self.cost_total.max(1) as f64;
        let elapsed = self.begun.elapsed().saturating_sub(paused).as_secs_f64();
        let sample = Sample {
            rss: usage.rss,
            cpu: (usage.cores * 100.0).round() / 100.0,
            read_rate: ((read - previous.1) as f64 / seconds).round(),
            write_rate: ((written - previous.2) as f64 / seconds).round(),
            fraction: (fraction * 1000.0).round() / 1000.0,
            eta: (fraction > 0.02 || elapsed > 3.0)
                .then(|| (elapsed * (1.0 - fraction) / fraction.max(1e-6) * 10.0).round() / 10.0)
                .filter(|e| e.is_finite()),
        };
        *previous = (now, read, written);
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_join_in_their_order_whatever_order_they_come_in() {
        let chunk = |n: usize| {
            let bytes = vec![n as u8; n + 1];
            let source: Vec<f32> = (0..100 * n).map(|i| (i as f32).sin()).collect();
            let stats = Some(ErrorStats::compare(&source, &vec![0.25; source.len()]));
            (ChunkDone { stats, crc: crc32fast::hash(&bytes), bytes: bytes.len() as u64 }, bytes)
        };
        let (sums, mut all) = (AllStats::default(), Vec::new());
        let mut straight = Done::default();
        for n in 0..5 {
            let (chunk, bytes) = chunk(n);
            straight.join(n, chunk, &sums);
            all.extend(bytes);
        }
        let mut crossed = Done::default();
        for n in [2, 0, 4, 1, 3] {
            crossed.join(n, chunk(n).0, &sums);
        }
        assert_eq!((straight.stats, crossed.stats), (1, 2));
        assert!(sums.get(1).is_some() && sums.get(1) == sums.get(2) && sums.get(0).is_none());
        assert!(crossed.joined == 5 && crossed.early.is_none());
        assert_eq!((straight.crc, crossed.crc), (crc32fast::hash(&all), crc32fast::hash(&all)));
    }
}
