//! How models that hold the same network differ: two to six of them, in any formats and types, tensor by tensor.
//!
//! Must not know jobs or screens. [`Set::open`] brings the models to common names (`names`), so that a Hugging Face folder
//! and a GGUF have matching rows; [`Set::overview`] has what their headers contain; [`Set::measure`] streams every row once,
//! decodes it and gives a [`Comparison`] with the errors against a baseline. [`rows()`] is that comparison as a table that both
//! faces show; [`Export`] writes it as Markdown, CSV, JSON or an HTML report (`report`). Refused: one model, more than six, models that share no tensor.
//! What a model *says* (perplexity, divergence) is measured by `quality`; [`Evaluated`] has its figures. What graphs give for the same
//! inputs is measured by [`Set::graph_outputs`]; [`Graphs`] has the figures. Test with `cargo test --lib evaluate::`.

mod baseline;
mod comparison;
mod evaluated;
mod export;
mod facts;
mod figures;
mod graphs;
mod measure;
mod measurement_cache;
mod names;
mod pareto;
mod report;
mod rows;
mod set;
mod shapes;
mod stamp;

pub use baseline::{Baseline, BaselineSource};
pub use comparison::{Comparison, Group, Measured, TensorFigures, TypeShare, Unpaired, Variant};
pub use evaluated::{Evaluated, Figure, HiddenFigures, ModelFigures};
pub(crate) use export::Export;
pub use figures::{Figures, Sameness};
pub(crate) use graphs::{Bisected, Engine, GraphFigures, GraphRequest, Graphs, OutputFigures};
pub(crate) use measurement_cache::MeasurementCache;
pub use names::Names;
pub(crate) use pareto::on_front;
#[cfg(test)]
pub(crate) use rows::Change;
pub use rows::rows;
pub(crate) use rows::{Cell, MetricRow, Rank, Tone, all_rows};
pub(crate) use set::{MAX_MODELS, Set};
pub use shapes::{TensorShapes, ValueShape};

/// A comparison of models of one tensor with these names, the first as the baseline, for tests of other rooms.
#[cfg(test)]
pub(crate) fn testing_comparison(labels: &[&str]) -> Comparison {
    let tensor = |i: usize| vec![crate::model::MemoryRows::f32_vector("blk.0.ffn_up.weight", &[1.0, 2.0 + i as f32])];
    let set = Set::of((0..labels.len()).map(tensor).collect(), 0);
    let mut c = set.and_then(|s| s.measure(crate::task::Task::quiet())).unwrap();
    c.variants.iter_mut().zip(labels).for_each(|(v, label)| v.label = (*label).to_owned());
    c
}
