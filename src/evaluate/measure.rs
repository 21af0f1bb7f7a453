//! Streams the rows of all models once and adds up their errors.
//!
//! Tensors are cut into chunks of rows, or of one row where it is long, that threads pull in order. A chunk of the baseline is read and decoded once for all
//! variants; what has the same bytes is not decoded again. A thread holds one chunk of each model at most. Sums are joined in
//! the order of rows, so that the result does not depend on the threads.

use super::comparison::{Comparison, Group, Groups, Measured};
use super::figures::{Sameness, Tally};
use super::set::{Pair, Set};
use crate::forecast::{OutputLoss, Surroundings};
use crate::model::{Cut, ModelError, Piece, Result, TensorEntry};
use crate::quant::Sums;
use crate::task::{Task, collected, locked};
use crate::transform::decode_bytes;
use indexmap::IndexMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Elements in a chunk that is read.
const CHUNK_ELEMS: u64 = 256 << 10;
/// Elements that are decoded and compared before the next ones, few enough for the caches next to the core.
const SLICE_ELEMS: u64 = 16 << 10;

/// Sums of one range of rows, by place among the partners.
type Sides = Vec<Tally>;

/// What the chunks of one tensor have found.
struct Progress {
    first_chunk: usize,
    chunks: usize,
    cut: Cut,
    found: Mutex<Vec<(usize, Sides)>>,
}

#[derive(Default)]
struct Buffers {
    base: Vec<u8>,
    others: Vec<Vec<u8>>,
    floats: Vec<f32>,
    decoded: Vec<f32>,
}

impl Set {
    /// Compares every tensor that has a partner. `how.progress` gets the number of tensors done and the total.
    ///
    /// # Errors
    /// Those of reading and decoding, naming the file; cancelled.
    pub(crate) fn measure(&self, how: Task<'_>) -> Result<Comparison> {
        let begun = Instant::now();
        let mut first_chunk = 0;
        let mut all = Vec::new();
        for pair in &self.pairs {
            let cut = Cut::of(&pair.base, CHUNK_ELEMS);
            let chunks = usize::try_from(cut.pieces()).unwrap_or(usize::MAX);
            all.push(Progress { first_chunk, chunks, cut, found: Mutex::default() });
            first_chunk += chunks;
        }
        let done = AtomicUsize::new(0);
        how.each::<Buffers, ModelError>(first_chunk, |number, buffers| {
            let at = all.partition_point(|p| p.first_chunk <= number) - 1;
            let (pair, p) = (&self.pairs[at], &all[at]);
            let sides = compare(pair, &p.cut.piece((number - p.first_chunk) as u64), buffers)?;
            let mut found = locked(&p.found);
            found.push((number, sides));
            if found.len() == p.chunks {
                let whole = joined(std::mem::take(&mut found));
                found.push((0, whole));
                (how.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, self.pairs.len());
            }
            Ok(())
        })?;
        self.checks.finish(how.cancel)?;
        if how.is_cancelled() {
            return Err(ModelError::request("cancelled while comparing"));
        }
        let found = all.into_iter().map(|p| collected(p.found));
        let mut comparison = self.conclude(found.map(joined).collect());
        comparison.seconds = begun.elapsed().as_secs_f64();
        Ok(comparison)
    }

    /// Figures by tensor, layer, kind and role from the sums of each pair.
    fn conclude(&self, found: Vec<Sides>) -> Comparison {
        let mut out = self.overview().clone();
        let around = Surroundings::of(self.pairs.iter().map(|p| &p.base));
        let mut sums: Vec<Sorted> = out.variants.iter().map(|_| Sorted::new(around)).collect();
        for (pair, sides) in self.pairs.iter().zip(found) {
            let tensor = &mut out.tensors[pair.row];
            for ((v, _), tally) in pair.others.iter().zip(sides) {
                let figures = tally.figures();
                tensor.figures[*v] = Some(figures);
                let s = &mut sums[*v];
                s.all.add_tensor(&tally);
                s.output.add(&pair.base, tally.relative());
                s.compared += 1;
                s.identical += usize::from(figures.same == Sameness::Identical);
                s.exact += usize::from(figures.same == Sameness::Exact);
                if let Some(layer) = tensor.layer {
                    s.layers.entry(layer).or_default().add(&tally);
                }
                s.kinds.entry(tensor.kind.clone()).or_default().add(&tally);
                s.roles.entry(tensor.role.name().to_owned()).or_default().add(&tally);
            }
        }
        let baseline = out.baseline.at;
        // Graphs may share no name of a tensor: there is nothing to say of weights then.
        for (v, s) in sums.into_iter().enumerate().filter(|(v, s)| *v != baseline && s.compared > 0) {
            out.variants[v].measured = Some(s.measured());
        }
        out
    }
}

