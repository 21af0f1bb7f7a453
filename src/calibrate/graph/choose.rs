//! Static quantization with ranges that were observed.

use super::measure::{Measured, Subject, measure};
use super::observe::{histograms, ranges};
use super::quality::TriedMethod;
use super::{Parts, Samples};
use crate::model::{Model, ModelError, Result};
use crate::quant::affine::histogram::{Histogram, least_error, percentile, reference_entropy};
use crate::task::{Task, collected, locked};
use crate::transform::graph::{Changed, StaticOptions, quantize_static, values_to_observe};
use std::collections::HashMap;
use std::sync::Mutex;

/// How the range of an activation follows from what was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// From the least to the largest value.
    MinMax,
    /// All but a share of the values.
    Percentile,
    /// The least divergence of the quantized values from the values, as ONNX Runtime computes it with 2,048 bins and 128 levels.
    Entropy,
    /// The least squared error of the quantized values.
    Mse,
    /// That of them with the least error of the outputs; no output may have a larger error than with [`Method::MinMax`].
    Auto,
}

impl Method {
    /// The methods that give a range.
    const EACH: [Self; 4] = [Self::MinMax, Self::Percentile, Self::Entropy, Self::Mse];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MinMax => "minmax",
            Self::Percentile => "percentile",
            Self::Entropy => "entropy",
            Self::Mse => "mse",
            Self::Auto => "auto",
        }
    }

    /// The method of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::EACH.into_iter().chain([Self::Auto]).find(|m| m.name().eq_ignore_ascii_case(name))
    }

    fn range(self, seen: (f32, f32), h: Option<&Histogram>, request: &Request<'_>) -> (f32, f32) {
        let (int, fit) = request.options.activation();
        match (self, h) {
            (Self::Percentile, Some(h)) => percentile(h, request.percent),
            (Self::Entropy, Some(h)) => reference_entropy(h),
            (Self::Mse, Some(h)) => least_error(h, int, fit),
            _ => seen,
        }
    }
}

/// What is quantized, and how.
pub(crate) struct Request<'a> {
    /// The model with the graph.
    pub model: &'a Model,
    /// How it is quantized.
    pub options: &'a StaticOptions,
    /// How ranges are found.
    pub method: Method,
    /// The share of the values within a range, in percent, for [`Method::Percentile`].
    pub percent: f64,
    /// Inputs.
    pub samples: &'a Samples,
    /// Which of them are used.
    pub parts: &'a Parts,
}

/// A quantized model, and how far it is from the original.
pub(crate) struct Calibrated {
    /// The quantized model.
    pub changed: Changed,
    /// The method: never [`Method::Auto`].
    pub method: Method,
    /// The methods that were compared, if there were several.
    pub tried: Vec<TriedMethod>,
    /// The differences on the samples that are held out.
    pub measured: Measured,
    /// The ranges.
    pub ranges: HashMap<String, (f32, f32)>,
}

