//! Recipe + Model → [`Plan`]: every output tensor, byte, type and warning, before anything is written.
//!
//! `build` opens the source and walks the targets; `target` resolves one target to tensors and encodings; `destination` names and
//! checks paths; `split` spreads an output over files; `space` asks the disks and `memory` the memory; `importance` opens an imatrix and `coverage`
//! says what it covers; `metadata` reads what is to be overridden; `forecast` tells what every quantization would make of a
//! model. Must not know how a plan is run or shown.

mod build;
mod coverage;
mod destination;
mod forecast;
mod importance;
mod memory;
mod metadata;
mod overrides;
mod prepared;
mod space;
mod split;
mod target;
mod types;

pub use build::{build, count_files, prepare, prepare_model, rehearse, rehearse_model};
pub use coverage::{ImatrixCoverage, PartOf};
pub use destination::default_output;
pub use forecast::{Chosen, Forecast, Forecasted, Heavy, forecast};
pub use memory::{Need, available, cut};
pub use prepared::{Prepared, PreparedOutput, PreparedTensor};
pub use space::free_bytes;
pub use types::{Plan, PlannedOutput, PlannedTensor, SourceFile};
