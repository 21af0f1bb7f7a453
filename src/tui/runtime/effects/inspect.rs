//! Looks into a model: values of its tensors, its tokenizer at work, a check of every value.

use crate::arch::vocab::{self, Runner};
use crate::forecast;
use crate::forecast::values::Values;
use crate::model::{Model, ModelError, TensorEntry};
use crate::task::{Task, collected, locked};
use crate::tui::core::{ErrorCard, units};
use crate::tui::runtime::soundness;
use crate::tui::tabs::models::{Finding, MiniHistogram, TokenizerTrial};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

/// The tensors of the model that was looked at last, so that the next one of it needs no opening.
#[derive(Default)]
pub(crate) struct Tensors {
    opened: Option<(PathBuf, Option<SystemTime>, Vec<TensorEntry>)>,
}

impl Tensors {
    fn of(&mut self, path: &Path) -> Result<&[TensorEntry], ModelError> {
        let stamp = changed(path);
        let known = self.opened.take().filter(|(p, s, _)| p == path && *s == stamp);
        let tensors = match known {
            Some((.., tensors)) => tensors,
            None => crate::arch::open(path)?.tensors,
        };
        Ok(&self.opened.insert((path.to_owned(), stamp, tensors)).2)
    }

    fn one(&mut self, path: &Path, tensor: usize) -> Result<&TensorEntry, ModelError> {
        let gone =
            || ModelError::bad("this tensor is no longer in the file").with_hint("Press r in the tree to scan again.");
        self.of(path)?.get(tensor).ok_or_else(gone)
    }
}

/// When a file or folder was changed last.
fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

/// Looks at the values of a tensor.
///
/// # Errors
/// Those of reading; cancelled.
pub(crate) fn values(
    tensors: &mut Tensors,
    path: &Path,
    tensor: usize,
    cancel: &AtomicBool,
) -> Result<Values, ErrorCard> {
    tensors.one(path, tensor).and_then(|t| Values::of(t, cancel)).map_err(|e| ErrorCard::from(&e))
}

/// The small histogram of a tensor's values.
pub(crate) fn mini_histogram(tensors: &mut Tensors, path: &Path, tensor: usize) -> MiniHistogram {
    tensors.one(path, tensor).and_then(forecast::values::glance).ok().flatten()
}

/// A tokenizer ready to run, with what there is to say of it.
pub(crate) struct Tokenizer {
    path: PathBuf,
    stamp: Option<SystemTime>,
    facts: Vec<(String, String)>,
    template: Option<String>,
    runner: Result<Runner, ErrorCard>,
}

/// Runs the tokenizer of a model on a text; `kept` holds the one that was run last.
///
/// # Errors
/// When the model cannot be opened.
pub(crate) fn try_text(kept: &mut Option<Tokenizer>, path: &Path, text: &str) -> Result<TokenizerTrial, ErrorCard> {
    let stamp = changed(path);
    let known = kept.take().filter(|k| k.path == path && k.stamp == stamp);
    let tokenizer = match known {
        Some(known) => known,
        None => tokenizer(path, stamp)?,
    };
    let tokenizer = kept.insert(tokenizer);
    let (encoded, round_trip, notes) = match &tokenizer.runner {
        Err(card) => (Err(card.clone()), None, Vec::new()),
        Ok(runner) => {
            let encoded = runner.encode(text).map_err(|e| ErrorCard::from(&e));
            let same = encoded.as_ref().ok().filter(|_| runner.decodes).map(|e| e.decoded == text);
            (encoded, same, runner.notes.clone())
        }
    };
    Ok(TokenizerTrial {
        facts: tokenizer.facts.clone(),
        template: tokenizer.template.clone(),
        encoded,
        round_trip,
        notes,
    })
}

fn tokenizer(path: &Path, stamp: Option<SystemTime>) -> Result<Tokenizer, ErrorCard> {
    let card = |e: &ModelError| ErrorCard::from(e);
    let model = crate::arch::open(path).map_err(|e| card(&e))?;
    let config = model.config().unwrap_or(serde_json::Value::Null);
    let info = match vocab::describe_metadata(&model.metadata) {
        Some(info) => Some(info),
        None => vocab::describe(&model.sidecars, &config).ok().flatten(),
    };
    let mut facts = Vec::new();
    if let Some(info) = info {
        let pre = info.pre.map(|p| format!(" {p}")).unwrap_or_default();
        facts.push(("kind".to_owned(), format!("{}{pre}", info.kind)));
        let merges =
            if info.merges > 0 { format!(", {} merges", units::count(info.merges as u64)) } else { String::new() };
        facts.push(("vocabulary".to_owned(), format!("{} tokens{merges}", units::count(info.tokens as u64))));
        let special = info.special.iter().map(|(role, id, text)| (format!("{role} token"), format!("{text}  {id}")));
        facts.extend(special);
    }
    let template = chat_template(&model);
    let lines =
        template.as_ref().map_or_else(|| "none".to_owned(), |t| units::plural(t.lines().count(), "line", "lines"));
    facts.push(("chat template".to_owned(), lines));
    let runner = Runner::of(&model).map_err(|e| card(&e));
    if let Ok(runner) = &runner {
        facts.push(("run from".to_owned(), runner.source.to_owned()));
    }
    Ok(Tokenizer { path: path.to_owned(), stamp, facts, template, runner })
}

fn chat_template(model: &Model) -> Option<String> {
    let own = model.metadata.get("tokenizer.chat_template").and_then(crate::model::MetaValue::as_str);
    let file = || model.sidecars.read("chat_template.jinja").ok()?.map(|b| String::from_utf8_lossy(&b).into_owned());
    let config = || {
        let config = model.sidecars.json("tokenizer_config.json").ok()??;
        config.get("chat_template")?.as_str().map(str::to_owned)
    };
    own.map(str::to_owned).or_else(file).or_else(config)
}

/// Looks at every value of a model, several tensors at a time; `how.progress` is called with elements. Gives the findings and the
/// number of elements.
///
/// # Errors
/// Those of opening and reading; cancelled.
pub(crate) fn check(path: &Path, how: Task<'_>) -> Result<(Vec<Finding>, u64), ErrorCard> {
    let tensors = crate::arch::open(path).map_err(|e| ErrorCard::from(&e))?.tensors;
    let total = tensors.iter().fold(0u64, |n, t| n.saturating_add(t.shape.elems().unwrap_or(0)));
    let done = AtomicU64::new(0);
    let sounds = Mutex::new(Vec::with_capacity(tensors.len()));
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    how.each(tensors.len(), |number, (): &mut ()| {
        let entry = &tensors[number];
        let sound = forecast::values::check(entry, how.cancel, &|n| {
            let before = done.fetch_add(n, Ordering::Relaxed);
            (how.progress)(count(before.saturating_add(n)), count(total));
        })?;
        locked(&sounds).push((entry.name.to_string(), entry.shape.elems().unwrap_or(0), sound));
        Ok(())
    })
    .map_err(|e: ModelError| ErrorCard::from(&e))?;
    if how.is_cancelled() {
        return Err(ErrorCard::from(&ModelError::request("cancelled while checking")));
    }
    let mut sounds = collected(sounds);
    sounds.sort_by(|a, b| crate::tui::core::natural(&a.0, &b.0));
    Ok((soundness::findings(&sounds), total))
}
