//! Calibration of operator graphs: what runs through a graph on samples, and what a change of precision does to its outputs.
//!
//! [`Samples`] are inputs of a graph, from arrays or from texts. `observe` runs the graph on them and finds the range or the histogram of each activation;
//! [`calibrate`] turns these into ranges by a [`Method`] and quantizes statically; [`measure()`] compares the outputs of graphs of which one was made from the other,
//! and the outputs of the nodes that were changed. The last quarter of the samples is for comparing alone. Values are looked at when they are computed and dropped after
//! their last use, so memory does not grow with the number of samples: a histogram has its edges from a pass for the ranges before. Results do not depend on the number of threads.
//!
//! The graph is run by the reference evaluation (`graph::eval`). Must not know recipes, jobs or screens. Test with `cargo test --lib calibrate::graph`.

mod arrays;
mod choose;
mod inputs;
mod measure;
mod observe;
mod parts;
mod quality;
mod samples;
mod texts;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use choose::Calibrated;
pub(crate) use choose::{Method, Request, calibrate};
pub(crate) use measure::{Subject, measure};
pub(crate) use parts::Parts;
pub(crate) use quality::GraphQuality;
#[cfg(test)]
pub(crate) use quality::{NodeQuality, OutputQuality};
pub(crate) use samples::{Sample, Samples};

use crate::graph::Graph;
use crate::model::{Model, ModelError, Result};

/// The graph of a model.
///
/// # Errors
/// A model without one.
fn graph_of(model: &Model) -> Result<&Graph> {
    model.graph.as_deref().ok_or_else(|| ModelError::request("the model has no operator graph").in_file(&model.path))
}
