//! Jobs that measure the chosen models on a text.

use crate::calibrate::Imatrix;
use crate::evaluate::Set;
use crate::job::{self, JobSummary, Measurement};
use crate::model::{ModelError, Result};
use crate::quality::Evaluation;
use crate::tui::core::{ErrorCard, MeasureWhat};
use std::path::{Path, PathBuf};

/// Numbers tried behind the name of an importance matrix.
const TRIES: usize = 1000;

/// Starts the job.
///
/// # Errors
/// What is wrong with the models or the text; a job folder that cannot be made.
pub(crate) fn start(
    root: &Path,
    what: MeasureWhat,
    models: Vec<PathBuf>,
    text: PathBuf,
) -> std::result::Result<JobSummary, ErrorCard> {
    let started = match what {
        MeasureWhat::Evaluation => evaluate(root, models, text),
        MeasureWhat::Imatrix => imatrix(root, models, text),
    };
    started.map_err(|e| ErrorCard::from(&e))
}

fn evaluate(root: &Path, models: Vec<PathBuf>, text: PathBuf) -> Result<JobSummary> {
    let evaluation = Evaluation { baseline: baseline(root, &models), data: Some(text), ..Evaluation::of(models) };
    // What is wrong is said here, and not by a job that fails.
    Measurement::Evaluation(evaluation.clone().into()).prepare()?;
    job::spawn_evaluation(root, &evaluation)
}

/// The baseline that a comparison of the models has: the one that they were made from or, of several, the most precise one.
fn baseline(root: &Path, models: &[PathBuf]) -> Option<PathBuf> {
    let found = job::with_baseline(models, None, root);
    if let Some((at, _)) = found.baseline {
        return found.models.get(at).cloned();
    }
    let set = Set::open(models, None, None).ok().filter(|_| models.len() > 1)?;
    set.overview().variants.get(set.overview().baseline.at).map(|v| v.path.clone())
}

fn imatrix(root: &Path, models: Vec<PathBuf>, text: PathBuf) -> Result<JobSummary> {
    let Some(model) = models.into_iter().next() else {
        return Err(ModelError::request("no model is selected"));
    };
    let request = Imatrix { output: free_name(&model), model: Some(model), data: Some(text), ..Imatrix::default() };
    request.prepare()?;
    job::spawn_imatrix(root, &request)
}

/// `NAME.imatrix.gguf` beside the model, with a number where that exists.
fn free_name(model: &Path) -> PathBuf {
    let stem = if model.is_dir() { model.file_name() } else { model.file_stem() };
    let stem = stem.unwrap_or_default().to_string_lossy().into_owned();
    let name = |n: usize| match n {
        1 => model.with_file_name(format!("{stem}.imatrix.gguf")),
        n => model.with_file_name(format!("{stem}.imatrix-{n}.gguf")),
    };
    (1..TRIES).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(TRIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_importance_matrix_has_a_free_name_beside_its_model() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("a-F16.gguf");
        assert_eq!(free_name(&model), dir.path().join("a-F16.imatrix.gguf"));
        std::fs::write(free_name(&model), b"").unwrap();
        assert_eq!(free_name(&model), dir.path().join("a-F16.imatrix-2.gguf"));
    }
}
