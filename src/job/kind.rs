//! The kinds of job. Which kind a job is follows from the request in its folder: `recipe.toml` of a conversion, `request.json` of a measurement.

use super::JobFolder;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Converts a model by a recipe.
    #[default]
    Conversion,
    /// Evaluates models on a text.
    Evaluation,
    /// Makes an importance matrix.
    Imatrix,
}

/// File with the request of a conversion.
pub(super) const RECIPE: &str = "recipe.toml";
/// File with the request of a measurement.
pub(super) const REQUEST: &str = "request.json";

impl JobKind {
    /// True for jobs that measure.
    pub(crate) const fn measures(self) -> bool {
        !matches!(self, Self::Conversion)
    }

    /// The kind of the job of a folder; a conversion where the request cannot be read.
    pub(super) fn of(folder: &JobFolder) -> Self {
        if !is_file(&folder.path(REQUEST)) {
            return Self::Conversion;
        }
        folder.measurement().map_or(Self::Conversion, |m| m.kind())
    }

    /// The file of its request.
    pub(super) const fn request_file(self) -> &'static str {
        if self.measures() { REQUEST } else { RECIPE }
    }
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.is_file())
}
