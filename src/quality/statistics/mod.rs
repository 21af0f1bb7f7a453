//! Statistics of predictions: each scored position of a model, alone and against a baseline, and the figures over all of them.
//!
//! [`score`] makes a [`Position`] from rows of logits; [`Positions`] collects them in order, so that no figure depends on threads;
//! `Summary` has the figures, defined as in llama-perplexity (tools/perplexity/perplexity.cpp), in f64.

mod rows;
mod summary;

pub(crate) use rows::{BaseRow, RoundedRow, score};
pub(crate) use summary::Estimate;

/// Ranks whose agreement is counted.
pub(crate) const TOP: usize = 5;

/// One scored position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Position {
    /// −ln of the probability of the right token.
    pub nll: f64,
    /// True if the right token is the most probable one.
    pub right: bool,
    /// Against the baseline, where there is one.
    pub against: Option<Against>,
}

/// One scored position against the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Against {
    /// The baseline's −ln of the probability of the right token.
    pub nll: f64,
    /// True if the right token is the most probable one of the baseline.
    pub right: bool,
    /// KL divergence of the model from the baseline, nats.
    pub kld: f64,
    /// How many of the most probable tokens are the same in the same order, counted from the first; at most [`TOP`].
    pub same: u8,
}

/// The scored positions of a model, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Positions(pub Vec<Position>);