/// Finds the ranges of activations on samples, quantizes, and measures on others.
///
/// # Errors
/// Samples that cannot be read, nodes that cannot be evaluated, those of [`quantize_static`]; cancelled.
pub(crate) fn calibrate(request: &Request<'_>, task: &Task<'_>) -> Result<Calibrated> {
    let Request { model, options, method, samples, parts, .. } = *request;
    let names = values_to_observe(model, options)?;
    let methods: Vec<Method> = if method == Method::Auto { Method::EACH.to_vec() } else { vec![method] };
    // Runs of the graph, for the progress.
    let passes = if methods == [Method::MinMax] { 1 } else { 2 };
    let (observing, measuring) = (parts.observed.len(), parts.held_out.len());
    let all = observing * passes + measuring;
    let done = std::sync::atomic::AtomicUsize::new(0);
    let progress = |_: usize, _: usize| {
        let n = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        (task.progress)(n.min(all), all);
    };
    let counted = Task { progress: &progress, ..*task };
    let seen = ranges(model, &names, samples, &parts.observed, &counted)?;
    let histograms = match passes {
        1 => HashMap::new(),
        _ => histograms(model, &seen, samples, &parts.observed, &counted)?,
    };
    let mut candidates: Vec<Candidate> = Vec::new();
    for method in methods {
        let chosen = chosen(method, &seen, &histograms, request, task)?;
        let changed = quantize_static(model, options, &chosen, task)?;
        candidates.push((method, chosen, changed));
    }
    if candidates.iter().any(|(_, _, c)| c.report.changed.is_empty()) {
        // The caller says why nothing can be quantized.
        let (method, ranges, changed) = candidates.swap_remove(0);
        return Ok(Calibrated { changed, method, tried: Vec::new(), measured: Measured::default(), ranges });
    }
    let subjects: Vec<Subject<'_>> =
        candidates.iter().map(|(_, _, c)| Subject { model: &c.model, changed: &c.report.changed }).collect();
    let measured = measure(model, &subjects, samples, &parts.held_out, &counted)?;
    let tried = match candidates.len() {
        1 => Vec::new(),
        _ => candidates
            .iter()
            .zip(&measured)
            .map(|((m, ..), d)| TriedMethod { method: m.name().to_owned(), outputs: d.output_figures() })
            .collect(),
    };
    let best = best(&measured);
    let (method, ranges, changed) = candidates.swap_remove(best);
    let measured = measured.into_iter().nth(best).unwrap_or_default();
    Ok(Calibrated { changed, method, tried, measured, ranges })
}

/// What one method gave: the range of each observed value, and the graph quantized with them.
type Candidate = (Method, HashMap<String, (f32, f32)>, Changed);

/// The place of the candidate with the least noise that is nowhere worse than the first.
fn best(measured: &[Measured]) -> usize {
    let Some(first) = measured.first() else { return 0 };
    let mut best = (0, first.noise());
    for (at, candidate) in measured.iter().enumerate().skip(1) {
        if candidate.is_nowhere_worse(first) && candidate.noise() < best.1 {
            best = (at, candidate.noise());
        }
    }
    best.0
}

/// The ranges by a method.
fn chosen(
    method: Method,
    seen: &HashMap<String, (f32, f32)>,
    histograms: &HashMap<String, Histogram>,
    request: &Request<'_>,
    task: &Task<'_>,
) -> Result<HashMap<String, (f32, f32)>> {
    let all: Vec<(&String, &(f32, f32))> = seen.iter().collect();
    let found: Mutex<HashMap<String, (f32, f32)>> = Mutex::default();
    task.each(all.len(), |at, (): &mut ()| {
        let (name, seen) = all[at];
        let range = method.range(*seen, histograms.get(name), request);
        locked(&found).insert(name.clone(), range);
        Ok::<(), ModelError>(())
    })?;
    if task.is_cancelled() {
        return Err(ModelError::request("cancelled"));
    }
    Ok(collected(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::eval::{Difference, Tensor};

    fn measured(errors: [f32; 2]) -> Measured {
        let one =
            |e: f32| Difference::of(&Tensor::floats([1], vec![1.0]), &Tensor::floats([1], vec![1.0 + e])).unwrap();
        Measured { outputs: errors.map(|e| ("y".to_owned(), one(e))).to_vec(), nodes: Vec::new() }
    }

    #[test]
    fn what_is_better_on_the_whole_and_worse_somewhere_is_not_taken() {
        assert_eq!(best(&[measured([0.1, 0.1]), measured([0.0, 0.11]), measured([0.1, 0.09])]), 2);
        assert_eq!(best(&[measured([0.1, 0.1]), measured([0.2, 0.2])]), 0);
        assert_eq!(best(&[measured([0.1, 0.1]), measured([0.09, 0.1]), measured([0.05, 0.1])]), 2);
        assert_eq!(best(&[]), 0);
        for method in Method::EACH.into_iter().chain([Method::Auto]) {
            assert_eq!(Method::parse(method.name()), Some(method));
        }
    }
}
