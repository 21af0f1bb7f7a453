//! Recipe + Model → [`Plan`]: every output tensor, byte, type and warning, before anything is written.
//!
//! `build` opens the source and walks the targets; `source` refuses what is not a whole, plain model; `resolve` resolves one target to
//! tensors and encodings, by the table of formats that are written; `naming` and `checkpoints` say what outputs are called, `destination` checks paths and `writable` their folders; `by_size` splits outputs
//! by size; `steps` carries out the steps of the recipe and `stages` lists what the engine will do; `space` asks the disks and `memory` the memory; `coverage` says what an importance matrix covers; `changes` compares two plans of a
//! job; `estimate` says what the outputs will lose and how long it takes; `text_names` refuses names that are not text; `validation` says how outputs are evaluated once they are written. Must not know how a plan is run or shown.

pub(crate) mod build;
mod by_size;
mod changes;
mod checkpoints;
mod coverage;
mod destination;
mod estimate;
pub(crate) mod goals;
mod lay_out;
mod manifest;
mod memory;
mod naming;
mod occasion;
mod prepared;
mod registration;
mod resolve;
mod source;
mod space;
mod stages;
mod steps;
mod text_names;
mod trial;
mod types;
mod validation;
pub(crate) mod writable;

pub(crate) use crate::calibrate::graph::GraphQuality;
pub use build::prepare;
pub(crate) use build::{
    count_files, densify_without_effect, prepare_again, prepare_model, prepare_to_compare, rehearse,
    rehearse_estimated, rehearse_model,
};
pub use estimate::Estimate;
pub(crate) use estimate::estimate;
pub(crate) use manifest::{MANIFEST_SUFFIX, is_manifest, manifest_beside, manifest_inside};
pub(crate) use memory::{available, cut, hash_cut};
pub(crate) use naming::name_about;
pub(crate) use prepared::{Prepared, PreparedOutput, PreparedTensor};
pub(crate) use registration::Registration;
pub(crate) use registration::program as registration_program;
pub(crate) use resolve::DialMix;
pub use resolve::{Chosen, Dial, Forecast, Forecasted, Heavy};
pub(crate) use resolve::{
    PresetTypes, TargetPreset, forecast, forecast_format, has_forecast, modelfile_beside, presets,
};
pub(crate) use space::{free_bytes, total_bytes};
pub(crate) use stages::{PlannedStage, StageKind};
pub(crate) use steps::with_steps;
pub(crate) use types::{ChoiceCheck, ImatrixCoverage, PartOf, PlannedReuse, PredictedDivergence, SourceFile};
pub use types::{Plan, PlannedOutput, PlannedStep, PlannedTensor};
pub(crate) use validation::{PlannedValidation, openable};