struct Sorted {
    all: Tally,
    output: OutputLoss,
    compared: usize,
    identical: usize,
    exact: usize,
    layers: IndexMap<u32, Counted>,
    kinds: IndexMap<String, Counted>,
    roles: IndexMap<String, Counted>,
}

#[derive(Default)]
struct Counted {
    tensors: usize,
    tally: Tally,
}

impl Counted {
    fn add(&mut self, tally: &Tally) {
        self.tensors += 1;
        self.tally.add_tensor(tally);
    }
}

impl Sorted {
    fn new(around: Surroundings) -> Self {
        Self {
            all: Tally::default(),
            output: OutputLoss::new(around),
            compared: 0,
            identical: 0,
            exact: 0,
            layers: IndexMap::new(),
            kinds: IndexMap::new(),
            roles: IndexMap::new(),
        }
    }

    fn measured(mut self) -> Measured {
        self.layers.sort_keys();
        Measured {
            all: self.all.figures(),
            output_sqnr_db: self.output.db(),
            compared: self.compared,
            identical: self.identical,
            exact: self.exact,
            layers: groups(self.layers),
            kinds: groups(self.kinds),
            roles: groups(self.roles),
        }
    }
}

fn groups<K: ToString>(map: IndexMap<K, Counted>) -> Groups {
    let group = |(k, c): (K, Counted)| Group { name: k.to_string(), tensors: c.tensors, figures: c.tally.figures() };
    map.into_iter().map(group).collect()
}

