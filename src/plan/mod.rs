//! Recipe + Model → [`Plan`]: every output tensor, byte, type and warning, before anything is written.
//!
//! `build` opens the source and walks the targets; `source` refuses what is not a whole, plain model; `target` resolves one target to
//! tensors and encodings; `naming` and `checkpoints` say what outputs are called, `destination` checks paths; `split` spreads an output
//! over files; `space` asks the disks and `memory` the memory; `importance` opens an imatrix and `coverage` says what it covers; `changes` compares two plans of a
//! job; `metadata` reads what is to be overridden; `text_names` refuses names that are no text; `forecast` tells what every quantization would make of a
//! model, and `forecast_many` of a GGUF of very many tensors. Must not know how a plan is run or shown.

mod build;
mod changes;
mod checkpoints;
mod coverage;
mod destination;
mod forecast;
mod forecast_many;
mod importance;
mod manifest;
mod memory;
mod metadata;
mod naming;
mod overrides;
mod prepared;
mod source;
mod space;
mod split;
mod target;
mod text_names;
mod types;

pub use build::{
    build, count_files, prepare, prepare_again, prepare_model, prepare_to_compare, rehearse, rehearse_model,
};
pub use coverage::{ImatrixCoverage, PartOf};
pub use destination::default_output;
pub use forecast::{Chosen, Forecast, Forecasted, Heavy, forecast};
pub use manifest::{MANIFEST_SUFFIX, is_manifest, manifest_beside, manifest_inside};
pub use memory::{Need, available, cut, hash_cut};
pub use prepared::{Prepared, PreparedOutput, PreparedTensor};
pub use space::{free_bytes, is_shortage, total_bytes};
pub use types::{Plan, PlannedOutput, PlannedReuse, PlannedTensor, SourceFile};
