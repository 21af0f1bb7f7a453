//! What the importance of each tensor looks like, as `llama-imatrix --show-statistics` computes it (`compute_statistics`, `compute_cossim` and
//! `show_statistics` in llama.cpp's `tools/imatrix/imatrix.cpp`). Sums are `f64` here and `f32` there.

use super::activations::{Activations, Entry};
use crate::arch::layer_span;
use serde::Serialize;
use std::collections::BTreeMap;

/// Importance below which a column counts as inactive.
const INACTIVE: f32 = 1e-5;

/// The statistics of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Statistics {
    /// By kind, most important layer first.
    pub tensors: Vec<TensorStatistics>,
    /// By layer: means over the tensors, weighted by their numbers of values.
    pub layers: Vec<LayerStatistics>,
}

/// The mean square of the inputs of each column (of every expert that got a token), over the columns of a tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct TensorStatistics {
    /// Name in the model.
    pub name: String,
    /// Layer.
    pub layer: Option<u32>,
    /// The name without layer and suffix.
    pub tensor: String,
    /// Sum of the mean squares.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// Share of columns that are used, 0 to 1.
    pub active: f64,
    /// Values: columns, times the experts that got tokens.
    pub values: usize,
    /// Entropy of their distribution, bits.
    pub entropy: f64,
    /// The same as a share of what equal values would have, 0 to 1.
    pub entropy_norm: f64,
    /// Share of columns more than a deviation above the mean, 0 to 1 (`ZD`).
    pub outliers: f64,
    /// Cosine with the same tensor of the layer before, if there is one.
    pub cosine: Option<f64>,
}

/// Means of a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct LayerStatistics {
    /// Layer.
    pub layer: u32,
    /// Mean of the sums.
    pub sum: f64,
    /// Mean of the outliers, 0 to 1.
    pub outliers: f64,
    /// Mean of the cosines; a tensor without one counts as 0.
    pub cosine: f64,
}

/// The statistics of every tensor that got a token, and of every layer.
pub(crate) fn statistics(activations: &Activations) -> Statistics {
    let of = |(name, entry): (&String, &Entry)| {
        let cosine = before(name).and_then(|other| activations.entries.get(&other)).and_then(|o| cosine(entry, o));
        Some(TensorStatistics { cosine, ..tensor(name, entry)? })
    };
    let mut tensors: Vec<TensorStatistics> = activations.entries.iter().filter_map(of).collect();
    tensors.sort_by(|a, b| a.tensor.cmp(&b.tensor).then(b.sum.total_cmp(&a.sum)));
    let mut layers: BTreeMap<u32, (f64, LayerStatistics)> = BTreeMap::new();
    for t in &tensors {
        let Some(layer) = t.layer else { continue };
        let (weight, sums) = layers.entry(layer).or_default();
        let n = t.values as f64;
        *weight += n;
        sums.layer = layer;
        sums.sum += n * t.sum;
        sums.outliers += n * t.outliers;
        sums.cosine += n * t.cosine.unwrap_or(0.0);
    }
    let mean = |(weight, s): (f64, LayerStatistics)| LayerStatistics {
        layer: s.layer,
        sum: s.sum / weight,
        outliers: s.outliers / weight,
        cosine: s.cosine / weight,
    };
    Statistics { tensors, layers: layers.into_values().map(mean).collect() }
}

fn tensor(name: &str, entry: &Entry) -> Option<TensorStatistics> {
    let reached = entry.matrices().filter(|(_, tokens)| *tokens > 0);
    let values: Vec<f32> = reached.flat_map(|(sums, tokens)| sums.iter().map(move |s| s / tokens as f32)).collect();
    let n = values.len() as f64;
    let min = values.iter().copied().reduce(f32::min)?;
    let max = values.iter().copied().reduce(f32::max)?;
    let all = || values.iter().map(|v| f64::from(*v));
    let sum: f64 = all().sum();
    let mean = sum / n;
    let deviation = (all().map(|v| v * v).sum::<f64>() / n - mean * mean).max(0.0).sqrt();
    let share = |count: usize| count as f64 / n;
    let entropy: f64 = all().map(|v| v / sum).filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum();
    let stem = name.strip_suffix(".weight").unwrap_or(name);
    Some(TensorStatistics {
        name: name.to_owned(),
        layer: layer_span(name).map(|(layer, _)| layer),
        tensor: stem.rsplit('.').next().unwrap_or(stem).to_owned(),
        sum,
        min: min.into(),
        max: max.into(),
        mean,
        deviation,
        active: 1.0 - share(values.iter().filter(|v| **v <= INACTIVE).count()),
        values: values.len(),
        entropy,
        entropy_norm: if values.len() > 1 { entropy / n.log2() } else { 0.0 },
        outliers: if deviation > 0.0 { share(all().filter(|v| (v - mean) / deviation > 1.0).count()) } else { 0.0 },
        cosine: None,
    })
}

/// The name of the same tensor in the layer before.
fn before(name: &str) -> Option<String> {
    let (layer, digits) = layer_span(name)?;
    let mut other = name.to_owned();
    other.replace_range(digits, &layer.checked_sub(1)?.to_string());
    Some(other)
}

