//! What the details pane knows beyond a model's headers: values of tensors, tokenizer trials, a check of every value, a
//! long text being read. Workers compute it; an answer that comes too late for the screen is kept for the next time.

use super::model_info::Finding;
use crate::arch::vocab::Encoded;
use crate::forecast::values::{GLANCE, Values};
use crate::tui::core::{ErrorCard, Search};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Digests of tensors kept.
const MAX_VALUES: usize = 256;
/// Small histograms kept.
const MAX_MINI_HISTOGRAMS: usize = 8192;

/// A small histogram: nothing if values are not numbers or cannot be read.
pub(crate) type MiniHistogram = Option<[u8; GLANCE]>;

/// A request to the workers about a model.
#[derive(Clone, Debug, PartialEq)]
pub enum InspectRequest {
    /// Look at the values of this tensor; a later request replaces an earlier one.
    Values(PathBuf, usize),
    /// Small histograms of these tensors; a later request replaces an earlier one.
    MiniHistograms(PathBuf, Vec<usize>),
    /// Run the tokenizer on a text; a later request replaces an earlier one.
    Encode(PathBuf, String),
    /// Look at every value of the model.
    Check(PathBuf),
    /// Stop looking.
    StopCheck,
}

/// A response of the workers.
#[derive(Clone, Debug)]
pub enum InspectResponse {
    /// The values of a tensor.
    Values(PathBuf, usize, Result<Arc<Values>, ErrorCard>),
    /// Small histograms, as many as were computed.
    MiniHistograms(PathBuf, Vec<(usize, MiniHistogram)>),
    /// The result for a text.
    Encoded(PathBuf, String, Result<Arc<TokenizerTrial>, ErrorCard>),
    /// How far the check is.
    Checked(Check),
}

/// The tokenizer of a model, and a text it was tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerTrial {
    /// Labels and values: kind, tokens, special tokens.
    pub facts: Vec<(String, String)>,
    /// The chat template, if there is one.
    pub template: Option<String>,
    /// The tokens of the text, or why there are none.
    pub encoded: Result<Encoded, ErrorCard>,
    /// True if the tokens decode to the same text; nothing if that is unknown.
    pub round_trip: Option<bool>,
    /// What is not run as the model's own program runs it.
    pub notes: Vec<String>,
}

/// The progress of a check of every value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The model.
    pub path: PathBuf,
    /// Elements seen.
    pub done: u64,
    /// Elements there are.
    pub total: u64,
    /// What was found, worst first; complete only when it has ended.
    pub findings: Vec<Finding>,
    /// Nothing while it runs; else whether it went to the end, or why not.
    pub ended: Option<Result<(), ErrorCard>>,
}

/// A long text over the details.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What it is.
    pub title: String,
    /// The text.
    pub text: String,
    /// It has columns that need the whole width; the other pane comes back when it is closed.
    pub wide: bool,
    /// Lines scrolled down.
    pub scroll: usize,
    /// What is searched for in it.
    pub search: Search,
}

/// What the details pane knows beyond headers.
#[derive(Clone, Debug, Default)]
pub struct Inspect {
    pub(in crate::tui::tabs::models) values: VecDeque<(PathBuf, usize, Result<Arc<Values>, ErrorCard>)>,
    pub(in crate::tui::tabs::models) looking: Option<(PathBuf, usize)>,
    pub(in crate::tui::tabs::models) mini_histograms: HashMap<PathBuf, HashMap<usize, MiniHistogram>>,
    pub(in crate::tui::tabs::models) glancing: Option<(PathBuf, Vec<usize>)>,
    pub(in crate::tui::tabs::models) tried: Option<(PathBuf, String, Result<Arc<TokenizerTrial>, ErrorCard>)>,
    pub(in crate::tui::tabs::models) trying: Option<(PathBuf, String)>,
    /// The text the tokenizer is tried on.
    pub text: String,
    /// The last check.
    pub check: Option<Check>,
    /// What is being read.
    pub reading: Option<Reading>,
}

impl Inspect {
    /// The values of a tensor, once known.
    pub fn values(&self, path: &Path, tensor: usize) -> Option<&Result<Arc<Values>, ErrorCard>> {
        self.values.iter().find(|(p, t, _)| *t == tensor && p == path).map(|(.., v)| v)
    }

    /// The small histogram of a tensor, once known.
    pub(crate) fn mini_histogram(&self, path: &Path, tensor: usize) -> Option<&MiniHistogram> {
        self.mini_histograms.get(path)?.get(&tensor)
    }

    /// The tokenizer of a model and its last text, once known.
    pub(crate) fn tried(&self, path: &Path) -> Option<&Result<Arc<TokenizerTrial>, ErrorCard>> {
        self.tried.as_ref().filter(|(p, ..)| p == path).map(|(.., t)| t)
    }

    /// True if [`Self::tried`] belongs to the current text.
    pub fn tried_now(&self) -> bool {
        self.tried.as_ref().is_some_and(|(_, text, _)| *text == self.text)
    }

    /// The check of this model.
    pub(crate) fn check_of(&self, path: &Path) -> Option<&Check> {
        self.check.as_ref().filter(|c| c.path == path)
    }

    /// Keeps an answer.
    pub(crate) fn take(&mut self, response: InspectResponse) {
        match response {
            InspectResponse::Values(path, tensor, values) => {
                self.looking.take_if(|(p, t)| *p == path && *t == tensor);
                self.values.retain(|(p, t, _)| *t != tensor || *p != path);
                if self.values.len() >= MAX_VALUES {
                    self.values.pop_front();
                }
                self.values.push_back((path, tensor, values));
            }
            InspectResponse::MiniHistograms(path, made) => {
                self.glancing.take_if(|(p, _)| *p == path);
                if self.mini_histograms.values().map(HashMap::len).sum::<usize>() + made.len() > MAX_MINI_HISTOGRAMS {
                    self.mini_histograms.clear();
                }
                self.mini_histograms.entry(path).or_default().extend(made);
            }
            InspectResponse::Encoded(path, text, tried) => {
                self.trying.take_if(|(p, t)| *p == path && *t == text);
                self.tried = Some((path, text, tried));
            }
            // Progress of a check that was stopped, or started again for another model, is ignored.
            InspectResponse::Checked(check) => {
                if self.check.as_ref().is_some_and(|c| c.path == check.path && c.ended.is_none()) {
                    self.check = Some(check);
                }
            }
        }
    }

    /// Forgets what is known of a file that was rewritten.
    pub(crate) fn forget_file(&mut self, path: &Path) {
        self.values.retain(|(p, ..)| p != path);
        self.mini_histograms.remove(path);
        self.tried.take_if(|(p, ..)| p == path);
        self.check.take_if(|c| c.path == path && c.ended.is_some());
    }

    /// Forgets what files that may have changed have said.
    pub(crate) fn forget(&mut self) {
        *self = Self { text: std::mem::take(&mut self.text), check: self.check.take(), ..Self::default() };
    }
}
