//! What the models say after a prompt, side by side.

use super::CompareState;
use crate::tui::core::ErrorCard;
use std::path::PathBuf;

/// A position of the baseline's text.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenPosition {
    /// The KL divergence of the model from the baseline, in nats.
    pub kld: f64,
    /// The most probable tokens with their probabilities, best first.
    pub top: Vec<(String, f64)>,
}

/// What one model says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    /// The texts of its tokens.
    pub pieces: Vec<String>,
    /// It ended by itself.
    pub ended: bool,
    /// The first token that is not the baseline's.
    pub differs_at: Option<usize>,
    /// What it predicts along the baseline's text.
    pub along: Vec<SpokenPosition>,
}

/// How the prompt is given to the models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoke {
    /// The prompt.
    pub text: String,
    /// It is a message, put into the chat template.
    pub chat: bool,
}

/// What arrives.
#[derive(Clone, Debug)]
pub enum SpeechNews {
    /// The model in this column says a token.
    Token(usize, String),
    /// The model in this column is done.
    Done(usize, Box<Spoken>),
    /// All are done, or it failed.
    Ended(Result<(), ErrorCard>),
}

/// Everything about the texts.
#[derive(Clone, Debug, Default)]
pub struct SpeechState {
    /// Number of the latest request.
    pub request: u64,
    /// True while models speak.
    pub running: bool,
    /// The models that were asked, in the order of columns.
    pub models: Vec<PathBuf>,
    /// What they said so far.
    pub spoken: Vec<Spoken>,
    /// Which of them are done.
    pub done: Vec<bool>,
    /// The prompt that they were given.
    pub prompt: Option<Spoke>,
    /// The prompt in the line is a message for the chat template.
    pub chat: bool,
    /// The prompt last typed.
    pub typed: String,
    /// Why it failed.
    pub failure: Option<ErrorCard>,
    /// Selected position of the baseline's text.
    pub at: usize,
}

impl SpeechState {
    /// Begins: nothing is said yet.
    pub(crate) fn begin(&mut self, models: Vec<PathBuf>, prompt: Spoke) {
        self.request += 1;
        (self.running, self.failure, self.at) = (true, None, 0);
        self.spoken = vec![Spoken::default(); models.len()];
        self.done = vec![false; models.len()];
        (self.models, self.prompt) = (models, Some(prompt));
    }

    /// Takes in what is said.
    pub(crate) fn take(&mut self, news: SpeechNews) {
        match news {
            SpeechNews::Token(model, piece) => {
                if let Some(spoken) = self.spoken.get_mut(model) {
                    spoken.pieces.push(piece);
                }
            }
            SpeechNews::Done(model, all) => {
                if let (Some(spoken), Some(done)) = (self.spoken.get_mut(model), self.done.get_mut(model)) {
                    (*spoken, *done) = (*all, true);
                }
            }
            SpeechNews::Ended(answer) => (self.running, self.failure) = (false, answer.err()),
        }
    }

    /// Tokens of the baseline's text.
    pub(crate) fn positions(&self) -> usize {
        self.spoken.first().map_or(0, |s| s.pieces.len())
    }

    /// The first position at which any model differs from the baseline.
    pub(crate) fn first_difference(&self) -> Option<usize> {
        self.spoken.iter().filter_map(|s| s.differs_at).min()
    }
}

impl CompareState {
    /// Place of a column's model among those that were asked.
    pub(crate) fn speaker(&self, column: usize) -> Option<usize> {
        let path = self.columns.get(column)?;
        self.speech.models.iter().position(|p| p == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_shown_as_they_come_and_replaced_by_the_whole() {
        let mut s = SpeechState::default();
        s.begin(vec!["/a".into(), "/b".into()], Spoke::default());
        for (model, piece) in [(0, " Oslo"), (0, ","), (1, " Oslo"), (7, "lost")] {
            s.take(SpeechNews::Token(model, piece.into()));
        }
        assert_eq!((s.positions(), s.spoken[1].pieces.len(), s.running), (2, 1, true));
        let whole = Spoken { pieces: vec!["x".into()], differs_at: Some(0), ..Spoken::default() };
        s.take(SpeechNews::Done(1, Box::new(whole.clone())));
        assert_eq!((&s.spoken[1], s.first_difference(), &s.done[..]), (&whole, Some(0), &[false, true][..]));
        s.take(SpeechNews::Ended(Ok(())));
        assert!(!s.running && s.failure.is_none());
        s.begin(vec!["/a".into()], Spoke::default());
        assert_eq!((s.positions(), s.request, s.done.len()), (0, 2, 1));
    }
}
