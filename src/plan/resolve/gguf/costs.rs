//! What each type of each tensor costs the network on a text: read from a file of scores, or measured on `budget_data`.

use super::effort;
use super::ready::Ready;
use crate::forecast::divergence::{self, Basis, CheckText, Checked, Coverage, Divergences, Factors, Tempering};
use crate::forecast::{Score, Scores, Subject, scores_root};
use crate::forward::{Forward, Rounding};
use crate::model::{Model, ModelError, Result, TensorEntry, check_output_folder};
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
/// Sequences that costs are measured on: 3,072 tokens. A network of 4 million weights takes a minute and a half for 237 costs on two cores.
const SEQUENCES: usize = 12;
/// The fewest sequences, for large models.
const FEWEST: usize = 3;
/// Weights up to which all sequences are used. A larger network is slower and has more tensors, and one tensor of many changes less.
const WEIGHTS: u64 = 30_000_000;
/// Sequences that mixes are compared on. They are few passes.
const CHECKED: usize = 12;
/// Of so many windows of the text, one is kept for comparing mixes.
const KEPT: usize = 3;
/// The share of a limit of time that is for costs, where mixes are compared too.
const MEASURING: f64 = 0.75;
/// Choices that are compared whatever the limit of time: a mix and a file type.
const LEAST: usize = 2;

/// Refuses a file of scores that cannot be written, before anything is measured.
///
/// # Errors
/// A folder that is missing or takes no files.
pub(super) fn check_scores(target: &Target) -> Result<()> {
    match target.get(&gguf::SCORES) {
        Some(file) if target.has(&gguf::BUDGET_DATA) && !is_there(&file)? => {
            check_output_folder(&file).map_err(|e| e.in_option(&gguf::SCORES))
        }
        _ => Ok(()),
    }
}

/// True if there is a file of scores.
fn is_there(file: &Path) -> Result<bool> {
    file.try_exists().map_err(|e| ModelError::io(file, "opening", e).in_option(&gguf::SCORES))
}

/// Costs of the types of one model.
pub(super) struct Costs {
    all: Divergences,
    factors: Factors,
    coverage: Coverage,
    /// The text that mixes are compared on, where there is one.
    check: Option<CheckOn>,
    limit: Option<Duration>,
    /// Where costs are kept: the user's file, and that of the cache.
    files: Vec<PathBuf>,
}

/// A text that mixes are compared on.
struct CheckOn {
    tokens: CheckText,
    /// What it is, in words.
    what: String,
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
        let is_given = file.as_deref().map(is_there).transpose()?.unwrap_or(false);
        let given = file.as_deref().filter(|_| is_given).map(divergence::read).transpose()?;
        let other = target.get(&gguf::BUDGET_CHECK);
        if let (Some(check), true) = (&other, data.is_none() && file.is_none()) {
            return Err(ModelError::request("there is a text to compare mixes on, and none to measure costs on")
                .in_file(check)
                .in_option(&gguf::BUDGET_CHECK)
                .with_hint("Add budget_data (a text, `--data`) or scores."));
        }
        let other = other.map(|path| CheckOn::of_file(model, path)).transpose()?;
        let Some(data) = data else {
            let Some(file) = file else { return Ok(None) };
            let all = given.ok_or_else(|| {
                ModelError::request("there is no such file of scores, and no text to measure them on")
                    .in_file(&file)
                    .in_option(&gguf::SCORES)
                    .with_hint("Add budget_data (a text, `--data`).")
            })?;
            let mut known = Self::checked(all, effort, ready, wanted, scores, &file)?;
            known.check = other;
            (known.limit, known.files) = (limit, vec![file]);
            return Ok(Some(known));
        };
        let windows = windows(model, &data)?;
        let most = sequences_for(ready.model.parameters());
        let (sequences, mut rest) = parts(windows, most, other.is_some());
        if limit.is_some() {
            rest = spread(rest, CHECKED.min(2 * most));
        }
        // Some of the time is for comparing mixes as a whole.
        let compares = other.is_some() || !rest.is_empty();
        let share = limit.map(|l| if compares { l.mul_f64(MEASURING) } else { l });
        let basis = Basis {
            model: model.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            tokens_hash: hash_of(&sequences),
            tokens: sequences.iter().map(Vec::len).sum(),
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
        let forward = network(model, ready)?;
        let before = all.clone();
        let done = all.measure(&forward, sequences, wanted, &|t| scores.hash(t).map(str::to_owned), share, how);
        if all != before {
            // Also of a cancelled measurement, which goes on from there. A cache that cannot be written costs time, nothing else.
            let _ = crate::files::create_private_folder(&scores_root());
            let _ = divergence::write(&kept, &all, true);
        }
        done?;
        let mut costs = Self::with(all, ready, wanted, scores);
        let all = &costs.all;
        if costs.coverage.measured == 0 && costs.coverage.of > 0 && !all.has_groups() {
            return Err(ModelError::request("nothing was measured in this time")
                .in_option(&gguf::SCORE_TIME)
                .with_hint("Give more time, or leave it out."));
        }
        if let Some(file) = &file
            && (*all != before || !was_given)
        {
            divergence::write(file, all, was_given)?;
        }
        let part = || CheckOn::new(rest, format!("another part of {}", name_of(&data)));
        costs.check = other.or_else(part);
        (costs.limit, costs.files) = (limit, file.into_iter().chain([kept]).collect());
        Ok(Some(costs))
    }

