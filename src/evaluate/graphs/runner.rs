//! What computes the outputs of graphs.

use crate::graph::eval::{self, Setting, Tensor, Value};
use crate::graph::{GraphError, Text};
use crate::model::{Model, ModelError, Result};
use crate::task::Task;

/// Computes the outputs of a graph.
pub(crate) trait Runner {
    /// Its name, as results say it.
    fn name(&self) -> &'static str;

    /// The outputs of the graph of a model, by name, for inputs by name.
    ///
    /// # Errors
    /// A graph that it cannot run; cancelled.
    fn run(&self, model: &Model, inputs: Vec<(Text, Tensor)>, how: Task<'_>) -> Result<Vec<(Text, Value)>>;
}

/// The runners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The evaluation in this program: plain loops, floats in `f64`, rounded once to the type of each value.
    #[default]
    Reference,
}

impl Engine {
    /// The runner.
    pub(crate) fn runner(self) -> Box<dyn Runner> {
        match self {
            Self::Reference => Box::new(Reference),
        }
    }
}

struct Reference;

impl Runner for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn run(&self, model: &Model, inputs: Vec<(Text, Tensor)>, how: Task<'_>) -> Result<Vec<(Text, Value)>> {
        let Some(graph) = &model.graph else { return Err(no_graph(model)) };
        let setting = Setting { task: how, ..Setting::new(model) };
        let inputs = inputs.into_iter().map(|(name, t)| (name, t.into())).collect();
        eval::run(graph, &setting, inputs, &mut |_, _| {}).map_err(|e| failed(&e, model))
    }
}

/// An evaluation that failed, as an error about the model.
pub(super) fn failed(e: &GraphError, model: &Model) -> ModelError {
    ModelError::unsupported(e.what.clone()).field(e.place.as_str()).in_file(&model.path)
}

#[cold]
pub(super) fn no_graph(model: &Model) -> ModelError {
    ModelError::bad("the model has no operator graph").in_file(&model.path)
}
