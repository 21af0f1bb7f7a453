//! Adds up the squares of what goes into each weight.

use super::activations::Entry;
use crate::forward::{Input, Observer};
use crate::model::{ModelError, Result};
use crate::task::{locked, together};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The weight of the output, which is only observed if asked for.
pub(super) const OUTPUT: &str = "output.weight";
/// Values of an input that are worth more than one thread.
const SHARED_ELEMS: usize = 1 << 20;
/// Columns of a thread at least: neighbours share cache lines.
const THREAD_COLUMNS: usize = 512;

/// Observes the inputs of the weights of layers. The squares are added in `f64`, in the order of the tokens, so that the sums are the same
/// however the windows are divided into passes.
pub(super) struct Collector {
    process_output: bool,
    threads: usize,
    sums: BTreeMap<String, Sums>,
    /// The sums that the layer at work has changed, as they were before it.
    before: BTreeMap<String, Option<Sums>>,
}

#[derive(Clone)]
struct Sums {
    columns: usize,
    sums: Vec<f64>,
    counts: Vec<u64>,
}

impl Collector {
    /// Nothing seen yet. `threads` are used for large inputs.
    pub(super) fn new(process_output: bool, threads: usize) -> Self {
        Self { process_output, threads: threads.max(1), sums: BTreeMap::new(), before: BTreeMap::new() }
    }

    /// True for the weights whose inputs llama-imatrix collects.
    fn is_wanted(&self, weight: &str) -> bool {
        weight.starts_with("blk.") || self.process_output && weight == OUTPUT
    }

    /// The layer at work is done: its sums stay.
    pub(super) fn commit(&mut self) {
        self.before.clear();
    }

    /// Takes back what was added since the last layer that was done.
    pub(super) fn roll_back(&mut self) {
        for (name, before) in std::mem::take(&mut self.before) {
            match before {
                Some(sums) => drop(self.sums.insert(name, sums)),
                None => drop(self.sums.remove(&name)),
            }
        }
    }

    /// The sums as they are kept on disk: for each tensor the length of its name, the name, its columns, its matrices, sums and counts.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, s) in &self.sums {
            let numbers = [name.len() as u64, s.columns as u64, s.counts.len() as u64];
            numbers.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
            bytes.extend(name.as_bytes());
            s.sums.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
            s.counts.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        }
        bytes
    }

    /// The same with these sums; `None` if the bytes are damaged.
    pub(super) fn with_bytes(mut self, mut bytes: &[u8]) -> Option<Self> {
        fn part<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
            let (first, rest) = bytes.split_at_checked(len)?;
            *bytes = rest;
            Some(first)
        }
        while !bytes.is_empty() {
            let (numbers, _) = part(&mut bytes, 24)?.as_chunks::<8>();
            let [name, columns, matrices] = numbers else { return None };
            let [name, columns, matrices] =
                [name, columns, matrices].map(|n| usize::try_from(u64::from_le_bytes(*n)).unwrap_or(usize::MAX));
            let name = std::str::from_utf8(part(&mut bytes, name)?).ok()?.to_owned();
            let sums = part(&mut bytes, columns.checked_mul(matrices)?.checked_mul(8)?)?;
            let sums = sums.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            let counts = part(&mut bytes, matrices.checked_mul(8)?)?;
            let counts = counts.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
            self.sums.insert(name, Sums { columns, sums, counts });
        }
        Some(self)
    }

    /// Experts of all tensors of experts seen, by layer; and how many of them got no token. The tensors of a layer (gate, up, down) share
    /// their experts.
    pub(super) fn coverage(&self) -> (usize, usize) {
        let mut layers: BTreeMap<&str, &Sums> = BTreeMap::new();
        for (name, sums) in self.sums.iter().filter(|(_, s)| s.counts.len() > 1) {
            let layer = name.strip_prefix("blk.").and_then(|n| n.split('.').next()).unwrap_or(name.as_str());
            layers.entry(layer).or_insert(sums);
        }
        let all = layers.values().map(|s| s.counts.len()).sum();
        (all, layers.values().flat_map(|s| &s.counts).filter(|c| **c == 0).count())
    }

    /// Bytes of the sums in a file.
    pub(super) fn bytes(&self) -> u64 {
        self.sums.values().map(|s| ((s.sums.len() + s.counts.len()) * size_of::<f32>()) as u64).sum()
    }

    /// What was collected.
    pub(super) fn finish(self) -> BTreeMap<String, Entry> {
        let entry = |s: Sums| Entry { sums: s.sums.into_iter().map(|v| v as f32).collect(), counts: s.counts };
        self.sums.into_iter().map(|(name, sums)| (name, entry(sums))).collect()
    }
}