/// The cosine of the sums; `None` if they have different shapes or one is zero.
fn cosine(a: &Entry, b: &Entry) -> Option<f64> {
    if a.sums.len() != b.sums.len() {
        return None;
    }
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let cosine = dot(&a.sums, &b.sums) / (dot(&a.sums, &a.sums) * dot(&b.sums, &b.sums)).sqrt();
    cosine.is_finite().then_some(cosine)
}

#[cfg(test)]
mod tests {
    use super::super::activations::tests::{activations, golden};
    use super::*;

    /// A line of `llama-imatrix --show-statistics`: its figures after the layer and the name.
    fn golden_lines(text: &str) -> Vec<(String, String, Vec<f64>)> {
        let number = |w: &str| w.trim_end_matches('%').parse::<f64>().ok();
        let parse = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().skip(2).collect();
            let (layer, name) = (words.first()?, words.get(1)?);
            let figures: Vec<f64> = words[2..].iter().filter_map(|w| number(w)).collect();
            (figures.len() == 11).then(|| ((*layer).to_owned(), (*name).to_owned(), figures))
        };
        text.lines().filter_map(parse).collect()
    }

    #[test]
    fn the_figures_are_those_of_llama_imatrix() {
        for (matrix, printed) in [
            ("imatrix/tiny-llama.imatrix.gguf", "quality/imatrix/tiny-llama.statistics.txt"),
            ("quality/imatrix/tiny-qwen3moe.imatrix.gguf", "quality/imatrix/tiny-qwen3moe.statistics.txt"),
        ] {
            let (Some(matrix), Some(text)) = (golden(matrix), golden(printed)) else { continue };
            let text = std::fs::read_to_string(text).unwrap();
            let found = statistics(&Activations::read(&matrix, None).unwrap());
            let wanted = golden_lines(&text);
            assert_eq!(found.tensors.len(), wanted.len(), "{printed}");
            for (t, (layer, name, figures)) in found.tensors.iter().zip(&wanted) {
                let mine = t.layer.map_or_else(|| "-".to_owned(), |l| l.to_string());
                assert_eq!((&mine, &t.tensor), (layer, name), "the order of {printed}");
                let values = [
                    t.sum,
                    t.min,
                    t.max,
                    t.mean,
                    t.deviation,
                    100.0 * t.active,
                    t.values as f64,
                    t.entropy,
                    100.0 * t.entropy_norm,
                    100.0 * t.outliers,
                    t.cosine.unwrap_or(0.0),
                ];
                // Half a unit of the last digit printed, and the rounding of sums in f32.
                let unit = [0.01, 1e-4, 1e-4, 0.01, 0.01, 0.01, 1.0, 1e-4, 0.01, 0.01, 1e-4];
                for (i, ((value, wanted), unit)) in values.iter().zip(figures).zip(unit).enumerate() {
                    let near = 0.6 * unit + 1e-5 * wanted.abs();
                    assert!((value - wanted).abs() <= near, "{layer} {name} figure {i}: {value}, not {wanted}");
                }
            }
            let last = text.lines().rev().filter(|l| l.contains('%')).take(found.layers.len());
            for (line, layer) in last.zip(found.layers.iter().rev()) {
                let words: Vec<f64> =
                    line.split_whitespace().skip(2).filter_map(|w| w.trim_end_matches('%').parse().ok()).collect();
                let mine = [f64::from(layer.layer), layer.sum, 100.0 * layer.outliers, layer.cosine];
                let near =
                    |(a, b): (&f64, &f64)| (a - b).abs() <= 6e-5 + 1e-5 * b.abs() || (a - b).abs() < 6e-3 && *b > 9.0;
                assert!(mine.iter().zip(&words).all(near), "{mine:?} {words:?}");
            }
        }
    }

    #[test]
    fn experts_without_tokens_do_not_count_and_layers_are_compared() {
        let a = activations(
            &[
                ("blk.0.ffn_up_exps.weight", &[4.0, 4.0, 0.0, 0.0], &[4, 0]),
                ("blk.1.ffn_up_exps.weight", &[1.0, 0.0, 0.0, 3.0], &[1, 1]),
                ("blk.2.ffn_up_exps.weight", &[1.0, 0.0], &[1]),
                ("blk.9.none.weight", &[0.0], &[0]),
                ("output.weight", &[2.0, 2.0], &[1]),
            ],
            "x",
        );
        let found = statistics(&a);
        let of = |name: &str| found.tensors.iter().find(|t| t.name == name).unwrap();
        let first = of("blk.0.ffn_up_exps.weight");
        assert_eq!((first.values, first.sum, first.deviation, first.outliers, first.cosine), (2, 2.0, 0.0, 0.0, None));
        assert_eq!((first.entropy, first.entropy_norm), (1.0, 1.0));
        let second = of("blk.1.ffn_up_exps.weight");
        assert_eq!((second.values, second.active, second.outliers), (4, 0.5, 0.25));
        assert!(second.cosine.is_some_and(|c| (c - 4.0 / (32.0_f64 * 10.0).sqrt()).abs() < 1e-9));
        assert_eq!(of("blk.2.ffn_up_exps.weight").cosine, None, "another shape");
        assert_eq!((of("output.weight").layer, found.tensors.len()), (None, 4));
        assert_eq!(found.layers.iter().map(|l| l.layer).collect::<Vec<_>>(), [0, 1, 2]);
        let names: Vec<&str> = found.tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names[0], "blk.1.ffn_up_exps.weight", "largest sum first");
    }
}
