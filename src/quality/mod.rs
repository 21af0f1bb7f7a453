//! What a model says of a text: perplexity, divergence from a baseline, embeddings.
//!
//! `TextTokenizer` and `Windows` cut a text as llama-perplexity does; `Pass` runs several models over the windows; `statistics` has the figures, and
//! `METRICS` what they are called; `tasks` are multiple-choice tasks and `speed` times models in llama.cpp; `LogitsFile` is llama-perplexity's file of a baseline; `evaluate` does all of it for
//! files that a user names. Must not know recipes, jobs or screens. Test with `cargo test --lib quality::`.

mod condition;
pub(crate) mod continuation;
mod embeddings;
mod evaluation;
mod layers;
mod logits_file;
mod metrics;
mod pass;
mod speed;
mod statistics;
mod tasks;
mod tokens;
mod validation;
mod windows;

pub(crate) use condition::Condition;
pub(crate) use evaluation::{Evaluation, Measured, PreparedEvaluation, Report, Value, evaluate, prepare};
pub(crate) use layers::LayerDivergence;
pub(crate) use logits_file::part_of;
pub(crate) use metrics::{Better, METRIC_NAMES, METRICS, MetricSpec, Needs, metric};
pub(crate) use pass::{DEFAULT_MEMORY, Listener, PassPlace, Running};
pub(crate) use speed::{REPETITIONS, SpeedRequest};
pub(crate) use statistics::{BaseRow, Estimate, score};
pub(crate) use tasks::{TaskFile, TaskKind};
pub(crate) use tokens::{TextTokenizer, read_text};
pub(crate) use validation::{Agreement, check_graph_conditions, check_source, same_conversations, same_tokens};

/// Reads bytes as each kind of multiple-choice tasks, for `fuzzing`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_tasks(bytes: &[u8]) {
    tasks::parse_all(bytes);
}

/// Reads every row of a base file, for `fuzzing`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_logits_file(path: &std::path::Path) {
    logits_file::read_all(path);
}
