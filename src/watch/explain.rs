//! The verdict on one source, from what is on disk now.

use super::own::OwnOutputs;
use super::rule::Rule;
use super::store::{Ended, Export, Exports};
use super::tracked::Tracked;
use super::verdict::{RuleResult, State};
use super::{Dirty, Observation, StructureCache, Tree, judge, state_text};
use crate::model::{ModelError, Result};
use serde::Serialize;
use std::path::Path;
use std::time::SystemTime;

/// A source, its state and the rules that led to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Explanation {
    /// Its name relative to the watched folder.
    pub name: String,
    /// The family of the source: which program writes it.
    pub family: &'static str,
    /// The state in words.
    pub state: String,
    /// True if it would be exported.
    pub complete: bool,
    /// Each rule: its name, `passed`, `careful`, `waiting`, `blocked` or `not yet`, and one sentence.
    pub rules: Vec<(&'static str, &'static str, String)>,
    /// All of the above as text for people.
    #[serde(skip)]
    pub text: String,
}

/// The sources at `path`, or in it, each with its verdict.
///
/// # Errors
/// A request error when there is no source at `path`.
pub(crate) fn explain(rule: &Rule, path: &Path, jobs_root: &Path) -> Result<Vec<Explanation>> {
    let exports = Exports::read(&super::state_folder(jobs_root, rule));
    let recipe = rule.recipe_hash();
    let mut tree = Tree::new(&rule.root);
    tree.refresh(&Dirty::All);
    let found = rule.units(&tree);
    let mut own = OwnOutputs::new(jobs_root);
    own.update();
    let of = |inside: bool| {
        found.iter().filter(move |u| match inside {
            true => u.path.starts_with(path) || path.starts_with(&u.path) && u.path != rule.root,
            false => u.path == path || u.files.iter().any(|f| f.path == path),
        })
    };
    let mut cache = StructureCache::new();
    let chosen: Vec<_> = if of(false).next().is_some() { of(false).collect() } else { of(true).collect() };
    if chosen.is_empty() && !path.starts_with(&rule.root) {
        let what = format!("this path is not in the watched folder {}", rule.root.display());
        return Err(ModelError::request(what).in_file(path).with_hint("Name a path below the watched folder."));
    }
    if chosen.is_empty() {
        let hint = "A source is a folder with weights and a configuration, or a model file; its folder may be too deep or hidden.";
        return Err(ModelError::request("no checkpoint or model found").in_file(path).with_hint(hint));
    }
    let explained = chosen.into_iter().map(|unit| {
        let tracked = Tracked::new(unit.clone(), true);
        let observation = Observation {
            unit,
            tree: &tree,
            unchanged: tracked.unchanged(),
            now: SystemTime::now(),
            settings: &rule.settings,
            previous: None,
            sibling: None,
        };
        let verdict = judge(&observation, &mut cache);
        let mut text = state_text::explain(unit, &verdict);
        if !rule.covers(&unit.name) {
            text.push_str(&format!("  no   {:18} --include or --exclude excludes this source\n", "chosen"));
        }
        let written = !rule.names(&unit.name) && own.contain(unit);
        if written {
            let what =
                "remold wrote it, so it is not a source; `--include` with its name or `remold watch export` exports it";
            text.push_str(&format!("  no   {:18} {what}\n", "another's"));
        }
        if let Some(what) = exports.export_of(&unit.name, &unit.fingerprint(), &recipe).and_then(outcome) {
            text.push_str(&format!("  done {:18} {}\n", "export", crate::units::escape(&what)));
        }
        Explanation {
            name: unit.name.clone(),
            family: unit.family.name,
            state: state_text::state(&verdict.state),
            complete: verdict.state == State::Complete && rule.covers(&unit.name) && !written,
            rules: verdict.rules.into_iter().map(|r| (r.rule, word(r.result), r.sentence)).collect(),
            text,
        }
    });
    Ok(explained.collect())
}

/// The outcome of an earlier export in words; nothing while it runs.
fn outcome(export: &Export) -> Option<String> {
    let done = export.done.as_ref()?;
    let outputs: Vec<String> = export.picked.outputs.iter().map(|o| o.display().to_string()).collect();
    Some(match (done.status, &done.why) {
        (Ended::Ok, _) => format!("already exported: {}", outputs.join(", ")),
        (_, Some(why)) => format!("not exported: {why}"),
        (_, None) => "not exported".to_owned(),
    })
}

fn word(result: RuleResult) -> &'static str {
    match result {
        RuleResult::Passed => "passed",
        RuleResult::Careful => "careful",
        RuleResult::Waiting => "waiting",
        RuleResult::Blocked => "blocked",
        RuleResult::NotYet => "not yet",
    }
}