/// The sums of ranges of rows joined in their order.
fn joined(mut found: Vec<(usize, Sides)>) -> Sides {
    found.sort_by_key(|(number, _)| *number);
    let mut parts = found.into_iter().map(|(_, sides)| sides);
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        for (sum, tally) in whole.iter_mut().zip(&part) {
            sum.add(tally);
        }
    }
    whole
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Compares a piece of a pair. Its tensors have the same rows of the same length, whatever their outer dimensions.
fn compare(pair: &Pair, piece: &Piece, buffers: &mut Buffers) -> Result<Sides> {
    let Buffers { base, others, floats, decoded } = buffers;
    pair.base.read_piece(piece, base)?;
    others.resize_with(pair.others.len().max(others.len()), Vec::new);
    for ((_, entry), bytes) in pair.others.iter().zip(others.iter_mut()) {
        entry.read_piece(piece, bytes)?;
    }
    let mut sides = vec![Tally::default(); pair.others.len()];
    let mut done = 0;
    for slice in piece.split(SLICE_ELEMS, false) {
        let end = done + slice.elems();
        let within = |entry: &TensorEntry| {
            let (elems, bytes) = entry.encoding.unit();
            size(done / elems * bytes)..size(end / elems * bytes)
        };
        let base_bytes = &base[within(&pair.base)];
        floats.resize(size(slice.elems()), 0.0);
        decode_bytes(&pair.base, base_bytes, floats)?;
        let mut power = None;
        for (((_, entry), bytes), side) in pair.others.iter().zip(others.iter()).zip(&mut sides) {
            let bytes = &bytes[within(entry)];
            if entry.encoding == pair.base.encoding && bytes == base_bytes {
                let power = *power.get_or_insert_with(|| Sums::of(floats, floats).source);
                side.add(&Tally::identical(floats.len() as u64, power));
            } else {
                decoded.resize(floats.len(), 0.0);
                decode_bytes(entry, bytes, decoded)?;
                side.add(&Tally::of(floats, decoded));
            }
        }
        done = end;
    }
    Ok(sides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::quant::{BlockType, quantize_rows};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    fn matrix(name: &str, rows: u64, value: impl Fn(u64) -> f32) -> TensorEntry {
        let bytes: Vec<u8> = (0..rows * 64).flat_map(|i| value(i).to_le_bytes()).collect();
        let data = Arc::new(MemoryRows { bytes, row_bytes: 256 });
        TensorEntry::new(name, [rows, 64], crate::tensor::DType::F32, data)
    }

    fn wave(i: u64) -> f32 {
        (i as f32 * 0.37).sin()
    }

    #[test]
    fn known_errors_come_out_by_tensor_layer_and_kind() {
        let base = vec![matrix("blk.0.ffn_up.weight", 8, wave), matrix("blk.1.ffn_up.weight", 8, wave)];
        let off = vec![matrix("blk.0.ffn_up.weight", 8, |i| wave(i) + 0.25), matrix("blk.1.ffn_up.weight", 8, wave)];
        let c = Set::of(vec![base, off], 0).unwrap().measure(Task::quiet()).unwrap();
        let m = c.variants[1].measured.as_ref().unwrap();
        assert!((c.tensors[0].figures[1].unwrap().rmse.unwrap() - 0.25).abs() < 1e-6);
        assert_eq!(c.tensors[1].figures[1].unwrap().same, Sameness::Identical);
        assert_eq!(c.tensors[0].figures[0], None, "the baseline has no error");
        assert!((m.all.rmse.unwrap() - 0.25 / 2f64.sqrt()).abs() < 1e-6);
        // One of two layers, of which an up projection has a third of half.
        let signal: f64 = (0..512).map(|i| f64::from(wave(i)).powi(2)).sum();
        let output = 0.33 / 4.0 * 512.0 * 0.0625 / signal;
        assert!((m.output_sqnr_db.unwrap() + 10.0 * output.log10()).abs() < 0.01, "{m:?}");
        assert_eq!((m.compared, m.identical, m.exact, m.layers.len(), m.kinds.len()), (2, 1, 0, 2, 1));
        assert!(m.layers[0].figures.badness() > m.layers[1].figures.badness());
        assert!(c.variants[0].measured.is_none());
    }

    #[test]
    fn threads_and_chunks_change_nothing() {
        // More than one chunk.
        let rows = CHUNK_ELEMS / 64 * 3 + 5;
        let base = vec![matrix("a", rows, wave), matrix("b", 3, wave)];
        let raw: Vec<f32> = (0..rows * 64).map(wave).collect();
        let mut bytes = vec![0; rows as usize * 68];
        quantize_rows(BlockType::Q8_0, &raw, 64, None, &mut bytes).unwrap();
        let q8 = TensorEntry::new("a", [rows, 64], BlockType::Q8_0, Arc::new(MemoryRows { bytes, row_bytes: 68 }));
        let set = Set::of(vec![base, vec![q8, matrix("b", 3, wave)]], 0).unwrap();
        let never = AtomicBool::new(false);
        let reported = AtomicUsize::new(0);
        let progress = |_, all| {
            assert_eq!(all, 2);
            reported.fetch_add(1, Ordering::Relaxed);
        };
        let how = |threads| Task { threads, progress: &progress, cancel: &never };
        let one = set.measure(how(1)).unwrap();
        let many = set.measure(how(4)).unwrap();
        assert_eq!(one.tensors, many.tensors);
        let alone = one.without(1).unwrap();
        assert_eq!((alone.variants.len(), alone.tensors[0].figures.len(), one.without(0)), (1, 1, None));
        assert_eq!(reported.load(Ordering::Relaxed), 4);
        let db = one.tensors[0].figures[1].unwrap().sqnr_db.unwrap();
        assert!((40.0..60.0).contains(&db), "{db}");
        let cancelled = AtomicBool::new(true);
        assert!(set.measure(Task { cancel: &cancelled, ..how(1) }).is_err());
    }

    #[test]
    fn a_row_longer_than_a_chunk_is_compared_in_parts() {
        let n = CHUNK_ELEMS * 2 + 300;
        let vector = |shift: f32| {
            let values: Vec<f32> = (0..n).map(|i| wave(i) + shift).collect();
            MemoryRows::f32_vector("v", &values)
        };
        let c = Set::of(vec![vec![vector(0.0)], vec![vector(0.5)], vec![vector(0.0)]], 0)
            .unwrap()
            .measure(Task::quiet())
            .unwrap();
        let figures = |v: usize| c.tensors[0].figures[v].unwrap();
        assert!((figures(1).rmse.unwrap() - 0.5).abs() < 1e-6 && figures(2).same == Sameness::Identical);
        assert_eq!(c.variants[1].measured.as_ref().unwrap().compared, 1);
    }

    #[test]
    fn another_baseline_turns_the_signs_round() {
        let one = vec![matrix("a", 4, |_| 1.0)];
        let two = vec![matrix("a", 4, |_| 2.0)];
        let set = Set::of(vec![one, two], 1).unwrap();
        let c = set.measure(Task::quiet()).unwrap();
        assert!(c.variants[1].measured.is_none());
        let f = c.variants[0].measured.as_ref().unwrap().all;
        assert_eq!(f.rmse, Some(1.0));
        assert!((f.sqnr_db.unwrap() - 10.0 * 4f64.log10()).abs() < 1e-9, "the signal is the baseline's");
    }
}
