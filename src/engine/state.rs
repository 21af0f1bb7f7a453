//! What is known of each output tensor while it is written, and of the run as a whole.

use super::metrics::ErrorStats;
use super::work::Work;
use super::{EventBody, EventSink, Sample, TensorDone, TensorStart};
use crate::monitor::ProcessSampler;
use crate::plan::{Prepared, PreparedTensor};
use crate::quant::{BlockType, Encoding};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two progress events of a run, in milliseconds.
const PROGRESS_MILLIS: u64 = 100;

/// One output tensor while it is written.
#[derive(Debug)]
pub struct TensorState {
    /// What it is.
    pub start: TensorStart,
    started: AtomicBool,
    warned: AtomicBool,
    left: AtomicUsize,
    chunks: Mutex<Vec<ChunkDone>>,
    with_crc: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct ChunkDone {
    stats: Option<ErrorStats>,
    crc: u32,
    bytes: u64,
}

/// All output tensors that need work.
#[derive(Debug)]
pub struct States {
    by_id: Vec<TensorState>,
    /// By output, then tensor: (file, offset), and the id where the tensor needs work.
    places: Vec<Vec<(usize, u64, Option<usize>)>>,
}

impl TensorState {
    /// The states of every tensor in `work`.
    pub fn all(prepared: &Prepared, work: &Work) -> States {
        let mut places: Vec<Vec<(usize, u64, Option<usize>)>> =
            prepared.outputs.iter().map(|o| vec![(0, 0, None); o.tensors.len()]).collect();
        for (o, output) in prepared.outputs.iter().enumerate() {
            for (f, file) in output.files.iter().enumerate() {
                for slot in &file.slots {
                    places[o][slot.tensor] = (f, slot.offset, None);
                }
            }
        }
        let mut by_id: Vec<Option<Self>> = (0..work.consumers).map(|_| None).collect();
        for group in &work.groups {
            for c in &group.consumers {
                let place = &mut places[c.output][c.tensor];
                place.2 = Some(c.id);
                by_id[c.id] = Some(Self {
                    start: TensorStart::of(prepared, c.output, c.tensor),
                    started: AtomicBool::new(false),
                    warned: AtomicBool::new(false),
                    left: AtomicUsize::new(group.chunks),
                    chunks: Mutex::new(vec![ChunkDone::default(); group.chunks]),
                    with_crc: true,
                });
            }
        }
        States { by_id: by_id.into_iter().flatten().collect(), places }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChunkDone>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says `tensor.started` the first time.
    pub fn start_once(&self, sink: &EventSink) {
        if !self.started.swap(true, Ordering::Relaxed) {
            sink.send(EventBody::TensorStarted(self.start.clone()));
        }
    }

    /// True the first time.
    pub fn warn_once(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }

    /// Notes a written chunk.
    pub fn chunk(&self, number: usize, stats: Option<ErrorStats>, bytes: &[u8]) {
        let crc = if self.with_crc { crc32fast::hash(bytes) } else { 0 };
        self.lock()[number] = ChunkDone { stats, crc, bytes: bytes.len() as u64 };
    }

    /// Counts a chunk; after the last one says `tensor.finished` and gives the report.
    pub fn finish_if_last(&self, sink: &EventSink) -> Option<TensorDone> {
        if self.left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        let done = self.start.clone().done(self.stats().as_ref());
        sink.send(EventBody::TensorFinished(done.clone()));
        Some(done)
    }

    /// Says `tensor.progress`, but not too often over the whole run.
    pub fn progress(&self, sink: &EventSink, run: &Progress) {
        if run.may_speak() {
            let total = self.lock().len().max(1);
            let left = self.left.load(Ordering::Relaxed);
            let fraction = ((total - left.min(total)) as f64 / total as f64 * 1000.0).round() / 1000.0;
            let (output, name) = (self.start.output, self.start.name.clone());
            sink.send(EventBody::TensorProgress { output, name, fraction });
        }
    }

    /// The error over all chunks, in their order; `None` when the bytes were copied.
    pub fn stats(&self) -> Option<ErrorStats> {
        let chunks = self.lock();
        let mut total: Option<ErrorStats> = None;
        for stats in chunks.iter().filter_map(|c| c.stats) {
            total.get_or_insert_default().add(&stats);
        }
        total
    }

    /// CRC-32 over all chunks, in their order.
    pub fn crc(&self) -> u32 {
        let mut all = crc32fast::Hasher::new();
        for c in self.lock().iter() {
            all.combine(&crc32fast::Hasher::new_with_initial_len(c.crc, c.bytes));
        }
        if self.with_crc { all.finalize() } else { 0 }
    }
}

impl States {
    /// The state with this id.
    pub fn by_id(&self, id: usize) -> &TensorState {
        &self.by_id[id]
    }

    /// The state of a tensor, if it needs work in this run.
    pub fn get(&self, output: usize, tensor: usize) -> Option<&TensorState> {
        self.places[output][tensor].2.map(|id| &self.by_id[id])
    }

    /// File index and byte offset of a tensor.
    pub fn place(&self, output: usize, tensor: usize) -> (usize, u64) {
        let (file, offset, _) = self.places[output][tensor];
        (file, offset)
    }
}

impl TensorStart {
    /// What the plan says of a tensor.
    pub fn of(prepared: &Prepared, output: usize, tensor: usize) -> Self {
        let p = &prepared.plan.outputs[output].tensors[tensor];
        Self {
            output,
            name: p.name.clone(),
            layer: p.layer,
            kind: p.kind.clone(),
            role: p.role.clone(),
            from: p.from.clone(),
            to: p.to.clone(),
            bytes: p.bytes,
        }
    }

    /// The report of this tensor with its error.
    pub fn done(self, stats: Option<&ErrorStats>) -> TensorDone {
        TensorDone {
            tensor: self,
            rmse: stats.map(ErrorStats::rmse),
            sqnr_db: stats.and_then(ErrorStats::sqnr_db),
            gain_db: stats.and_then(ErrorStats::gain_db),
            cosine: stats.map(ErrorStats::cosine),
            max_abs: stats.map(ErrorStats::max_abs),
        }
    }
}

/// The run as a whole: bytes, share done, time left.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    read: AtomicU64,
    written: AtomicU64,
    cost_done: AtomicU64,
    cost_total: u64,
    last_spoken: AtomicU64,
    previous: Mutex<(Instant, u64, u64)>,
}

/// Rough cost of an element by what is done to it, in the same arbitrary unit (measured ratios between the scalar kernels).
fn cost(tensor: &PreparedTensor) -> u64 {
    if tensor.entry.encoding == tensor.encoding {
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
    pub fn new(prepared: &Prepared, work: &Work) -> Self {
        let tensors = work.groups.iter().flat_map(|g| &g.consumers);
        let tensors = tensors.map(|c| &prepared.outputs[c.output].tensors[c.tensor]);
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
    pub fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts output bytes.
    pub fn written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts finished work.
    pub fn done(&self, rows: &Range<u64>, tensor: &PreparedTensor) {
        self.cost_done.fetch_add((rows.end - rows.start) * tensor.entry.cols() * cost(tensor), Ordering::Relaxed);
    }

    fn may_speak(&self) -> bool {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_spoken.load(Ordering::Relaxed);
        now >= last + PROGRESS_MILLIS
            && self.last_spoken.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Resources and rates since the last sample. Time spent in a pause tells nothing of the time left.
    pub fn sample(&self, sampler: &mut ProcessSampler, paused: Duration) -> Sample {
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
