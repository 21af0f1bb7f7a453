//! Shows that an output follows from its source: carries a plan out without writing anything, and compares the bytes that would be written
//! with those of a model that is there, tensor by tensor.
//!
//! The plan, the chunks and the encoders are those of a conversion. The tensors of the model are found by name, so it need not be remold's.

use super::encode::{Buffers, Target, encode_chunk, has_non_finite};
use super::read_back::{Stretch, gaps};
use super::row_facts::RowFacts;
use super::work::{Consumer, Work};
use crate::files;
use crate::formats::FilePlan;
use crate::model::{Model, ModelError, Piece, Result, TensorEntry, TensorIndex};
use crate::plan::{Prepared, PreparedOutput, PreparedTensor};
use crate::quant::{Encoding, WholeRow};
use crate::task::{FirstError, collected, locked, together};
use crate::tensor::DType;
use serde::Serialize;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Most differences that are named.
const MAX_NAMED: usize = 20;

/// Bytes of padding that are looked at at once.
const GAP_BYTES: usize = 64 << 10;

/// How an output is rebuilt.
pub(crate) struct RebuildOptions<'a> {
    /// Threads, at least one.
    pub threads: usize,
    /// Ends it early when it is set.
    pub stop: &'a AtomicBool,
    /// Bytes of the output compared so far.
    pub compared: &'a AtomicU64,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Rebuilt {
    /// Tensors of the plan.
    pub tensors: usize,
    /// Bytes of tensor data that were compared.
    pub bytes: u64,
    /// Tensors that differ, in the order of the output; the first ones.
    pub differences: Vec<TensorDifference>,
    /// How many differ.
    pub count: usize,
    /// What differs next to the tensors: headers, metadata, files; the first ones.
    pub others: Vec<String>,
    /// How many of these there are.
    pub other_count: usize,
    /// Files of which only the tensors were compared: the records of archives depend on checksums of all of them.
    pub unchecked_files: usize,
}

/// A tensor that is not what its source gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TensorDifference {
    /// Its name.
    pub name: String,
    /// Row of the first element that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The first column of the block that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What differs, in words.
    pub what: String,
}

/// Compares what the only output of `prepared` would be with `made`.
///
/// # Errors
/// Those of reading both and of encoding. What differs is not an error.
pub(crate) fn rebuild(prepared: &Prepared, made: &Model, options: &RebuildOptions<'_>) -> Result<Rebuilt> {
    let Some(output) = prepared.outputs.first() else { return Ok(Rebuilt::default()) };
    let by_name: HashMap<&str, &TensorEntry> = made.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut found: Vec<Option<TensorDifference>> = Vec::new();
    let pairs: Vec<Option<&TensorEntry>> = output
        .tensors
        .iter()
        .map(|planned| {
            let there = by_name.get(planned.entry.name.as_str()).copied();
            let what = mismatch(planned, there);
            let name = planned.entry.name.to_string();
            let is_wrong = what.is_some();
            found.push(what.map(|what| TensorDifference { name, row: None, column: None, what }));
            there.filter(|_| !is_wrong)
        })
        .collect();
    let mut rebuilt = Rebuilt { tensors: output.tensors.len(), ..Rebuilt::default() };
    let planned: HashMap<&str, ()> = output.tensors.iter().map(|t| (t.entry.name.as_str(), ())).collect();
    let extra = made.tensors.iter().filter(|t| !planned.contains_key(t.name.as_str()));
    for tensor in extra {
        rebuilt.other(format!("{} is in the output but would not be written", tensor.name));
    }
    let work = Work::new(prepared, |_, t| pairs[t].is_none());
    let run = Rebuilding {
        prepared,
        options,
        work: &work,
        pairs: &pairs,
        facts: RowFacts::default(),
        next: AtomicUsize::new(0),
        error: FirstError::default(),
        first: Mutex::new(HashMap::new()),
    };
    together(options.threads, || run.work());
    run.error.result()?;
    for (t, (row, column, block)) in collected(run.first) {
        let what = if block { "the block that begins there differs" } else { "the value there differs" };
        let name = output.tensors[t].entry.name.to_string();
        found[t] = Some(TensorDifference { name, row: Some(row), column: Some(column), what: what.to_owned() });
    }
    rebuilt.bytes = options.compared.load(Ordering::Relaxed);
    rebuilt.count = found.iter().flatten().count();
    rebuilt.differences = found.into_iter().flatten().take(MAX_NAMED).collect();
    others(output, made, &mut rebuilt)?;
    Ok(rebuilt)
}

