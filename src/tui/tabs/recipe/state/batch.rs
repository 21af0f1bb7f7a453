//! What became of a recipe for several models.

use crate::job::JobSummary;
use crate::recipe::Recipe;
use crate::tui::core::ErrorCard;
use std::path::PathBuf;

/// The jobs of a recipe for several models, or why there are none.
#[derive(Clone, Debug, Default)]
pub struct BatchOutcome {
    /// The recipe.
    pub recipe: Box<Recipe>,
    /// The models.
    pub sources: Vec<PathBuf>,
    /// Outputs that exist already; nothing was started because of them.
    pub exists: Vec<PathBuf>,
    /// The jobs that were started.
    pub started: Vec<JobSummary>,
    /// The models that have no job, and why.
    pub failed: Vec<(PathBuf, ErrorCard)>,
}

/// What would become of a recipe for several models if it were started now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchOutlook {
    /// Models that can be converted.
    pub ready: usize,
    /// Outputs of those.
    pub outputs: usize,
    /// Bytes of these outputs, if they are known.
    pub bytes: Option<u64>,
    /// Outputs that exist already.
    pub exist: usize,
    /// Models that cannot be converted, and why.
    pub failed: Vec<(PathBuf, ErrorCard)>,
}