    /// Compares choices of types on the text for it; `None` for each that was not measured, for lack of a text or of time. The first two are
    /// measured in any case.
    ///
    /// # Errors
    /// Those of the forward pass; cancelled.
    pub(super) fn check(
        &mut self,
        (model, ready): (&Model, &Ready),
        choices: Vec<Vec<(Subject, Encoding)>>,
        hash: &dyn Fn(&str) -> Option<String>,
        how: Task<'_>,
    ) -> Result<Vec<Option<Checked>>> {
        let known_text = || self.all.check_tokens.as_ref().map(|(hash, _)| hash.clone());
        let Some(text) = self.check.as_ref().map(|c| c.tokens.hash.clone()).or_else(known_text) else {
            return Ok(vec![None; choices.len()]);
        };
        let named: Vec<(String, Vec<(Subject, Encoding)>)> =
            choices.into_iter().map(|c| (self.all.check_key(&text, &c, hash), c)).collect();
        if let Some(on) = &self.check
            && named.iter().any(|(key, _)| self.all.checked(key).is_none())
        {
            let before = self.all.clone();
            let done = self.all.check(&network(model, ready)?, &on.tokens, &named, (LEAST, self.limit), how);
            if self.all != before {
                for file in &self.files {
                    // The costs are in these files already. What is not kept costs time, nothing else.
                    let _ = divergence::write(file, &self.all, true);
                }
            }
            done?;
        }
        Ok(named.iter().map(|(key, _)| self.all.checked(key)).collect())
    }

    /// What mixes are compared on, in words; nothing if there is no text for it.
    pub(super) fn check_text(&self) -> Option<(String, usize)> {
        let known = self.all.check_tokens.as_ref().map(|(_, n)| *n);
        match &self.check {
            Some(on) => Some((on.what.clone(), on.tokens.sequences.iter().map(Vec::len).sum())),
            None => known.map(|n| ("the text of the scores".to_owned(), n)),
        }
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
        let costs = Self::with(all, ready, wanted, scores);
        if costs.coverage.measured == 0 && costs.coverage.of > 0 && !costs.all.has_groups() {
            return Err(ModelError::request(
                "these scores were measured on other weights, or with another importance matrix",
            )
            .in_file(file)
            .in_option(&gguf::SCORES)
            .with_hint("Give the text again (budget_data, `--data`) and a new name, to measure this model."));
        }
        Ok(costs)
    }

    fn with(all: Divergences, ready: &Ready, wanted: &[(Subject, Vec<Encoding>)], scores: &Scores) -> Self {
        let layers = ready.model.network.as_ref().and_then(|n| n.layers).and_then(|n| u32::try_from(n).ok());
        let layers = layers.unwrap_or(1);
        let tensors = wanted.iter().map(|(s, _)| &s.entry);
        let factors = all.factors(tensors, layers, &|tensor, e| scores.get(tensor, e));
        let coverage = all.coverage(wanted, layers);
        Self { all, factors, coverage, check: None, limit: None, files: Vec::new() }
    }

    /// What a tensor costs in a type, in nats.
    pub(super) fn of(&self, tensor: &TensorEntry, encoding: Encoding, score: &Score) -> Option<f64> {
        self.all.cost(&self.factors, tensor, encoding, score)
    }

    /// What a tensor costs in a type, under another assumption on how far measurements can be trusted.
    pub(super) fn tempered(
        &self,
        tempering: Tempering,
        tensor: &TensorEntry,
        encoding: Encoding,
        score: &Score,
    ) -> Option<f64> {
        self.all.tempered(tempering, &self.factors, tensor, encoding, score)
    }

    /// What an output of this cost is expected to lose.
    pub(super) fn prediction(&self, nats: f64) -> PredictedDivergence {
        let Coverage { measured, of, groups, of_groups, kinds } = self.coverage;
        let tokens = self.all.basis.tokens;
        PredictedDivergence { nats, tokens, measured, of, groups, of_groups, kinds, check: None }
    }
}

impl CheckOn {
    fn new(sequences: Vec<Vec<u32>>, what: String) -> Option<Self> {
        let hash = hash_of(&sequences);
        (!sequences.is_empty()).then_some(Self { tokens: CheckText { sequences, hash }, what })
    }