/// Why a tensor of the output cannot be compared with the planned one: it is another one.
fn mismatch(planned: &PreparedTensor, there: Option<&TensorEntry>) -> Option<String> {
    let Some(there) = there else { return Some("it is missing from the output".to_owned()) };
    if there.encoding != planned.encoding {
        return Some(format!("it is {} in the output but would be {}", there.encoding, planned.encoding));
    }
    let same = there.shape.0 == planned.entry.shape.0;
    (!same).then(|| format!("its shape is {:?} in the output but would be {:?}", there.shape.0, planned.entry.shape.0))
}

impl Rebuilt {
    fn other(&mut self, what: String) {
        self.other_count += 1;
        if self.others.len() < MAX_NAMED {
            self.others.push(what);
        }
    }
}

/// Compares what is not tensor data: metadata by key, and where these agree the headers and the files next to the tensors byte for byte.
fn others(output: &PreparedOutput, made: &Model, rebuilt: &mut Rebuilt) -> Result<()> {
    let before = rebuilt.other_count;
    let keeps = crate::formats::write_spec(made.format).is_some_and(|w| w.metadata);
    let metadata = output.metadata.iter().filter(|_| keeps);
    for (key, value) in metadata {
        match made.metadata.get(key) {
            None => rebuilt.other(format!("the metadata key `{key}` is missing from the output")),
            Some(there) if there != value => rebuilt.other(format!("the metadata key `{key}` differs")),
            Some(_) => {}
        }
    }
    for key in made.metadata.keys().filter(|k| !output.metadata.contains_key(*k) && !k.starts_with("split.")) {
        rebuilt.other(format!("the metadata key `{key}` is in the output but would not be written"));
    }
    if rebuilt.other_count > before {
        return Ok(());
    }
    for plan in &output.files {
        let name = plan.path.display();
        let file = match files::open(&plan.path) {
            Ok(file) => file,
            Err(files::ReadError::Io(e)) if e.kind() == ErrorKind::NotFound => {
                rebuilt.other(format!("{name} is missing"));
                continue;
            }
            Err(e) => {
                rebuilt.other(format!("{name} cannot be compared: {e}"));
                continue;
            }
        };
        let bytes = file.metadata().map_err(|e| ModelError::io(&plan.path, "reading", e))?.len();
        if bytes != plan.bytes {
            rebuilt.other(format!("{name} has {bytes} bytes but would have {}", plan.bytes));
            continue;
        }
        // What is written last depends on the tensors.
        if plan.finish.is_some() {
            rebuilt.unchecked_files += 1;
            continue;
        }
        for (offset, fixed) in &plan.fixed {
            let mut there = vec![0; fixed.len()];
            file.read_exact_at(&mut there, *offset).map_err(|e| ModelError::io(&plan.path, "reading", e))?;
            if let Some(at) = there.iter().zip(fixed).position(|(a, b)| a != b) {
                rebuilt.other(format!("{name} differs at byte {}, outside of the tensors", offset + at as u64));
                break;
            }
        }
        if let Some(at) = first_in_gaps(plan, &file).map_err(|e| ModelError::io(&plan.path, "reading", e))? {
            rebuilt.other(format!("{name} differs at byte {at}, in padding that would be zero"));
        }
    }
    Ok(())
}

/// The offset of the first byte that is not zero where neither a tensor nor anything else of the file is.
fn first_in_gaps(plan: &FilePlan, file: &std::fs::File) -> std::io::Result<Option<u64>> {
    let stretch = |offset, bytes| Stretch { file: 0, offset, bytes, crc: 0 };
    let mut taken: Vec<Stretch> = plan.slots.iter().map(|s| stretch(s.offset, s.bytes)).collect();
    taken.extend(plan.fixed.iter().map(|(offset, bytes)| stretch(*offset, bytes.len() as u64)));
    let mut buffer = vec![0; GAP_BYTES];
    for gap in gaps(0, plan.bytes, &taken) {
        let (mut at, end) = (gap.offset, gap.offset + gap.bytes);
        while at < end {
            let n = (end - at).min(GAP_BYTES as u64) as usize;
            file.read_exact_at(&mut buffer[..n], at)?;
            if let Some(first) = buffer[..n].iter().position(|b| *b != 0) {
                return Ok(Some(at + first as u64));
            }
            at += n as u64;
        }
    }
    Ok(None)
}

