//! What each type of each tensor costs the network on a text: read from a file of scores, or measured on `budget_data`.

use super::effort;
use super::ready::Ready;
use crate::forecast::divergence::{self, Basis, Divergences, Factors};
use crate::forecast::{Score, Scores, Subject, scores_root};
use crate::forward::{Forward, Rounding};
use crate::model::{Model, ModelError, Result, TensorEntry};
use crate::plan::PredictedDivergence;
use crate::quality::{TextTokenizer, read_text};
use crate::quant::{Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tokens of a sequence.
const CONTEXT: usize = 256;
/// Sequences that the network is run on: for the differences between tensors that matter, more change little.
const SEQUENCES: usize = 6;

/// Costs of the types of one model.
pub(super) struct Costs {
    all: Divergences,
    factors: Factors,
    measured: usize,
    of: usize,
}

impl Costs {
    /// The costs that a target asks for; `None` if it asks for none.
    ///
    /// # Errors
    /// A text or a file of scores that cannot be used; scores of another text; those of the forward pass.
    pub(super) fn measured(
        model: &Model,
        ready: &Ready,
        target: &Target,
        wanted: &[(Subject, Vec<Encoding>)],
        scores: &Scores,
        how: Task<'_>,
    ) -> Result<Option<Self>> {
        let (data, file) = (target.get(&gguf::BUDGET_DATA), target.get(&gguf::SCORES));
        let limit = target.get(&gguf::SCORE_TIME).map(|text| time(&text)).transpose()?;
        let effort = effort(target)?;
        let given = file.as_deref().filter(|f| f.exists()).map(divergence::read).transpose()?;
        let Some(data) = data else {
            let Some(file) = file else { return Ok(None) };
            let all = given.ok_or_else(|| {
                ModelError::request("there is no such file of scores, and no text to measure them on")
                    .in_file(&file)
                    .in_option(&gguf::SCORES)
                    .with_hint("Add budget_data (a text, `--data`).")
            })?;
            return Self::checked(all, effort, ready, wanted, scores, &file).map(Some);
        };
        let sequences = sequences(model, &data)?;
        let tokens: Vec<u8> = sequences.iter().flatten().flat_map(|t| t.to_le_bytes()).collect();
        let tokens_hash: String = Sha256::digest(&tokens).iter().take(16).map(|b| format!("{b:02x}")).collect();
        let basis = Basis {
            model: model.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            tokens_hash,
            tokens: tokens.len() / 4,
            positions: 0,
            effort,
            seconds: 0.0,
        };
        if let (Some(given), Some(file)) = (&given, &file)
            && (given.basis.tokens_hash != basis.tokens_hash || given.basis.effort != basis.effort)
        {
            let hint = "Leave out budget_data to use these scores, or name a new file to measure others.";
            return Err(ModelError::request("these scores were measured on another text or with another effort")
                .in_file(file)
                .in_option(&gguf::SCORES)
                .with_hint(hint));
        }
        let was_given = given.is_some();
        let kept = kept_file(&model.path, &basis);
        let known = given.or_else(|| divergence::read(&kept).ok().filter(|k| k.basis.tokens_hash == basis.tokens_hash));
        let mut all = known.unwrap_or_else(|| Divergences::new(basis));
        let named = Model { tensors: ready.real.clone(), ..ready.model.clone() };
        let forward = Forward::of(&named, model, Rounding::Exact)?;
        if forward.is_encoder() {
            let what = "an encoder predicts no text, so a text cannot tell what its tensors cost";
            return Err(ModelError::unsupported(what).in_option(&gguf::BUDGET_DATA).with_hint("Leave it out."));
        }
        let before = all.clone();
        let coverage = all.measure(&forward, sequences, wanted, &|t| scores.hash(t).map(str::to_owned), limit, how);
        if all != before {
            // Also of a cancelled measurement, which goes on from there. A cache that cannot be written costs time, nothing else.
            let _ = crate::files::create_private_folder(&scores_root());
            let _ = divergence::write(&kept, &all, true);
        }
        let coverage = coverage?;
        if coverage.measured == 0 && coverage.of > 0 {
            return Err(ModelError::request("nothing was measured in this time")
                .in_option(&gguf::SCORE_TIME)
                .with_hint("Give more time, or leave it out."));
        }
        if let Some(file) = &file
            && (all != before || !was_given)
        {
            divergence::write(file, &all, was_given)?;
        }
        Ok(Some(Self::with(all, ready, wanted, scores, coverage.measured, coverage.of)))
    }

    /// Costs from a file, which must be of these weights.
    fn checked(
        mut all: Divergences,
        effort: Effort,
        ready: &Ready,
        wanted: &[(Subject, Vec<Encoding>)],
        scores: &Scores,
        file: &Path,
    ) -> Result<Self> {
        if all.basis.effort != effort {
            let what = format!("these scores were measured with the effort {}, not {effort}", all.basis.effort);
            return Err(ModelError::request(what).in_file(file).in_option(&gguf::SCORES));
        }
        all.keep_current(&|t| scores.hash(t).map(str::to_owned));
        let pairs = || wanted.iter().flat_map(|(s, types)| types.iter().map(move |e| (s, *e)));
        let measured = pairs().filter(|(s, e)| all.get(&s.entry.name, *e).is_some()).count();
        if measured == 0 && pairs().next().is_some() {
            return Err(ModelError::request(
                "these scores were measured on other weights, or with another importance matrix",
            )
            .in_file(file)
            .in_option(&gguf::SCORES)
            .with_hint("Give the text again (budget_data, `--data`) and a new name, to measure this model."));
        }
        Ok(Self::with(all, ready, wanted, scores, measured, pairs().count()))
    }

    fn with(
        all: Divergences,
        ready: &Ready,
        wanted: &[(Subject, Vec<Encoding>)],
        scores: &Scores,
        measured: usize,
        of: usize,
    ) -> Self {
        let layers = ready.model.network.as_ref().and_then(|n| n.layers).and_then(|n| u32::try_from(n).ok());
        let tensors = wanted.iter().map(|(s, _)| &s.entry);
        let factors = all.factors(tensors, layers.unwrap_or(1), &|tensor, e| scores.get(tensor, e));
        Self { all, factors, measured, of }
    }

    /// What a tensor costs in a type, in nats.
    pub(super) fn of(&self, tensor: &TensorEntry, encoding: Encoding, score: &Score) -> Option<f64> {
        self.all.cost(&self.factors, tensor, encoding, score)
    }

    /// What an output of this cost is expected to lose.
    pub(super) fn prediction(&self, nats: f64) -> PredictedDivergence {
        PredictedDivergence { nats, tokens: self.all.basis.tokens, measured: self.measured, of: self.of }
    }
}

/// Sequences of a text, evenly spread, as perplexity would cut them.
fn sequences(model: &Model, data: &Path) -> Result<Vec<Vec<u32>>> {
    let tokenizer = TextTokenizer::of(model)?;
    let tokens = tokenizer.tokens(&read_text(data)?)?;
    let trained = model.network.as_ref().and_then(|n| n.context).and_then(|n| usize::try_from(n).ok());
    let context = CONTEXT.min(trained.unwrap_or(CONTEXT)).max(2);
    let windows: Vec<&[u32]> = tokens.chunks_exact(context).collect();
    if windows.is_empty() {
        let what = format!("the text has {} tokens, fewer than one window of {context}", tokens.len());
        return Err(ModelError::request(what).in_file(data).with_hint("Use a longer text."));
    }
    let count = SEQUENCES.min(windows.len());
    let sequence = |i: usize| {
        let mut ids = windows[i * windows.len() / count].to_vec();
        if let (Some(begin), Some(first)) = (tokenizer.begin, ids.first_mut()) {
            *first = begin;
        }
        ids
    };
    Ok((0..count).map(sequence).collect())
}

/// Where costs are kept if the user names no file.
fn kept_file(source: &Path, basis: &Basis) -> PathBuf {
    let full = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    let mut hash = Sha256::new();
    hash.update(full.as_os_str().as_encoded_bytes());
    hash.update(&basis.tokens_hash);
    hash.update(basis.effort.name());
    let name: String = hash.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect();
    scores_root().join(format!("kld-{name}.json"))
}

/// A time as users write it: `90s`, `10m`, `2h`, or seconds.
fn time(text: &str) -> Result<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let seconds = match unit {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let all = number.trim().parse::<f64>().unwrap_or(f64::NAN) * seconds;
    if (0.0..1e9).contains(&all) {
        return Ok(Duration::from_secs_f64(all));
    }
    Err(ModelError::request(format!("`{text}` is not a time"))
        .in_option(&gguf::SCORE_TIME)
        .with_hint("Write it as 90s, 10m or 2h."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text| time(text).map(|t| t.as_secs_f64()).ok();
        assert_eq!((seconds("90s"), seconds("1.5m"), seconds("2h")), (Some(90.0), Some(90.0), Some(7200.0)));
        assert_eq!((seconds("7"), seconds("x"), seconds("3d"), seconds("-1s")), (Some(7.0), None, None, None));
    }
}
