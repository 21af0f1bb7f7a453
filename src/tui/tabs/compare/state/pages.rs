//! What the pages of the tab ask of the outside, and what comes back.

use super::{Compared, EvaluationJob, Quality, QualityNews, SpeechNews, Spoke};
use crate::evaluate::TensorShapes;
use crate::tui::core::ErrorCard;
use std::path::PathBuf;
use std::sync::Arc;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub enum PageRequest {
    /// Start a job that evaluates these models, the first of them the baseline, on at most so many windows
    /// of a text (0: all), and follow it. A later request is followed in place of
    /// an earlier one.
    Evaluate(u64, Vec<PathBuf>, PathBuf, usize),
    /// Follow the job in this folder, which evaluates these models.
    Follow(u64, Vec<PathBuf>, PathBuf),
    /// Look up what earlier jobs measured of these models against the first of them, and the job that does so now.
    Kept(u64, Vec<PathBuf>),
    /// Cancel the job that is followed.
    StopEvaluating,
    /// Let these models, the first of them the baseline, continue a prompt; a later request replaces an earlier one.
    Speak(u64, Vec<PathBuf>, Spoke),
    /// Stop that.
    StopSpeaking,
    /// Look at the values of a tensor (its place) in one of the models (its place among the variants).
    Shapes(u64, Arc<Compared>, usize, usize),
    /// Complete a path that is being typed; it counts from this folder.
    Complete(PathBuf, String),
}

/// What comes back; numbers are those of the requests.
#[derive(Clone, Debug)]
pub enum PageNews {
    /// Of an evaluation.
    Quality(u64, QualityNews),
    /// Kept results, those of the most models first, and the job that evaluates the models now.
    Kept(u64, Vec<Arc<Quality>>, Option<EvaluationJob>),
    /// Of models that continue a prompt.
    Speech(u64, SpeechNews),
    /// The values of a tensor.
    Shapes(u64, Result<Arc<TensorShapes>, ErrorCard>),
    /// The path typed, its completion, and the names that may follow.
    Completed(String, String, Vec<String>),
}
