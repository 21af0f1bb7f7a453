//! Configuration and tokenizer: some exports need them, and most writers without a marker write them last.

use super::{Outcome, Rule};
use crate::watch::unit::{FileRole, Unit};
use crate::watch::verdict::Wait;

/// Any of these is a tokenizer.
const TOKENIZERS: [&str; 8] = [
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
    "tiktoken.model",
];

/// The files that the export requires.
pub(super) static NEEDED: Rule = Rule {
    name: "needed files",
    check: |o| {
        if !concerns(o.unit) || !(o.settings.needs_config || o.settings.needs_tokenizer) {
            return None;
        }
        let mut names = Vec::new();
        if o.settings.needs_config && o.unit.file("config.json").is_none() {
            names.push("config.json".to_owned());
        }
        if o.settings.needs_tokenizer && !tokenizer(o.unit) {
            names.push("tokenizer.json or tokenizer.model".to_owned());
        }
        Some(match names.is_empty() {
            true => Outcome::Pass("the configuration and the tokenizer that the export needs exist".to_owned()),
            false => Outcome::Wait(Wait::Companions { names }, None),
        })
    },
};

/// An adapter has its configuration beside it.
pub(in crate::watch) static ADAPTER: Rule = Rule {
    name: "adapter_config.json",
    check: |o| {
        let adapter = o.unit.of(FileRole::Weights).any(|f| f.name.starts_with("adapter_model."));
        adapter.then(|| match o.unit.file("adapter_config.json") {
            Some(_) => Outcome::Pass("adapter_config.json exists".to_owned()),
            None => Outcome::Wait(Wait::Companions { names: vec!["adapter_config.json".to_owned()] }, None),
        })
    },
};

/// Files that are usually beside weights. If the previous checkpoint had none either, nothing is missing.
pub(super) static USUAL: Rule = Rule {
    name: "usual files",
    check: |o| {
        if !concerns(o.unit) || o.settings.done_marker.is_some() {
            return None;
        }
        if o.sibling.is_some() {
            return None;
        }
        let mut missing = Vec::new();
        for name in ["config.json", "tokenizer_config.json"] {
            if o.unit.file(name).is_none() {
                missing.push(name);
            }
        }
        if !tokenizer(o.unit) {
            missing.push("a tokenizer");
        }
        if o.unit.of(FileRole::Weights).count() > 1 && o.unit.of(FileRole::Index).next().is_none() {
            missing.push("the index of the shards");
        }
        Some(match missing.is_empty() {
            true => Outcome::Pass("the configuration and the tokenizer exist".to_owned()),
            false => Outcome::Careful(format!("{} may still appear", missing.join(", "))),
        })
    },
};

/// Adapters and lone files carry no configuration and no tokenizer; files of ranks are not a model folder.
fn concerns(unit: &Unit) -> bool {
    let adapter =
        unit.file("adapter_config.json").is_some() || unit.of(FileRole::Weights).any(|f| f.name.starts_with("adapter"));
    unit.is_folder() && !unit.family.by_rank && !adapter
}

fn tokenizer(unit: &Unit) -> bool {
    TOKENIZERS.iter().any(|name| unit.file(name).is_some())
}