struct Rebuilding<'a> {
    prepared: &'a Prepared,
    options: &'a RebuildOptions<'a>,
    work: &'a Work,
    /// By tensor of the plan, that of the output.
    pairs: &'a [Option<&'a TensorEntry>],
    facts: RowFacts,
    next: AtomicUsize,
    error: FirstError<ModelError>,
    /// By tensor, the row and the column of the first difference, and whether a block begins there.
    first: Mutex<HashMap<usize, (u64, u64, bool)>>,
}

impl Rebuilding<'_> {
    fn work(&self) {
        let (mut buffers, mut there) = (Buffers::default(), Vec::new());
        while !self.stopped() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.work.chunks {
                return;
            }
            if let Err(e) = self.chunk(number, &mut buffers, &mut there) {
                self.error.set(e);
            }
        }
    }

    fn stopped(&self) -> bool {
        self.error.is_set() || self.options.stop.load(Ordering::Relaxed)
    }

    fn chunk(&self, number: usize, buffers: &mut Buffers, there: &mut Vec<u8>) -> Result<()> {
        let (group, _, piece) = self.work.chunk(self.prepared, number);
        let consumers: Vec<Consumer> = self.work.consumers(group).collect();
        let tensor = |c: &Consumer| &self.prepared.outputs[c.output].tensors[c.tensor];
        let Some(first) = consumers.first() else { return Ok(()) };
        let entry = &tensor(first).entry;
        let in_source = |e: ModelError| e.in_file(&self.prepared.plan.source);
        entry.read_piece(&piece, &mut buffers.raw).map_err(in_source)?;
        if consumers.iter().any(|c| tensor(c).encoding != entry.encoding) {
            let mut targets = Vec::with_capacity(consumers.len());
            for c in &consumers {
                let effort = self.prepared.outputs[c.output].effort;
                let mut whole = WholeRow::default();
                if piece.is_part() {
                    match self.facts.of(*c, tensor(c), effort, piece.rows.start, || self.stopped())? {
                        Some(facts) => whole = facts,
                        None => return Ok(()),
                    }
                }
                targets.push(Target { tensor: tensor(c), effort, whole });
            }
            let plain = matches!(entry.encoding, Encoding::Plain(DType::BF16 | DType::F16 | DType::F32));
            let finite = plain && !has_non_finite(entry.encoding, &buffers.raw);
            encode_chunk(entry, &targets, &piece, finite, buffers).map_err(in_source)?;
        }
        for (i, c) in consumers.iter().enumerate() {
            let Some(made) = self.pairs[c.tensor] else { continue };
            made.read_piece(&piece, there)?;
            let encoded = match tensor(c).encoding == entry.encoding {
                true => &buffers.raw,
                false => &buffers.encoded[i].0,
            };
            self.options.compared.fetch_add(there.len() as u64, Ordering::Relaxed);
            if encoded != there {
                self.differs(c.tensor, &piece, made.encoding, encoded, there);
            }
        }
        Ok(())
    }

    /// Notes where a piece differs, if that is the first place in its tensor.
    fn differs(&self, t: TensorIndex, piece: &Piece, encoding: Encoding, encoded: &[u8], there: &[u8]) {
        let (elems, bytes) = encoding.unit();
        let at = encoded.iter().zip(there).position(|(a, b)| a != b).unwrap_or(0) as u64;
        let element = usize::try_from(at / bytes.max(1) * elems).unwrap_or(usize::MAX);
        let (row, column) = piece.place(element);
        let place = (row, column, elems > 1);
        let mut first = locked(&self.first);
        let known = first.entry(t.0).or_insert(place);
        *known = place.min(*known);
    }
}