    fn of_file(model: &Model, path: PathBuf) -> Result<Self> {
        let what = name_of(&path);
        let none = || ModelError::request("the text has no tokens").in_file(&path);
        let windows = windows(model, &path).map_err(|e| e.in_option(&gguf::BUDGET_CHECK))?;
        Self::new(spread(windows, CHECKED), what).ok_or_else(none)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// The network that is measured.
fn network(model: &Model, ready: &Ready) -> Result<Forward> {
    let named = Model { tensors: ready.real.clone(), ..ready.model.clone() };
    let forward = Forward::of(&named, model, Rounding::Exact)?;
    if forward.is_encoder() {
        let what = "an encoder predicts no text, so a text cannot tell what its tensors cost";
        return Err(ModelError::unsupported(what).in_option(&gguf::BUDGET_DATA).with_hint("Leave it out."));
    }
    Ok(forward)
}

fn hash_of(sequences: &[Vec<u32>]) -> String {
    let tokens: Vec<u8> = sequences.iter().flatten().flat_map(|t| t.to_le_bytes()).collect();
    Sha256::digest(&tokens).iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// The windows of a text, as perplexity would cut them.
fn windows(model: &Model, data: &Path) -> Result<Vec<Vec<u32>>> {
    let tokenizer = TextTokenizer::of(model)?;
    let tokens = tokenizer.tokens(&read_text(data)?)?;
    let trained = model.network.as_ref().and_then(|n| n.context).and_then(|n| usize::try_from(n).ok());
    let context = CONTEXT.min(trained.unwrap_or(CONTEXT)).max(2);
    let mut windows: Vec<Vec<u32>> = tokens.chunks_exact(context).map(<[u32]>::to_vec).collect();
    if windows.is_empty() {
        let what = format!("the text has {} tokens, fewer than one window of {context}", tokens.len());
        return Err(ModelError::request(what).in_file(data).with_hint("Use a longer text."));
    }
    for window in &mut windows {
        if let (Some(begin), Some(first)) = (tokenizer.begin, window.first_mut()) {
            *first = begin;
        }
    }
    Ok(windows)
}

/// Sequences for a model of so many weights.
fn sequences_for(weights: u64) -> usize {
    let share = SEQUENCES as u64 * WEIGHTS / weights.max(1);
    usize::try_from(share).unwrap_or(SEQUENCES).clamp(FEWEST, SEQUENCES)
}

/// The windows that costs are measured on, and others that mixes are compared on: none if `whole` or if there is one window only.
fn parts(windows: Vec<Vec<u32>>, most: usize, whole: bool) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    if whole || windows.len() < 2 {
        return (spread(windows, most), Vec::new());
    }
    let is_kept = |i: usize| i % KEPT == KEPT - 1 || (windows.len() < KEPT && i == 1);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (i, window) in windows.iter().enumerate() {
        if is_kept(i) { second.push(window.clone()) } else { first.push(window.clone()) }
    }
    (spread(first, most), spread(second, CHECKED))
}

/// At most `most` windows, evenly spread.
fn spread(windows: Vec<Vec<u32>>, most: usize) -> Vec<Vec<u32>> {
    let (all, count) = (windows.len(), most.min(windows.len()));
    let wanted: Vec<usize> = (0..count).map(|i| i * all / count.max(1)).collect();
    windows.into_iter().enumerate().filter(|(i, _)| wanted.contains(i)).map(|(_, w)| w).collect()
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
    fn a_text_is_divided_in_two_parts_that_share_nothing() {
        for n in [1u32, 2, 3, 10, 100] {
            let windows: Vec<Vec<u32>> = (0..n).map(|i| vec![i; 4]).collect();
            let (first, second) = parts(windows.clone(), SEQUENCES, false);
            assert!(!first.is_empty() && first.len() <= SEQUENCES && second.len() <= CHECKED);
            assert!(first.iter().all(|w| !second.contains(w)), "{n}");
            assert_eq!(second.is_empty(), n == 1, "{n}");
            let (whole, none) = parts(windows, SEQUENCES, true);
            assert_eq!((whole.len(), none.len()), (SEQUENCES.min(n as usize), 0));
        }
    }

    #[test]
    fn large_models_are_measured_on_fewer_sequences() {
        let weights = [0, 4_000_000, 60_000_000, 135_000_000, 8_000_000_000];
        assert_eq!(weights.map(sequences_for), [12, 12, 6, 3, 3]);
    }

    #[test]
    fn times_have_units() {
        let seconds = |text| time(text).map(|t| t.as_secs_f64()).ok();
        assert_eq!((seconds("90s"), seconds("1.5m"), seconds("2h")), (Some(90.0), Some(90.0), Some(7200.0)));
        assert_eq!((seconds("7"), seconds("x"), seconds("3d"), seconds("-1s")), (Some(7.0), None, None, None));
    }
}
