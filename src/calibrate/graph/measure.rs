//! What a change of a graph does to its outputs.

use super::observe::floats;
use super::quality::{NodeQuality, OutputQuality};
use super::{Samples, graph_of};
use crate::graph::eval::{self, Difference, Setting, Tensor, Value};
use crate::graph::{Graph, Text, ValueId};
use crate::model::{Model, ModelError, Result};
use crate::task::{Task, collected, locked};
use crate::transform::graph::NodeName;
use std::collections::HashMap;
use std::sync::Mutex;

/// Elements of the output of a node that are compared, evenly spread. Outputs of the graph are compared in full.
const ELEMS: usize = 4096;
/// Nodes that are named.
const NODES: usize = 5;

/// Differences of a changed graph from the original.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Of each output, in order.
    pub outputs: Vec<(String, Difference)>,
    /// Of the outputs of the nodes that were changed, in the order in which the nodes were given.
    pub nodes: Vec<(NodeName, Difference)>,
}

impl Measured {
    fn add(&mut self, other: Self) {
        if self.outputs.is_empty() && self.nodes.is_empty() {
            *self = other;
            return;
        }
        self.outputs.iter_mut().zip(&other.outputs).for_each(|(a, b)| a.1.add(&b.1));
        self.nodes.iter_mut().zip(&other.nodes).for_each(|(a, b)| a.1.add(&b.1));
    }

    /// Noise by signal, the mean over the outputs: what the choice of a method is about.
    pub(crate) fn noise(&self) -> f64 {
        let share = |d: &Difference| match d.snr_db() {
            f64::INFINITY => 0.0,
            db => 10f64.powf(-db / 10.0),
        };
        self.outputs.iter().map(|(_, d)| share(d)).sum::<f64>() / self.outputs.len().max(1) as f64
    }

    /// True if no output is farther from the original than in `other`.
    pub(crate) fn is_nowhere_worse(&self, other: &Self) -> bool {
        self.outputs.iter().zip(&other.outputs).all(|((_, a), (_, b))| a.snr_db() >= b.snr_db())
    }

    /// The figures of the outputs.
    pub(crate) fn output_figures(&self) -> Vec<OutputQuality> {
        self.outputs.iter().map(|(name, d)| OutputQuality::of(name, d)).collect()
    }

    /// The nodes with the least signal to noise, the worst first.
    pub(crate) fn worst_nodes(&self) -> Vec<NodeQuality> {
        let mut worst: Vec<_> = self.nodes.iter().filter(|(_, d)| d.elems > 0 && !d.is_none()).collect();
        worst.sort_by(|(_, a), (_, b)| a.snr_db().total_cmp(&b.snr_db()));
        worst.into_iter().take(NODES).map(|(n, d)| NodeQuality::of(n, d)).collect()
    }
}

/// A changed model, and the nodes of the original that were changed.
pub(crate) struct Subject<'a> {
    pub(crate) model: &'a Model,
    pub(crate) changed: &'a [NodeName],
}

