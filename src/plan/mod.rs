//! Recipe + Model → [`Plan`]: every output tensor, byte, type and warning, before anything is written.

mod types;

pub use types::{Plan, PlannedOutput, PlannedTensor};

use crate::model::{ModelError, Result};
use crate::recipe::Recipe;

/// Opens the recipe's source and resolves every output. Reads headers only.
///
/// # Errors
/// Everything that can be known beforehand: bad source, unknown types, selectors that match nothing, outputs that exist or
/// are inputs, not enough disk.
pub fn build(_recipe: &Recipe) -> Result<Plan> {
    Err(ModelError::unsupported("plans are being built"))
}
