//! What the outputs of a plan will lose and how long the run computes, from a sample of a few tensors of each class.
//!
//! A class is what has one kind, the same two encodings, and rows that the same blocks divide. Data: a [`Prepared`] plan → an [`Estimate`] for each output, by the
//! definitions of the run's report, so that the two can be shown side by side.

use super::{Prepared, PreparedOutput, PreparedTensor};
use crate::forecast::{OutputLoss, Score, Scores, Subject, Surroundings};
use crate::model::{Result, TensorKind};
use crate::quant::Encoding;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tensors of a class that are measured. Layers differ by about a decibel, so the mean of four is within half of one.
const MEASURED: usize = 4;

/// What one output is expected to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Signal to noise of the model's output in dB, as [`crate::plan::Forecasted::output_sqnr_db`]; absent without loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sqnr_db: Option<f64>,
    /// Signal to noise of the weights in dB, over the tensors that lose anything, not weighted; absent without loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// CPU seconds to encode, decode and compare on this machine.
    pub cpu_seconds: f64,
}

/// Kind, both encodings, the blocks that divide the rows. Few, however many tensors there are.
type Class = (Option<TensorKind>, Encoding, Encoding, usize);

/// Lengths of blocks.
const BLOCKS: [u64; 3] = [256, 64, 32];

/// The tensors of a class, by number.
#[derive(Default)]
struct Members {
    count: usize,
    /// Those measured, spread evenly over the class.
    measured: Vec<usize>,
    score: Score,
    /// Elements behind `score`.
    elems: u64,
    relative: f64,
}

/// Estimates every output of a plan.
///
/// # Errors
/// Those of reading; values that cannot be quantized; cancelled.
pub(crate) fn estimate(prepared: &Prepared, how: Task<'_>) -> Result<Vec<Estimate>> {
    prepared.outputs.iter().map(|output| of_output(output, how)).collect()
}

fn of_output(output: &PreparedOutput, how: Task<'_>) -> Result<Estimate> {
    let mut classes = classes(&output.tensors);
    let mut scores = Scores::in_memory(output.effort);
    let measured: Vec<usize> = classes.values().flat_map(|m| m.measured.iter().copied()).collect();
    let subject = |t: &usize| {
        let tensor = &output.tensors[*t];
        let importance = tensor.importance.clone();
        (Subject { entry: tensor.entry.clone(), importance }, vec![tensor.encoding])
    };
    scores.measure(&measured.iter().map(subject).collect::<Vec<_>>(), how)?;
    for members in classes.values_mut() {
        for tensor in members.measured.iter().map(|t| &output.tensors[*t]) {
            if let Some(score) = scores.get(&tensor.entry.name, tensor.encoding) {
                members.score.add(score);
                members.elems = members.elems.saturating_add(tensor.entry.shape.elems().unwrap_or(0));
                members.relative += score.relative() / members.measured.len() as f64;
            }
        }
    }
    let mut loss = OutputLoss::new(Surroundings::of(output.tensors.iter().map(|t| &t.entry)));
    let (mut sums, mut cpu_seconds) = (Score::default(), 0.0);
    for tensor in output.tensors.iter().filter(|t| is_encoded(t)) {
        let Some(members) = classes.get(&class(tensor)) else { continue };
        let elems = tensor.entry.shape.elems().unwrap_or(0) as f64;
        let share = elems / members.elems.max(1) as f64;
        sums.add_tensor(&members.score.times(share));
        loss.add(&tensor.entry, members.relative);
        cpu_seconds += scores.nanoseconds(tensor.encoding).unwrap_or(0.0) * elems / 1e9;
    }
    Ok(Estimate { output_sqnr_db: loss.db(), sqnr_db: sums.sqnr_db(), cpu_seconds })
}

fn is_encoded(tensor: &PreparedTensor) -> bool {
    let float = |e: Encoding| !matches!(e, Encoding::Plain(d) if !d.is_float());
    tensor.entry.encoding != tensor.encoding && float(tensor.entry.encoding) && tensor.entry.bytes() > 0
}

fn class(tensor: &PreparedTensor) -> Class {
    let blocks = BLOCKS.iter().position(|n| tensor.entry.cols().is_multiple_of(*n)).unwrap_or(BLOCKS.len());
    (tensor.entry.class.kind, tensor.entry.encoding, tensor.encoding, blocks)
}

/// The classes of the tensors that are encoded, each with the tensors to measure.
fn classes(tensors: &[PreparedTensor]) -> BTreeMap<Class, Members> {
    let mut classes: BTreeMap<Class, Members> = BTreeMap::new();
    for tensor in tensors.iter().filter(|t| is_encoded(t)) {
        classes.entry(class(tensor)).or_default().count += 1;
    }
    let mut seen: BTreeMap<Class, usize> = BTreeMap::new();
    for (t, tensor) in tensors.iter().enumerate().filter(|(_, t)| is_encoded(t)) {
        let class = class(tensor);
        let n = seen.entry(class).or_default();
        if let Some(members) = classes.get_mut(&class) {
            let wanted = members.count.min(MEASURED);
            if *n * wanted / members.count != (*n + 1) * wanted / members.count {
                members.measured.push(t);
            }
        }
        *n += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, TensorClass};
    use crate::quant::Effort;
    use crate::tensor::DType;

    #[test]
    fn a_few_tensors_of_each_class_are_measured() {
        let tensor = |i: usize| {
            let mut entry = MemoryRows::f32_vector(&format!("t{i}"), &[1.0; 32]);
            let kind = if i.is_multiple_of(2) { TensorKind::FfnUp } else { TensorKind::AttnQ };
            entry.class = TensorClass { kind: Some(kind), ..TensorClass::default() };
            // Every tenth keeps its encoding.
            let encoding = if i % 10 == 9 { DType::F32.into() } else { DType::F16.into() };
            PreparedTensor { entry, encoding, importance: None }
        };
        let tensors: Vec<PreparedTensor> = (0..100).map(tensor).collect();
        let found: Vec<(usize, Vec<usize>)> = classes(&tensors).into_values().map(|m| (m.count, m.measured)).collect();
        assert_eq!(found.iter().map(|f| f.0).sum::<usize>(), 90);
        assert!(found.iter().all(|f| f.1.len() == MEASURED), "{found:?}");
        let output = PreparedOutput {
            format: crate::model::FormatId::Gguf,
            files: Vec::new(),
            effort: Effort::Reference,
            tensors,
            metadata: Default::default(),
            graph: None,
        };
        let estimate = of_output(&output, Task::quiet()).unwrap();
        assert_eq!((estimate.output_sqnr_db, estimate.sqnr_db), (None, None), "16 bits hold a one");
    }
}
