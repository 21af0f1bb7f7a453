//! Embedding models: the vector of each text compared with the baseline's, and what that does to the similarities between texts.
//!
//! A text is a line of the data file. Its vector is pooled from the last hidden states as the model says (`pooling_type` of a GGUF, the pooling
//! module of a sentence-transformers folder): the mean over all tokens if it says nothing. Similarities of pairs are measured
//! between the first [`MOST_PAIRED`] texts.

use super::pass::{Entrant, Listener, NOT_FINITE, PassPlace, cancelled};
use super::statistics::Estimate;
use crate::model::{ModelError, Result};
use crate::task::{Task, collected, locked};
use std::sync::Mutex;

/// Texts whose similarities are compared with each other: two million pairs.
pub(crate) const MOST_PAIRED: usize = 2000;
/// Texts that are read.
pub(crate) const MOST_TEXTS: usize = 100_000;
/// Nearest texts that are compared.
const NEIGHBOURS: usize = 10;
/// Values that a layer has at work for a token, in widths (see `pass`).
const FLOATS_PER_WIDTH: u64 = 16;
/// Most tokens of a batch: texts are short, and progress is shown once for each batch.
const BATCH_TOKENS: u64 = 16_384;

/// How one vector is made from the states of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The state of the first token.
    First,
    /// The state of the last token.
    Last,
}

impl Pooling {
    /// From GGUF's number (`enum llama_pooling_type`): 1 mean, 2 class token, 3 last token, 4 ranking (from the class token).
    pub(crate) fn of(code: Option<u64>) -> Self {
        match code {
            Some(2 | 4) => Self::First,
            Some(3) => Self::Last,
            _ => Self::Mean,
        }
    }

    /// Its name for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::First => "first token",
            Self::Last => "last token",
        }
    }

    fn pool(self, states: &[f32], width: usize) -> Vec<f32> {
        let rows = states.chunks_exact(width);
        match self {
            Self::First => states.get(..width).unwrap_or_default().to_vec(),
            Self::Last => rows.last().unwrap_or_default().to_vec(),
            Self::Mean => {
                let n = rows.len().max(1) as f64;
                let mut sums = vec![0.0f64; width];
                for row in rows {
                    sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
                }
                sums.into_iter().map(|sum| (sum / n) as f32).collect()
            }
        }
    }
}

/// The vectors of all texts in one model, each of length one, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vectors {
    width: usize,
    values: Vec<f32>,
}

impl Vectors {
    /// Those of so many texts, one after the other; `None` if there are not so many values.
    pub(crate) fn of(values: Vec<f32>, width: usize, texts: usize) -> Option<Self> {
        (width > 0 && values.len() == width * texts).then_some(Self { width, values })
    }

    /// The values, one text after the other.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }
}

/// Bytes that a token takes in an encoder of this width.
fn token_bytes(width: usize) -> u64 {
    width.max(1) as u64 * 4 * FLOATS_PER_WIDTH
}

/// The memory with which a batch is the longest text: [`embed`] never takes less.
pub(super) fn least_memory(width: usize, texts: &[Vec<u32>]) -> u64 {
    let longest = texts.iter().map(Vec::len).max().unwrap_or(0) as u64;
    longest.saturating_mul(token_bytes(width)).saturating_mul(2)
}

/// Runs an encoder over texts.
///
/// # Errors
/// Those of the network; states that are not finite; a cancelled task.
pub(crate) fn embed(
    entrant: Entrant<'_>,
    texts: &[Vec<u32>],
    pooling: Pooling,
    memory: u64,
    task: Task<'_>,
    listener: (&dyn Listener, usize, usize),
) -> Result<Vectors> {
    let width = entrant.network.width().max(1);
    let most = (memory / 2 / token_bytes(width)).clamp(1, BATCH_TOKENS);
    let mut vectors = Vectors { width, values: Vec::with_capacity(texts.len() * width) };
    let (heard, before, all) = listener;
    let quiet = Task { progress: &|_, _| {}, ..task };
    let mut at = 0;
    while at < texts.len() {
        let mut tokens = 0u64;
        let fits = |text: &&Vec<u32>| {
            tokens += text.len() as u64;
            tokens <= most
        };
        let count = texts[at..].iter().take_while(fits).count().max(1);
        let batch = &texts[at..at + count];
        let place = PassPlace {
            step: "texts",
            model: entrant.path,
            nth: before / texts.len().max(1),
            models: all / texts.len().max(1),
            layer: None,
            layers: None,
            batch: at,
            batches: texts.len(),
        };
        heard.place(&place);
        heard.progress(before + at, all, entrant.label);
        let states = entrant.network.states(None, batch, quiet, &mut ()).map_err(|e| e.in_file(entrant.path))?;
        if task.is_cancelled() {
            return Err(cancelled());
        }
        let mut from = 0;
        for text in batch {
            let Some(own) = states.get(from..from + text.len() * width) else {
                return Err(ModelError::bad("the network gave a wrong number of states").in_file(entrant.path));
            };
            from += text.len() * width;
            let vector = pooling.pool(own, width);
            if vector.iter().any(|v| !v.is_finite()) {
                let what = format!("the embedding of text {} is not finite", vectors.len() + 1);
                return Err(ModelError::bad(what).in_file(entrant.path).with_hint(NOT_FINITE));
            }
            let length = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            vectors.values.extend(vector.iter().map(|v| (f64::from(*v) * scale) as f32));
        }
        at += count;
    }
    heard.progress(before + texts.len(), all, entrant.label);
    Ok(vectors)
}

