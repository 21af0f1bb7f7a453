//! What the pages of the Compare tab ask of the rest of remold: texts side by side, histograms. Evaluations are in `evaluations`.

use crate::evaluate::{BaselineSource, Set, TensorShapes};
use crate::forward::Rounding;
use crate::model::ModelError;
use crate::quality::continuation::{self, Continuation, Sampling, continuations};
use crate::task::Task;
use crate::tui::core::ErrorCard;
use crate::tui::tabs::compare::{Compared, SpeechNews, Spoke, Spoken, SpokenPosition};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Tokens that models continue a prompt with.
const TOKENS: usize = 64;

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
