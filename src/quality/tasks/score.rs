//! Scores answers: the mean log-probability of the tokens in which they differ, as llama-perplexity does.

use super::read::{Answer, ChoiceTask};
use super::{Answers, How, TaskKind};
use crate::model::{ModelError, Result};
use crate::quality::pass::{Entrant, NOT_FINITE, cancelled};
use crate::quality::statistics::score;
use crate::quality::tokens::TextTokenizer;
use crate::task::Task;

/// Values that a layer has at work for a token, in widths (see `pass`).
const FLOATS_PER_WIDTH: u64 = 16;
/// Most tokens of a batch: progress is shown once for each.
const BATCH_TOKENS: u64 = 8192;
/// Positions whose logits are made together.
const BLOCK: usize = 256;
/// Tokens behind a choice of Winogrande with which only these are scored (`k_min_trailing_ctx`).
const MIN_TRAILING: usize = 3;

/// A token that is scored: the logits after `position` of a sequence give its probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScoredToken {
    sequence: usize,
    position: usize,
    token: u32,
}

/// A task as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// A sequence for each answer.
    pub sequences: Vec<Vec<u32>>,
    /// The tokens that are scored, by answer.
    pub scored: Vec<Vec<ScoredToken>>,
}

/// Makes tokens of a task. `as_llama`: a mistake of llama-perplexity is made too.
///
/// # Errors
/// Texts longer than the context; answers that add no token.
pub(super) fn prepare(
    task: &ChoiceTask,
    kind: TaskKind,
    tokenizer: &TextTokenizer,
    context: Option<u64>,
    as_llama: bool,
) -> Result<Prepared> {
    let tokens = |a: &Answer| tokenizer.tokens(&a.text);
    let sequences: Vec<Vec<u32>> = task.answers.iter().map(tokens).collect::<Result<_>>()?;
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
    if let Some(context) = context.filter(|c| longest as u64 > *c) {
        let what = format!("it has {longest} tokens, more than the {context} that the model was trained with");
        return Err(ModelError::request(what).with_hint("Remove the task from the file."));
    }
    let heads: Vec<Option<usize>> = task
        .answers
        .iter()
        .map(|a| a.head.as_deref().map(|head| tokenizer.tokens(head).map(|t| t.len())).transpose())
        .collect::<Result<_>>()?;
    scored_tokens(sequences, kind, &heads, as_llama)
}

fn scored_tokens(
    sequences: Vec<Vec<u32>>,
    kind: TaskKind,
    heads: &[Option<usize>],
    as_llama: bool,
) -> Result<Prepared> {
    let shortest = sequences.iter().map(Vec::len).min().unwrap_or(0);
    let same = |k: &usize| sequences.iter().all(|s| s[*k] == sequences[0][*k]);
    let prefix = (0..shortest).take_while(same).count();
    let trailing = |s: &Vec<u32>| s.len() - prefix > MIN_TRAILING;
    let behind = kind == TaskKind::Winogrande && sequences.iter().all(trailing);
    let mut scored = Vec::with_capacity(sequences.len());
    for (number, sequence) in sequences.iter().enumerate() {
        // Nothing predicts the first token.
        let head = heads[number].filter(|head| behind && *head < sequence.len());
        let first = head.unwrap_or(prefix).max(1);
        // The full stop of Winogrande does not count.
        let last = usize::from(kind == TaskKind::Winogrande && sequence.len().saturating_sub(first) > 1);
        let end = sequence.len() - last;
        if first >= end {
            let what = format!("answer {} adds no token to what all answers have in common", number + 1);
            return Err(ModelError::bad(what).with_hint("Remove the task from the file."));
        }
        let token = |at: usize| ScoredToken { sequence: number, position: at - 1, token: sequence[at] };
        let mut tokens: Vec<ScoredToken> = (first..end).map(token).collect();
        // Where the choices themselves are scored, llama-perplexity takes the first token of the second from the logits at the end of the first
        // sequence (its source says so: "this uses the wrong first logits when not skipping the choice word").
        if as_llama && kind == TaskKind::Winogrande && !behind && number > 0 {
            tokens[0] = ScoredToken { sequence: 0, position: sequences[0].len() - 1, ..tokens[0] };
        }
        scored.push(tokens);
    }
    Ok(Prepared { sequences, scored })
}