/// Runs the original and the changed graphs on samples and compares their outputs, and those of the nodes that were changed.
///
/// # Errors
/// Samples that cannot be read, nodes that cannot be evaluated, outputs that cannot be compared; cancelled.
pub(crate) fn measure(
    original: &Model,
    subjects: &[Subject<'_>],
    samples: &Samples,
    wanted: &[usize],
    task: &Task<'_>,
) -> Result<Vec<Measured>> {
    let before = Seen::of(graph_of(original)?, subjects);
    let after = subjects.iter().map(|s| graph_of(s.model).map(|g| before.places_in(g))).collect::<Result<Vec<_>>>()?;
    let results: Mutex<Vec<(usize, Vec<Measured>)>> = Mutex::default();
    samples.each(wanted, task, |place, sample| {
        let failed = |model: &Model, what: String| {
            ModelError::unsupported(format!("the graph does not run on sample {}: {what}", wanted[place]))
                .in_file(&model.path)
        };
        let mut values: HashMap<usize, Vec<f32>> = HashMap::new();
        let setting = |model| Setting { task: Task { threads: 1, ..*task }, ..Setting::new(model) };
        let outputs = eval::run(graph_of(original)?, &setting(original), sample.clone(), &mut |id, value| {
            if let (Some(at), Some(v)) = (before.places.get(&id), floats(value)) {
                values.insert(*at, spread(v));
            }
        })
        .map_err(|e| failed(original, e.to_string()))?;
        let mut each = Vec::with_capacity(subjects.len());
        for (subject, places) in subjects.iter().zip(&after) {
            let mut nodes: HashMap<usize, Difference> = HashMap::new();
            let others =
                eval::run(graph_of(subject.model)?, &setting(subject.model), sample.clone(), &mut |id, value| {
                    let Some((at, v)) = places.get(&id).zip(floats(value)) else { return };
                    if let Some(x) = values.get(at) {
                        let (x, y) = (Tensor::floats([x.len()], x.clone()), spread(v));
                        // Values of other sizes are not the same value.
                        let y = Tensor::floats([y.len()], y);
                        if let Ok(d) = Difference::of(&x, &y) {
                            nodes.insert(*at, d);
                        }
                    }
                })
                .map_err(|e| failed(subject.model, format!("after the change, {e}")))?;
            let outputs = compared(&outputs, &others).map_err(|e| failed(subject.model, e))?;
            let node = |n: &NodeName| {
                let at = before.node_places.get(&n.name).copied();
                (n.clone(), at.and_then(|at| nodes.get(&at).copied()).unwrap_or_default())
            };
            each.push(Measured { outputs, nodes: subject.changed.iter().map(node).collect() });
        }
        locked(&results).push((place, each));
        Ok(())
    })?;
    // Sums are added in the order of the samples, whatever thread was first.
    let mut results = collected(results);
    results.sort_by_key(|(place, _)| *place);
    let mut all: Vec<Measured> = subjects.iter().map(|_| Measured::default()).collect();
    for (_, each) in results {
        all.iter_mut().zip(each).for_each(|(a, b)| a.add(b));
    }
    Ok(all)
}

/// The outputs of two graphs, by name. Text is not compared.
fn compared(x: &[(Text, Value)], y: &[(Text, Value)]) -> std::result::Result<Vec<(String, Difference)>, String> {
    let text = |v: &Value| v.tensor().is_ok_and(|t| t.to_strings().is_ok());
    let one = |(name, x): &(Text, Value)| {
        let other = y.iter().find(|(other, _)| other == name).ok_or_else(|| format!("there is no output {name:?}"))?;
        let d = Difference::of_values(x, &other.1).map_err(|e| format!("output {name:?}: {e}"))?;
        Ok((name.to_string(), d))
    };
    x.iter().filter(|(_, v)| !text(v)).map(one).collect()
}

/// At most [`ELEMS`] of the values, evenly spread.
fn spread(values: &[f32]) -> Vec<f32> {
    let step = values.len().div_ceil(ELEMS).max(1);
    values.iter().step_by(step).copied().collect()
}

/// The first outputs of nodes of the original graph.
struct Seen {
    names: Vec<Text>,
    places: HashMap<ValueId, usize>,
    /// By the names of nodes in reports.
    node_places: HashMap<String, usize>,
}

impl Seen {
    fn of(g: &Graph, subjects: &[Subject<'_>]) -> Self {
        let wanted: std::collections::HashSet<&str> =
            subjects.iter().flat_map(|s| s.changed).map(|n| n.name.as_str()).collect();
        let (mut names, mut places, mut node_places) = (Vec::new(), HashMap::new(), HashMap::new());
        for (_, node) in g.nodes.iter() {
            let Some(first) = node.outputs.iter().flatten().next() else { continue };
            let name = if node.name.is_empty() { &g.values[*first].name } else { &node.name };
            if wanted.contains(&**name) {
                places.insert(*first, names.len());
                node_places.insert(name.to_string(), names.len());
                names.push(g.values[*first].name.clone());
            }
        }
        Self { names, places, node_places }
    }

    /// The same values in a changed graph: where a value is quantized, what becomes of it.
    fn places_in(&self, g: &Graph) -> HashMap<ValueId, usize> {
        let by_name: HashMap<&str, ValueId> = g.values.iter().map(|(id, v)| (&*v.name, id)).collect();
        let find = |name: &Text| {
            let dequantized = by_name.get(format!("{name}_DequantizeLinear_Output").as_str());
            dequantized.or_else(|| by_name.get(&**name)).copied()
        };
        self.names.iter().enumerate().filter_map(|(at, name)| Some((find(name)?, at))).collect()
    }
}