/// The figures of the vectors of a model against those of the baseline.
///
/// # Errors
/// Vectors of different lengths; a cancelled task.
pub(crate) fn compare(base: &Vectors, here: &Vectors, task: Task<'_>) -> Result<Vec<(&'static str, Estimate)>> {
    if base.width != here.width || base.len() != here.len() {
        let what = format!("its embeddings have {} values, the baseline's have {}", here.width, base.width);
        return Err(ModelError::request(what));
    }
    let n = base.len();
    let cosines: Vec<f64> = (0..n).map(|i| dot(base.row(i), here.row(i))).collect();
    let mean = cosines.iter().sum::<f64>() / n.max(1) as f64;
    let square = cosines.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / n.max(1) as f64;
    let mut figures = vec![
        ("cosine_mean", Estimate { value: mean, uncertainty: (n > 10).then(|| (square / (n - 1) as f64).sqrt()) }),
        ("cosine_min", Estimate::plain(cosines.iter().copied().fold(f64::INFINITY, f64::min))),
    ];
    let paired = n.min(MOST_PAIRED);
    if paired >= 3 {
        let (a, b) = (similarities(base, paired, task)?, similarities(here, paired, task)?);
        let (pairs_a, pairs_b) = (upper(&a, paired), upper(&b, paired));
        figures.extend(spearman(&pairs_a, &pairs_b).map(|r| ("similarity_spearman", Estimate::plain(r))));
        figures.push(("neighbour_overlap", Estimate::plain(100.0 * overlap(&a, &b, paired))));
    }
    figures.push(("texts", Estimate::plain(n as f64)));
    Ok(figures)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The similarities of the first `n` texts with each other, n × n.
fn similarities(v: &Vectors, n: usize, task: Task<'_>) -> Result<Vec<f32>> {
    let rows = Mutex::new(Vec::with_capacity(n));
    task.each(n, |i, (): &mut ()| {
        let row: Vec<f32> = (0..n).map(|j| dot(v.row(i), v.row(j)) as f32).collect();
        locked(&rows).push((i, row));
        Ok::<(), ModelError>(())
    })?;
    if task.is_cancelled() {
        return Err(cancelled());
    }
    let mut rows = collected(rows);
    rows.sort_unstable_by_key(|(i, _)| *i);
    Ok(rows.into_iter().flat_map(|(_, row)| row).collect())
}

/// Each pair once.
fn upper(all: &[f32], n: usize) -> Vec<f32> {
    (0..n).flat_map(|i| &all[i * n + i + 1..(i + 1) * n]).copied().collect()
}

/// Spearman's rank correlation; `None` if one of the lists has a single value.
fn spearman(a: &[f32], b: &[f32]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| f(a - mean, b - mean)).sum::<f64>();
    let product = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (product > 0.0).then(|| sum(&|a, b| a * b) / product)
}

/// Ranks from 0; equal values share the mean of their ranks.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..].iter().take_while(|i| values[**i] == values[order[from]]).count().max(1);
        let rank = from as f64 + (same - 1) as f64 / 2.0;
        order[from..from + same].iter().for_each(|i| ranks[*i] = rank);
        from += same;
    }
    ranks
}

/// The mean share of the nearest texts of a text that are the same.
fn overlap(a: &[f32], b: &[f32], n: usize) -> f64 {
    let k = NEIGHBOURS.min(n - 1);
    let nearest = |all: &[f32], i: usize| {
        let row = &all[i * n..(i + 1) * n];
        let mut order: Vec<usize> = (0..n).filter(|j| *j != i).collect();
        order.sort_unstable_by(|x, y| row[*y].total_cmp(&row[*x]).then(x.cmp(y)));
        order.truncate(k);
        order
    };
    let shared = |i: usize| {
        let (a, b) = (nearest(a, i), nearest(b, i));
        a.iter().filter(|j| b.contains(j)).count()
    };
    (0..n).map(shared).sum::<usize>() as f64 / (n * k) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_is_that_of_the_model() {
        let states = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0];
        let of = |code| Pooling::of(code).pool(&states, 2);
        assert_eq!(of(None), [3.0, 5.0]);
        assert_eq!(of(Some(1)), [3.0, 5.0]);
        assert_eq!(of(Some(2)), [1.0, 2.0]);
        assert_eq!(of(Some(3)), [5.0, 9.0]);
    }

    #[test]
    fn rank_correlation_is_spearmans() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 1000.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        // With two ties; the figure follows from the definition.
        let r = spearman(&[1.0, 2.0, 2.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((r - 0.763_157_894_736_842).abs() < 1e-12, "{r}");
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn equal_vectors_agree_in_everything() {
        let unit = |a: f32| [a.cos(), a.sin()];
        let base = Vectors { width: 2, values: (0..30).flat_map(|i| unit(i as f32 * 0.1)).collect() };
        let figures = compare(&base, &base, Task::quiet()).unwrap();
        for (name, e) in &figures {
            let wanted = match *name {
                "neighbour_overlap" => 100.0,
                "texts" => 30.0,
                _ => 1.0,
            };
            assert!((e.value - wanted).abs() < 1e-6, "{name}: {e:?}");
        }
        let other = Vectors { width: 2, values: (0..30).flat_map(|i| unit((i * 7 % 30) as f32 * 0.1)).collect() };
        let figures = compare(&base, &other, Task::quiet()).unwrap();
        assert!(
            figures
                .iter()
                .filter(|(n, _)| *n != "texts")
                .all(|(_, e)| e.value < 0.99 || e.value < 99.0 && e.value > 1.0),
            "{figures:?}"
        );
        let narrow = Vectors { width: 1, values: vec![1.0; 30] };
        assert!(compare(&base, &narrow, Task::quiet()).is_err());
    }
}
