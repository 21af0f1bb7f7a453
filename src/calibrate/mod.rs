//! Importance matrices: how strongly each column of each weight is used on a text. `graph` calibrates operator graphs.
//!
//! An [`Imatrix`] is what a user asks for. A text is cut into windows, which a network computes layer by layer; a `Collector` adds up the squares of what
//! goes into each weight. The result is [`Activations`], which are merged, checked for gaps ([`Activations::coverage`]), described
//! ([`statistics()`]) and written (`Output`) in the two forms that llama-imatrix writes. `transform::imatrix` reads them to quantize.
//!
//! Definitions: llama.cpp's `tools/imatrix/imatrix.cpp`. Refuses texts of less than two windows, inputs that are NaN or infinite, files that do
//! not fit together. Must not know how an architecture computes (that is `forward`), jobs or screens. Test with `cargo test calibrate::`.

mod activations;
mod collector;
mod coverage;
pub(crate) mod graph;
mod output;
mod read;
mod request;
mod run;
mod statistics;
mod windows;
mod write;

pub(crate) use activations::Activations;
pub(crate) use request::{Imatrix, PreparedImatrix};
pub(crate) use run::{DEFAULT_MEMORY, LayerCollected, Listener};
pub(crate) use statistics::{Statistics, TensorStatistics, statistics};
pub(crate) use write::Form;

/// Tokens of a window unless another length is asked for, as in llama-imatrix.
pub(crate) const CONTEXT: usize = 512;
