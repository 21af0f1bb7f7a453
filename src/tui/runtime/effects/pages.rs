//! What the pages of the Compare tab ask of the rest of remold: quality on a text, texts side by side, histograms.

use crate::evaluate::{BaselineSource, Set, TensorShapes};
use crate::forward::Rounding;
use crate::model::ModelError;
use crate::quality::continuation::{self, Continuation, Sampling, continuations};
use crate::quality::{self, Evaluation, LayerDivergence, Report};
use crate::task::Task;
use crate::tui::core::ErrorCard;
use crate::tui::tabs::compare::{
    Compared, ModelQuality, Quality, QualityNews, QualityValue, SpeechNews, Spoke, Spoken, SpokenPosition,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Shortest time between two words of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// Tokens that models continue a prompt with.
const TOKENS: usize = 64;

/// Hears an evaluation.
struct Hearing<'a> {
    news: &'a (dyn Fn(QualityNews) + Sync),
    last_sent: Mutex<Option<Instant>>,
}

impl quality::Listener for Hearing<'_> {
    fn progress(&self, done: usize, all: usize, what: &str) {
        let mut last_sent = crate::task::locked(&self.last_sent);
        if last_sent.is_none_or(|t| t.elapsed() >= PROGRESS_INTERVAL) {
            *last_sent = Some(Instant::now());
            (self.news)(QualityNews::Progress(done, all, what.to_owned()));
        }
    }

    fn layer(&self, model: &Path, layer: u32, divergence: &LayerDivergence) {
        (self.news)(QualityNews::Layer(model.to_owned(), layer, divergence.relative_rms()));
    }
}

/// Evaluates models on a text, the first of them as the baseline of the others.
///
/// # Errors
/// As [`quality::evaluate`].
pub(crate) fn evaluate(
    models: &[PathBuf],
    text: &Path,
    cancel: &AtomicBool,
    news: &(dyn Fn(QualityNews) + Sync),
) -> Result<Arc<Quality>, ErrorCard> {
    let baseline = models.first().cloned().unwrap_or_default();
    let request = Evaluation {
        baseline: (models.len() > 1).then(|| baseline.clone()),
        data: Some(text.to_owned()),
        ..Evaluation::of(models.to_vec())
    };
    let task = Task { threads: 0, progress: &|_, _| {}, cancel };
    let report = quality::evaluate(&request, &[], task, &Hearing { news, last_sent: Mutex::default() });
    report.map(|report| Arc::new(digest(report, text, baseline))).map_err(|e| ErrorCard::from(&e))
}

fn digest(report: Report, text: &Path, baseline: PathBuf) -> Quality {
    let model = |m: quality::Measured| {
        let whole = m.values.iter().filter(|v| v.layer.is_none());
        let value = |v: &quality::Value| QualityValue {
            metric: v.metric,
            value: v.estimate.value,
            uncertainty: v.estimate.uncertainty,
        };
        let of_layers = m.values.iter().filter(|v| v.metric == "hidden_rms" && v.layer.is_some());
        ModelQuality {
            path: m.path.clone(),
            values: whole.map(value).collect(),
            layers: of_layers.map(|v| v.estimate.value).collect(),
        }
    };
    Quality {
        text: text.to_owned(),
        baseline,
        measured_on: report.measured_on,
        notes: report.notes,
        models: report.models.into_iter().map(model).collect(),
        seconds: report.seconds,
    }
}

/// Hears models that continue a prompt.
struct Listening<'a> {
    news: &'a dyn Fn(SpeechNews),
}

impl continuation::Listener for Listening<'_> {
    fn token(&self, model: usize, text: &str) {
        (self.news)(SpeechNews::Token(model, text.to_owned()));
    }

    fn done(&self, model: usize, said: &Continuation) {
        (self.news)(SpeechNews::Done(model, Box::new(spoken(said))));
    }
}

fn spoken(said: &Continuation) -> Spoken {
    let position = |p: &continuation::Position| SpokenPosition {
        kld: p.kld,
        top: p.top.iter().map(|t| (t.text.clone(), t.probability)).collect(),
    };
    Spoken {
        pieces: said.pieces.clone(),
        ended: said.ended,
        differs_at: said.differs_at,
        along: said.along.iter().map(position).collect(),
    }
}

/// Lets models continue a prompt, the first of them as the baseline of the others; always the most probable token.
///
/// # Errors
/// As [`continuations`].
pub(crate) fn speak(
    models: &[PathBuf],
    prompt: &Spoke,
    cancel: &AtomicBool,
    news: &dyn Fn(SpeechNews),
) -> Result<(), ErrorCard> {
    let request = continuation::Request {
        models: models.to_vec(),
        prompt: prompt.text.clone(),
        chat: prompt.chat,
        tokens: TOKENS,
        sampling: Sampling::Greedy,
        rounding: Rounding::Exact,
    };
    let task = Task { threads: 0, progress: &|_, _| {}, cancel };
    continuations(&request, task, &Listening { news }).map(drop).map_err(|e| ErrorCard::from(&e))
}

/// The values of a tensor of what was compared, in the baseline and in a variant.
///
/// # Errors
/// Models that changed since, those of reading; cancelled.
pub(crate) fn shapes(
    compared: &Compared,
    tensor: usize,
    variant: usize,
    cancel: &AtomicBool,
) -> Result<TensorShapes, ErrorCard> {
    let c = &compared.comparison;
    let paths: Vec<PathBuf> = c.variants.iter().map(|v| v.path.clone()).collect();
    let found = Set::open(&paths, Some((c.baseline.at, BaselineSource::Given)), Some(c.context)).and_then(|set| {
        let name = |t: Option<&crate::evaluate::TensorFigures>| t.map(|t| t.name.clone());
        if name(set.overview().tensors.get(tensor)) != name(c.tensors.get(tensor)) {
            let hint = "Remove the model with d and add it again with a.";
            return Err(ModelError::request("the models have changed since they were compared").with_hint(hint));
        }
        set.shapes(tensor, variant, cancel)
    });
    found.map_err(|e| ErrorCard::from(&e))
}