impl Observer for Collector {
    fn input(&mut self, input: &Input<'_>) -> Result<()> {
        if !self.is_wanted(input.weight) {
            return Ok(());
        }
        let (expert, experts) = input.expert.unwrap_or((0, 1));
        let columns = input.columns;
        let misfit = |what: String| ModelError::bad(what).field(input.weight);
        if columns == 0 || !input.values.len().is_multiple_of(columns) || expert >= experts {
            let what = format!("{} inputs for {columns} columns, expert {expert} of {experts}", input.values.len());
            return Err(misfit(what));
        }
        if !self.before.contains_key(input.weight) {
            self.before.insert(input.weight.to_owned(), self.sums.get(input.weight).cloned());
        }
        let into = match self.sums.get_mut(input.weight) {
            Some(sums) => sums,
            None => {
                let elems = columns.checked_mul(experts).ok_or_else(|| misfit("too many columns".to_owned()))?;
                let new = Sums { columns, sums: vec![0.0; elems], counts: vec![0; experts] };
                self.sums.entry(input.weight.to_owned()).or_insert(new)
            }
        };
        if (into.columns, into.counts.len()) != (columns, experts) {
            let what = format!(
                "inputs of {columns} columns for {experts} matrices after inputs of {} columns for {}",
                into.columns,
                into.counts.len()
            );
            return Err(misfit(what));
        }
        let sums = &mut into.sums[expert * columns..][..columns];
        add(sums, input.values, if input.values.len() < SHARED_ELEMS { 1 } else { self.threads });
        if let Some(column) = sums.iter().position(|s| !s.is_finite() || *s > f64::from(f32::MAX)) {
            let hint = "The model computes NaN or infinite values on this text: check its weights with `remold inspect`, or try another type.";
            let what = format!("the input of column {column} is NaN, infinite or too large");
            return Err(misfit(what).with_hint(hint));
        }
        into.counts[expert] += (input.values.len() / columns) as u64;
        Ok(())
    }
}

/// Adds the squares of each row. Every column is added up by one thread, from the first row to the last.
fn add(sums: &mut [f64], values: &[f32], threads: usize) {
    let columns = sums.len();
    let rows = |part: &mut [f64], from: usize| {
        for row in values.chunks_exact(columns) {
            for (sum, x) in part.iter_mut().zip(&row[from..]) {
                // The square of an f32 is exact in f64.
                let x = f64::from(*x);
                *sum += x * x;
            }
        }
    };
    let per_thread = columns.div_ceil(threads.max(1)).max(THREAD_COLUMNS);
    if per_thread >= columns {
        return rows(sums, 0);
    }
    let parts = Mutex::new(sums.chunks_mut(per_thread).enumerate());
    together(columns.div_ceil(per_thread), || {
        loop {
            let next = locked(&parts).next();
            let Some((n, part)) = next else { return };
            rows(part, n * per_thread);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(weight: &'a str, values: &'a [f32], expert: Option<(usize, usize)>) -> Input<'a> {
        Input { weight, values, columns: 2, expert }
    }

    #[test]
    fn weights_of_layers_are_collected_and_the_output_if_asked_for() {
        for process_output in [false, true] {
            let mut c = Collector::new(process_output, 1);
            for weight in ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "output.weight", "token_embd.weight"] {
                c.input(&input(weight, &[1.0, -2.0, 3.0, 0.0], None)).unwrap();
            }
            let found = c.finish();
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            let wanted = ["blk.0.attn_k.weight", "blk.0.attn_q.weight", "output.weight"];
            assert_eq!(names, wanted[..2 + usize::from(process_output)]);
            assert_eq!(found[names[0]], Entry { sums: vec![10.0, 4.0], counts: vec![2] });
        }
    }

    #[test]
    fn experts_have_sums_and_counts_of_their_own() {
        let mut c = Collector::new(false, 1);
        let weight = "blk.0.ffn_up_exps.weight";
        c.input(&input(weight, &[1.0, 1.0, 2.0, 2.0], Some((1, 3)))).unwrap();
        c.input(&input(weight, &[], Some((2, 3)))).unwrap();
        c.input(&input(weight, &[3.0, 0.0], Some((1, 3)))).unwrap();
        let found = c.finish();
        assert_eq!(found[weight], Entry { sums: vec![0.0, 0.0, 14.0, 5.0, 0.0, 0.0], counts: vec![0, 3, 0] });
    }

    #[test]
    fn sums_do_not_depend_on_batches_or_threads() {
        let columns = 3 * THREAD_COLUMNS + 7;
        let value = |i: usize| ((i * 7919 % 1009) as f32 - 500.0) / 97.0;
        let values: Vec<f32> = (0..columns * 700).map(value).collect();
        let sums = |rows: usize, threads: usize| {
            let mut c = Collector::new(false, threads);
            for part in values.chunks(rows * columns) {
                c.input(&Input { weight: "blk.0.ffn_down.weight", values: part, columns, expert: None }).unwrap();
            }
            c.finish()
        };
        let whole = sums(700, 1);
        for (rows, threads) in [(700, 3), (1, 1), (128, 2), (699, 64)] {
            assert_eq!(sums(rows, threads), whole, "{rows} rows, {threads} threads");
        }
    }

    #[test]
    fn values_that_are_no_numbers_are_refused_with_the_tensor_named() {
        for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut c = Collector::new(false, 1);
            let e = c.input(&input("blk.7.ffn_up.weight", &[1.0, bad], None)).unwrap_err().to_string();
            assert!(e.starts_with("blk.7.ffn_up.weight: ") && e.contains("column 1"), "{e}");
        }
        let mut c = Collector::new(false, 1);
        assert!(c.input(&input("blk.0.a.weight", &[1.0], None)).is_err(), "half a row");
        c.input(&input("blk.0.a.weight", &[1.0, 1.0], None)).unwrap();
        assert!(c.input(&input("blk.0.a.weight", &[1.0, 1.0], Some((0, 2)))).is_err(), "another number of matrices");
    }
}
