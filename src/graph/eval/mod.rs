//! Reference evaluation: runs a graph on inputs with plain loops and products of matrices, as the specification of ONNX says it.
//!
//! It is the oracle for passes, quantization and comparisons: clarity comes before speed. [`run`] takes inputs and gives outputs, and shows every value in between to a
//! callback. A value is dropped after its last use, and constants are read when they are needed, so memory follows the largest values and not the weights.
//! Each core operator has its function in its file in [`super::ops`]; `domains` has those of other domains. Floats are computed in `f64` and rounded once to the type of
//! the output, unless the specification asks for less. Sizes of values, steps and depth are limited ([`Limits`]); errors name the node.
//!
//! Must not know files or formats: constants come through [`Constants`]. Tests: `cargo test --lib graph::eval` and, over the node tests of ONNX,
//! `cargo test --lib formats::onnx::tests::evaluation`.

mod args;
pub(crate) mod attend;
mod control;
pub(crate) mod conv;
mod domains;
mod engine;
pub(crate) mod error;
pub(crate) mod math;
pub(crate) mod norm;
mod pack;
mod plan;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod quantize;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod sample;
pub(crate) mod shape;
mod small;
mod tensor;
pub(crate) mod text;
mod value;
pub(crate) mod walk;
pub(crate) mod window;

#[cfg(test)]
mod tests;

pub(crate) use args::{Args, Evaluated, one};
pub(crate) use error::Difference;
pub(crate) use pack::{pack, unpack};
pub(crate) use small::round_to;
pub(crate) use tensor::{Data, Tensor, wrap};
pub(crate) use value::Value;

use super::{Graph, GraphError, TensorRef, Text, ValueId};
use crate::task::Task;
use engine::Engine;
use std::cell::Cell;

/// How an operator is evaluated.
pub(crate) enum Eval {
    /// From its inputs and attributes.
    Rule(fn(&Args<'_>) -> Evaluated),
    /// One of two regions.
    Branch,
    /// A region, again and again.
    Loop,
    /// A region for each slice.
    Scan,
    /// A region for each element of a sequence.
    Map,
    /// It is not, for this reason.
    Not(&'static str),
}

/// Where the elements of constants come from.
pub(crate) trait Constants {
    /// The packed little-endian elements of a tensor.
    ///
    /// # Errors
    /// What cannot be read, as one clause.
    fn bytes(&self, tensor: TensorRef) -> Result<Vec<u8>, String>;
}

/// Constants of a graph that has none outside of itself.
pub(crate) struct NoConstants;

impl Constants for NoConstants {
    fn bytes(&self, _: TensorRef) -> Result<Vec<u8>, String> {
        Err("the constants of this graph are not available".to_owned())
    }
}

/// What an evaluation may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Elements of one value, those of a sequence together. In memory an element takes 4 or 8 bytes.
    pub elems: usize,
    /// Nodes that are evaluated, each step of a loop being one more.
    pub steps: u64,
    /// Regions and functions within each other.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { elems: 1 << 30, steps: 10_000_000, depth: 64 }
    }
}

/// Sees the values of a graph: its inputs and what its nodes give, in nested regions too, each time.
pub(crate) type Watch<'w> = dyn FnMut(ValueId, &Value) + 'w;

/// How to evaluate.
pub(crate) struct Setting<'a> {
    /// Elements of constants.
    pub constants: &'a dyn Constants,
    /// What may be used.
    pub limits: Limits,
    /// What stops it; it runs in one thread.
    pub task: Task<'a>,
}

impl<'a> Setting<'a> {
    /// To the end, with the usual limits.
    pub(crate) fn new(constants: &'a dyn Constants) -> Self {
        Self { constants, limits: Limits::default(), task: Task::quiet() }
    }
}

/// What all parts of one evaluation share.
struct Shared<'a> {
    setting: &'a Setting<'a>,
    steps: Cell<u64>,
}

/// Evaluates a graph. Inputs are given by name; one that is left out has its default.
///
/// # Errors
/// An input that is missing or unknown, a node that cannot be evaluated, a limit, cancelling.
pub(crate) fn run(
    graph: &Graph,
    setting: &Setting<'_>,
    inputs: Vec<(Text, Value)>,
    watch: &mut Watch<'_>,
) -> Result<Vec<(Text, Value)>, GraphError> {
    let shared = Shared { setting, steps: Cell::new(setting.limits.steps) };
    let main = &graph.regions[graph.main];
    let mut engine = Engine::new(graph, &graph.functions, &shared, 0);
    engine.watch = Some(watch);
    for (name, value) in inputs {
        let place = || GraphError::new(format!("input {name:?}"), "");
        let Some(port) = main.inputs.iter().find(|p| graph.values[p.value].name == name) else {
            return Err(GraphError { what: "the graph has no such input".to_owned(), ..place() });
        };
        engine.set_input(port.value, value).map_err(|what| GraphError { what, ..place() })?;
    }
    engine.main()?;
    let outputs = main.outputs.iter().map(|p| (graph.values[p.value].name.clone(), p.value));
    outputs.map(|(name, id)| Ok((name, engine.output(id)?))).collect()
}