/// The answers that a network chooses.
///
/// # Errors
/// Those of the network; logits that are not finite; a cancelled task.
pub(super) fn answers(
    tasks: &[Prepared],
    kind: TaskKind,
    entrant: Entrant<'_>,
    how: How<'_>,
    say: &dyn Fn(usize),
) -> Result<Answers> {
    let width = entrant.network.width().max(1);
    let token = width as u64 * 4 * FLOATS_PER_WIDTH;
    let most = (how.memory / 2 / token).clamp(1, BATCH_TOKENS);
    let tokens = |task: &Prepared| task.sequences.iter().map(|s| s.len() as u64).sum::<u64>();
    let least_memory = tasks.iter().map(tokens).max().unwrap_or(0).saturating_mul(token).saturating_mul(2);
    let quiet = Task { progress: &|_, _| {}, ..how.task };
    let mut chosen = Vec::with_capacity(tasks.len());
    while chosen.len() < tasks.len() {
        say(chosen.len());
        let mut tokens = 0u64;
        let fits = |task: &&Prepared| {
            tokens += task.sequences.iter().map(|s| s.len() as u64).sum::<u64>();
            tokens <= most
        };
        let rest = &tasks[chosen.len()..];
        let batch = &rest[..rest.iter().take_while(fits).count().max(1)];
        let sequences: Vec<Vec<u32>> = batch.iter().flat_map(|t| t.sequences.iter().cloned()).collect();
        let states = entrant.network.states(None, &sequences, quiet, &mut ()).map_err(|e| e.in_file(entrant.path))?;
        if quiet.is_cancelled() {
            return Err(cancelled());
        }
        // Where each sequence of each task begins.
        let mut begin = 0;
        let begins: Vec<Vec<usize>> = batch
            .iter()
            .map(|t| {
                let of = |s: &Vec<u32>| {
                    begin += s.len();
                    begin - s.len()
                };
                t.sequences.iter().map(of).collect()
            })
            .collect();
        if states.len() != begin * width {
            return Err(ModelError::bad("the network gave a wrong number of states").in_file(entrant.path));
        }
        let places: Vec<(usize, u32)> = batch
            .iter()
            .zip(&begins)
            .flat_map(|(t, begins)| t.scored.iter().flatten().map(|s| (begins[s.sequence] + s.position, s.token)))
            .collect();
        let costs = costs(&places, &states, entrant, quiet)?;
        let mut costs = costs.into_iter();
        for task in batch {
            let mean = |tokens: &Vec<ScoredToken>| {
                let sum: f64 = costs.by_ref().take(tokens.len()).sum();
                sum / tokens.len() as f64
            };
            let means: Vec<f64> = task.scored.iter().map(mean).collect();
            chosen.push(best(kind, &means));
        }
    }
    say(tasks.len());
    Ok(Answers { chosen, least_memory })
}

/// The answer with the least cost; of equal ones the first, but the second of Winogrande.
fn best(kind: TaskKind, costs: &[f64]) -> usize {
    let mut best = 0;
    for (i, cost) in costs.iter().enumerate().skip(1) {
        let better = if kind == TaskKind::Winogrande { *cost <= costs[best] } else { *cost < costs[best] };
        if better {
            best = i;
        }
    }
    best
}

