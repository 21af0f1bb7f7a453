//! How models that hold the same network differ: two to six of them, in any formats and types, tensor by tensor.
//!
//! Must not know jobs or screens. [`Set::open`] brings the models to common names (`names`), so that a Hugging Face folder
//! and a GGUF have matching rows; [`Set::overview`] has what their headers contain; [`Set::measure`] streams every row once,
//! decodes it and gives a [`Comparison`] with the errors against a baseline. [`rows()`] is that comparison as a table that both
//! faces show; [`Export`] writes it as Markdown, CSV or JSON. Refused: one model, more than six, models that share no tensor.
//! What a model *says* (perplexity, divergence) is not measured here. Test with `cargo test --lib evaluate::`.

mod baseline;
mod comparison;
mod export;
mod facts;
mod figures;
mod measure;
mod measurement_cache;
mod names;
mod rows;
mod set;
mod shapes;
mod stamp;

pub use baseline::{Baseline, BaselineSource};
pub use comparison::{Comparison, Group, Measured, TensorFigures, TypeShare, Unpaired, Variant};
pub(crate) use export::Export;
pub use figures::{Figures, Sameness};
pub(crate) use measurement_cache::MeasurementCache;
pub use names::Names;
pub use rows::rows;
pub(crate) use rows::{Cell, MetricRow, Rank, Tone};
pub(crate) use set::{MAX_MODELS, Set};
pub use shapes::{TensorShapes, ValueShape};
