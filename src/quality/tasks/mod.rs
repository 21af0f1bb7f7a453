//! Multiple-choice tasks: how often a model finds the right answer more probable than the others.
//!
//! The files are those that llama-perplexity reads (tools/perplexity/perplexity.cpp of llama.cpp): HellaSwag as six lines a task, Winogrande as
//! CSV, other tasks as a binary file. `read` reads them, `select` chooses some of them as llama-perplexity does, `score` makes tokens of them and
//! compares the answers. Refused: files that are not of their format, tasks longer than the context.

mod read;
mod score;
mod select;

use super::pass::{Entrant, Listener};
use super::statistics::Estimate;
use super::tokens::TextTokenizer;
use crate::forward::Rounding;
use crate::model::{ModelError, Result};
use crate::task::Task;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;

pub(crate) use read::ChoiceTask;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use read::parse_all;

/// Which tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TaskKind {
    /// Endings of a text, of which one is right.
    Hellaswag,
    /// A word that a sentence leaves out, of which two are offered.
    Winogrande,
    /// Questions with answers.
    MultipleChoice,
}

impl TaskKind {
    /// Its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hellaswag => "hellaswag",
            Self::Winogrande => "winogrande",
            Self::MultipleChoice => "multiple_choice",
        }
    }

    /// The option of `remold eval` that names a file of it.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Hellaswag => "--hellaswag",
            Self::Winogrande => "--winogrande",
            Self::MultipleChoice => "--multiple-choice",
        }
    }

    /// Its metrics: how often the right answer is chosen, and how often the answer of the baseline.
    pub(crate) const fn metrics(self) -> (&'static str, &'static str) {
        match self {
            Self::Hellaswag => ("hellaswag_accuracy", "hellaswag_agreement"),
            Self::Winogrande => ("winogrande_accuracy", "winogrande_agreement"),
            Self::MultipleChoice => ("multiple_choice_accuracy", "multiple_choice_agreement"),
        }
    }

    /// Tasks that are used if no number is asked for; 0 for all. HellaSwag: as many as llama-perplexity uses, of 10,042.
    const fn usual(self) -> usize {
        match self {
            Self::Hellaswag => 400,
            Self::Winogrande | Self::MultipleChoice => 0,
        }
    }
}

/// A file of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskFile {
    /// What is in it.
    pub kind: TaskKind,
    /// The file.
    pub path: PathBuf,
    /// At most so many tasks; 0 for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

/// Tasks that were read.
pub(crate) struct Tasks {
    /// What they are.
    pub kind: TaskKind,
    path: PathBuf,
    tasks: Vec<ChoiceTask>,
    /// Tasks in the file.
    all: usize,
}

impl Tasks {
    /// Reads the tasks of a file, and chooses those that are used.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn read(file: &TaskFile) -> Result<Self> {
        let all = read::read(file.kind, &file.path)?;
        let count = all.len();
        let most = file.most.unwrap_or(file.kind.usual());
        let tasks = if most == 0 || most >= count { all } else { select::some(file.kind, all, most) };
        Ok(Self { kind: file.kind, path: file.path.clone(), tasks, all: count })
    }

    /// Hashes what is asked: equal for the same tasks.
    pub(super) fn hash_into(&self, hash: &mut Sha256) {
        hash.update(format!("{:?} {:?}", self.kind, self.tasks));
    }

    /// What was used, in a few words: `hellaswag: 400 of 10042 tasks, 25.0 % by chance`.
    pub(crate) fn words(&self) -> String {
        let answers: usize = self.tasks.iter().map(|t| t.answers.len()).sum();
        let chance = self.tasks.len() as f64 * 100.0 / answers.max(1) as f64;
        let some = if self.tasks.len() == self.all { String::new() } else { format!(" of {}", self.all) };
        format!("{}: {}{some} tasks, {chance:.1} % by chance", self.kind.name(), self.tasks.len())
    }
}

/// A model that answers.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The network.
    pub entrant: Entrant<'a>,
    /// Its tokenizer.
    pub tokenizer: &'a TextTokenizer,
    /// Tokens that it was trained with.
    pub context: Option<u64>,
}

/// How the tasks are computed.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    /// How the inputs of products are rounded. As llama.cpp, the scores are those of llama-perplexity in every case.
    pub rounding: Rounding,
    /// Bytes to stay within.
    pub memory: u64,
    /// Threads and cancelling.
    pub task: Task<'a>,
}

/// The answers of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// Their numbers, by task.
    pub chosen: Vec<usize>,
    /// Bytes that the longest task takes: no less memory is used.
    pub least_memory: u64,
}

/// The answers of a model to all tasks.
///
/// # Errors
/// Tasks that do not fit the context; those of the network; a cancelled task.
pub(crate) fn answers(tasks: &Tasks, model: Candidate<'_>, how: How<'_>, listener: &dyn Listener) -> Result<Answers> {
    let in_task = |number: usize, e: ModelError| {
        let what = format!("task {}: {e}", number + 1);
        let hint = e.hint().cloned();
        let e = ModelError::request(what).in_file(&tasks.path);
        match hint {
            Some(hint) => e.with_hint(hint),
            None => e,
        }
    };
    let tricks = how.rounding == Rounding::LlamaCpp;
    let prepare = |(number, task): (usize, &ChoiceTask)| {
        score::prepare(task, tasks.kind, model.tokenizer, model.context, tricks).map_err(|e| in_task(number, e))
    };
    let prepared: Vec<score::Prepared> = tasks.tasks.iter().enumerate().map(prepare).collect::<Result<_>>()?;
    let what = format!("{} {}", model.entrant.label, tasks.kind.name());
    let say = |done: usize| listener.progress(done, prepared.len(), &what);
    score::answers(&prepared, tasks.kind, model.entrant, how, &say)
}

/// The figures of a model from its answers, and from those of the baseline.
pub(crate) fn figures(tasks: &Tasks, own: &Answers, baseline: Option<&Answers>) -> Vec<(&'static str, Estimate)> {
    let (accuracy, agreement) = tasks.kind.metrics();
    let n = tasks.tasks.len();
    let right = |(task, answer): &(&ChoiceTask, &usize)| task.right.get(**answer).copied().unwrap_or(false);
    let correct = tasks.tasks.iter().zip(&own.chosen).filter(right).count();
    let mut figures = vec![(accuracy, Estimate::percent(correct, n))];
    if let Some(baseline) = baseline {
        let same = own.chosen.iter().zip(&baseline.chosen).filter(|(a, b)| a == b).count();
        figures.push((agreement, Estimate::percent(same, n)));
    }
    figures
}

/// Reads a file of tasks, for tests.
#[cfg(test)]
pub(crate) fn read_file(kind: TaskKind, path: &Path) -> Result<Tasks> {
    Tasks::read(&TaskFile { kind, path: path.to_owned(), most: Some(0) })
}

#[cfg(test)]
mod tests;