/// −ln of the probability of each token after a state.
fn costs(places: &[(usize, u32)], states: &[f32], entrant: Entrant<'_>, task: Task<'_>) -> Result<Vec<f64>> {
    let width = entrant.network.width().max(1);
    let vocabulary = entrant.network.vocabulary().max(1);
    let mut costs = Vec::with_capacity(places.len());
    let (mut rows, mut logits) = (Vec::new(), Vec::new());
    for block in places.chunks(BLOCK) {
        rows.clear();
        block.iter().for_each(|(at, _)| rows.extend_from_slice(&states[at * width..(at + 1) * width]));
        entrant.network.logits(&rows, task, &mut logits).map_err(|e| e.in_file(entrant.path))?;
        if task.is_cancelled() {
            return Err(cancelled());
        }
        if logits.len() != block.len() * vocabulary {
            return Err(ModelError::bad("the network gave a wrong number of logits").in_file(entrant.path));
        }
        for ((_, token), row) in block.iter().zip(logits.chunks_exact(vocabulary)) {
            let position = score(row, None, *token).ok_or_else(|| {
                ModelError::bad("the logits of an answer are not finite").in_file(entrant.path).with_hint(NOT_FINITE)
            })?;
            costs.push(position.nll);
        }
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(prepared: &Prepared, answer: usize) -> Vec<(usize, usize, u32)> {
        prepared.scored[answer].iter().map(|s| (s.sequence, s.position, s.token)).collect()
    }

    #[test]
    fn the_tokens_in_which_answers_differ_are_scored() {
        let sequences = vec![vec![1, 2, 3, 4], vec![1, 2, 5], vec![1, 2, 6, 7], vec![1, 2, 8, 9]];
        let p = scored_tokens(sequences, TaskKind::Hellaswag, &[None; 4], false).unwrap();
        assert_eq!(places(&p, 0), [(0, 1, 3), (0, 2, 4)]);
        assert_eq!(places(&p, 1), [(1, 1, 5)]);
        // Without a begin token, the first token has no prediction.
        let p = scored_tokens(vec![vec![3, 4], vec![5, 6]], TaskKind::MultipleChoice, &[None; 2], false).unwrap();
        assert_eq!(places(&p, 1), [(1, 0, 6)]);
        // An answer that is the beginning of another.
        let e =
            scored_tokens(vec![vec![1, 2], vec![1, 2, 3]], TaskKind::MultipleChoice, &[None; 2], false).unwrap_err();
        assert!(e.to_string().contains("answer 1 adds no token"), "{e}");
    }

    #[test]
    fn winogrande_scores_what_follows_a_choice_without_the_full_stop() {
        let long = vec![vec![1, 2, 10, 4, 5, 6, 7], vec![1, 2, 11, 12, 4, 5, 6, 7]];
        let p = scored_tokens(long, TaskKind::Winogrande, &[Some(3), Some(4)], true).unwrap();
        assert_eq!(places(&p, 0), [(0, 2, 4), (0, 3, 5), (0, 4, 6)]);
        assert_eq!(places(&p, 1), [(1, 3, 4), (1, 4, 5), (1, 5, 6)]);
        // With little behind them, the choices themselves are scored.
        let short = || vec![vec![1, 2, 10, 7], vec![1, 2, 11, 7]];
        let p = scored_tokens(short(), TaskKind::Winogrande, &[Some(3), Some(3)], false).unwrap();
        assert_eq!((places(&p, 0), places(&p, 1)), (vec![(0, 1, 10)], vec![(1, 1, 11)]));
        // llama-perplexity takes the second from another place.
        let p = scored_tokens(short(), TaskKind::Winogrande, &[Some(3), Some(3)], true).unwrap();
        assert_eq!((places(&p, 0), places(&p, 1)), (vec![(0, 1, 10)], vec![(0, 3, 11)]));
    }

    #[test]
    fn of_equal_answers_the_choice_is_that_of_llama_perplexity() {
        assert_eq!(best(TaskKind::Hellaswag, &[2.0, 1.0, 1.0, 3.0]), 1);
        assert_eq!(best(TaskKind::Winogrande, &[1.0, 1.0]), 1);
        assert_eq!(best(TaskKind::Winogrande, &[1.0, 2.0]), 0);
    }
}
