//! A file of rules: TOML with a `[[watch]]` table for each.
//!
//! The keys of a table are the options of the command line ([`RuleArgs`]) with `_` for `-`, and each value is read by the option's own parser, so
//! that file and command line cannot differ. `path` is the watched folder, `out` is `output`. Relative paths are taken from the file's folder.
//! Everything that is wrong is reported at once, with its line.

use super::super::request::{RequestError, find_recipe, targets_of};
use super::RequestedRule;
use super::args::RuleArgs;
use super::rule::rule_of;
use crate::files;
use crate::model::ModelError;
use crate::recipe::remedies::on_command_line;
use crate::recipe::{
    Entry, LocatedProblem, MAX_TEXT_BYTES, Node, Problem, Recipe, SourceText, Span, Syntax, Value, placed, read_tree,
    suggest,
};
use crate::watch::{check_name, check_recipe};
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Args, Command, FromArgMatches};
use std::path::{Path, PathBuf};

/// Rules in one file at most: each is a thread with its own look at its folder.
const MAX_RULES: usize = 256;

/// Every key of a `[[watch]]` table beside `path`, with its option.
pub(crate) fn keys() -> Vec<(String, clap::Arg)> {
    let options = options();
    let key = |a: &clap::Arg| match a.get_id().as_str() {
        "output" => "out".to_owned(),
        id => id.to_owned(),
    };
    options.get_arguments().map(|a| (key(a), a.clone())).collect()
}

fn options() -> Command {
    RuleArgs::augment_args(Command::new("watch").no_binary_name(true).disable_help_flag(true))
}

/// The rules of a file, none of which was started yet.
///
/// # Errors
/// Everything that is wrong with the file and with its rules.
pub(crate) fn load(path: &Path) -> Result<Vec<RequestedRule>, RequestError> {
    let refuse = |what: String| {
        let hint = "A file of rules is TOML: [[watch]], then `path = \"runs/exp42\"` and `to = [\"gguf:q4_k_m\"]`.";
        RequestError::Model(ModelError::request(what).in_file(path).with_hint(hint))
    };
    let text = files::read_text(path, MAX_TEXT_BYTES as u64).map_err(|e| refuse(e.to_string()))?;
    let full = std::path::absolute(path).map_err(|e| ModelError::io(path, "finding", e))?;
    let folder = full.parent().unwrap_or(Path::new("/"));
    let source = SourceText { file: Some(path.to_owned()), text };
    let (root, mut found) = read_tree(&source, Syntax::Toml);
    let mut rules = Vec::new();
    if found.is_empty()
        && let Some(root) = root
    {
        for (table, at) in tables(root, &mut found) {
            match rule(table, folder) {
                Ok(rule) => rules.push((rule, at)),
                Err(mut wrong) => {
                    wrong.iter_mut().filter(|(p, _)| p.path.is_empty()).for_each(|(_, span)| *span = at);
                    found.append(&mut wrong);
                }
            }
        }
        found.extend(conflicts(&rules, |at| source.place(at).line));
    }
    if !found.is_empty() {
        let text: Vec<String> = placed(found, &source).iter().map(ToString::to_string).collect();
        return Err(RequestError::Recipe(text.join("\n")));
    }
    if rules.is_empty() {
        return Err(refuse("there is no [[watch]] table".to_owned()));
    }
    Ok(rules.into_iter().map(|(rule, _)| rule).collect())
}

/// The `[[watch]]` tables, with the place of each.
fn tables(root: Node, found: &mut Vec<LocatedProblem>) -> Vec<(Vec<Entry>, Span)> {
    let Value::Table(entries) = root.value else { return Vec::new() };
    let mut tables = Vec::new();
    for entry in entries {
        if entry.key != "watch" {
            let help = suggest(&entry.key, ["watch"], "Put every key in a [[watch]] table.");
            found.push((
                Problem::error(&entry.key, format!("unknown key `{}`", entry.key)).with_help(help),
                entry.key_at,
            ));
            continue;
        }
        let wrong =
            || Problem::error("watch", "`watch` is not a list of tables").with_help("Start each rule with [[watch]].");
        let Value::List(items) = entry.node.value else {
            found.push((wrong(), entry.key_at));
            continue;
        };
        if items.len() > MAX_RULES {
            let p = Problem::error("watch", format!("{} rules; {MAX_RULES} are allowed", items.len()));
            found.push((p.with_help("Split the file."), entry.key_at));
            continue;
        }
        for item in items {
            match item.value {
                Value::Table(entries) => tables.push((entries, item.at)),
                _ => found.push((wrong(), item.at)),
            }
        }
    }
    tables
}

/// The rule of one table. Problems without a key are about the whole table.
fn rule(table: Vec<Entry>, folder: &Path) -> Result<RequestedRule, Vec<LocatedProblem>> {
    let keys = keys();
    let (mut dir, mut words, mut found) = (None, Vec::new(), Vec::new());
    let has = |key: &str| table.iter().any(|e| e.key == key);
    let (has_path, has_to) = (has("path"), has("to"));
    let has_target = has_to || has("recipe");
    let mut all_known = true;
    for entry in table {
        if entry.key == "path" {
            match text(&entry) {
                Ok(path) => dir = Some(from(folder, path)),
                Err(p) => found.push(p),
            }
            continue;
        }
        let Some((_, option)) = keys.iter().find(|(key, _)| *key == entry.key) else {
            let known = keys.iter().map(|(k, _)| k.as_str()).chain(["path"]);
            let all: Vec<&str> = known.clone().collect();
            let help = suggest(&entry.key, known, &format!("Keys of a rule: {}.", all.join(", ")));
            found.push((
                Problem::error(&entry.key, format!("unknown key `{}`", entry.key)).with_help(help),
                entry.key_at,
            ));
            all_known = false;
            continue;
        };
        words.append(&mut arguments(&entry, option, (folder, has_to), &mut found));
    }
    let whole = |what: String, help: String| (Problem::error("", what).with_help(help), Span::default());
    // What a misspelled key leaves out is not missing.
    if !has_path && all_known {
        let help = "Name the folder to watch: `path = \"runs/exp42\"`.";
        found.push(whole("this rule has no `path`".to_owned(), help.to_owned()));
    }
    if !has_target && all_known && !found.is_empty() {
        let help = "Name what to make: `to = [\"gguf:q4_k_m\"]`, or a recipe: `recipe = \"NAME\"`.";
        found.push(whole("there is no target".to_owned(), help.to_owned()));
    }
    let Some(dir) = dir.filter(|_| found.is_empty()) else { return Err(found) };
    let args = options().try_get_matches_from(words).and_then(|m| RuleArgs::from_arg_matches(&m));
    let args = args.map_err(|e| vec![whole(plain_words(&e, None), String::new())])?;
    match rule_of(&dir, &args) {
        Ok(rule) => Ok(RequestedRule { rule, args }),
        Err(e) => {
            let (what, help) = words_of(e);
            Err(vec![whole(what, help)])
        }
    }
}

/// An error in words, and what to do.
fn words_of(error: RequestError) -> (String, String) {
    match error {
        RequestError::Model(e) => {
            let hint = crate::job::remedy(&e).as_ref().map(on_command_line).unwrap_or_default();
            (e.to_string(), hint)
        }
        RequestError::Recipe(text) => {
            // Its own hint is one of this problem.
            let help = text.trim_end().replace("\n  hint: ", "\n");
            ("the recipe of this rule cannot be used".to_owned(), help)
        }
    }
}

/// What is wrong with a value that its option takes, and that would be found only once the whole rule is made.
fn mistake(key: &str, value: &str, has_targets: bool) -> Option<RequestError> {
    let known = match key {
        "to" => targets_of(&[value.to_owned()], &[])
            .and_then(|targets| check_recipe(&Recipe { targets, ..Recipe::default() }))
            .map_err(RequestError::from),
        // The targets of the rule take the place of those of the recipe.
        "recipe" if has_targets => find_recipe(value, &["to".to_owned()]).map(drop),
        "recipe" => find_recipe(value, &[]).map(drop),
        "name" => check_name(value, 1).map_err(RequestError::from),
        _ => return None,
    };
    known.err()
}

/// A text value.
fn text(entry: &Entry) -> Result<&str, LocatedProblem> {
    match &entry.node.value {
        Value::Text(text) if !text.is_empty() => Ok(text),
        _ => {
            let what = format!("`{}` takes a string, not {}", entry.key, entry.node.describe());
            Err((Problem::error(&entry.key, what), entry.node.at))
        }
    }
}

/// The command line arguments of an entry of a rule, which may have targets; each value is parsed alone, so that a mistake is reported at
/// its place. Paths are relative to the folder.
fn arguments(
    entry: &Entry,
    option: &clap::Arg,
    (folder, has_targets): (&Path, bool),
    found: &mut Vec<LocatedProblem>,
) -> Vec<String> {
    let flag = option.get_long().map(|l| format!("--{l}")).unwrap_or_default();
    let wrong = |node: &Node, what: &str| {
        (Problem::error(&entry.key, format!("`{}` takes {what}, not {}", entry.key, node.describe())), node.at)
    };
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return match entry.node.value {
            Value::Bool(true) => vec![flag],
            Value::Bool(false) => Vec::new(),
            _ => {
                found.push(wrong(&entry.node, "true or false"));
                Vec::new()
            }
        };
    }
    let list = matches!(option.get_action(), ArgAction::Append);
    let nodes: Vec<&Node> = match &entry.node.value {
        Value::List(items) if list => items.iter().collect(),
        Value::List(_) => {
            found.push(wrong(&entry.node, "one value"));
            return Vec::new();
        }
        _ => vec![&entry.node],
    };
    let mut words = Vec::new();
    for node in nodes {
        let value = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Int(n) => n.to_string(),
            Value::Float(x) => x.to_string(),
            _ => {
                found.push(wrong(node, if list { "a string or a list of strings" } else { "a string or a number" }));
                continue;
            }
        };
        let value = match option.get_id().as_str() {
            "output" => from(folder, &value).display().to_string(),
            "recipe" => recipe(folder, &value),
            _ => value,
        };
        let word = format!("{flag}={value}");
        if let Err(e) = options().try_get_matches_from([&word]) {
            let valid = match e.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(all)) if !all.is_empty() => format!("Values: {}.", all.join(", ")),
                _ => String::new(),
            };
            let p = Problem::error(&entry.key, plain_words(&e, Some(&entry.key))).with_help(valid);
            found.push((p, node.at));
        } else if let Some(e) = mistake(&entry.key, &value, has_targets) {
            let (what, help) = words_of(e);
            found.push((Problem::error(&entry.key, what).with_help(help), node.at));
        } else {
            words.push(word);
        }
    }
    words
}

/// clap's message on one line, about the key instead of the option.
fn plain_words(e: &clap::Error, key: Option<&str>) -> String {
    let text = e.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    match (key, e.get(ContextKind::InvalidArg)) {
        (Some(key), Some(ContextValue::String(option))) => line.replace(&format!("'{option}'"), &format!("`{key}`")),
        _ => line.to_owned(),
    }
}

/// A path of the file, from the file's folder; `~/` is the home folder, since no shell reads it.
fn from(folder: &Path, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), crate::files::paths::home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    }
}

/// A recipe's file if there is one or the name is a path, else the name.
fn recipe(folder: &Path, name: &str) -> String {
    let path = from(folder, name);
    let is_path = name.contains('/')
        || Path::new(name).extension().is_some_and(|e| ["toml", "yaml", "yml", "json"].iter().any(|x| e == *x));
    if is_path || path.is_file() { path.display().to_string() } else { name.to_owned() }
}

/// Rules that would disturb each other.
fn conflicts(rules: &[(RequestedRule, Span)], line: impl Fn(Span) -> usize) -> Vec<LocatedProblem> {
    let mut found = Vec::new();
    for (i, (a, at)) in rules.iter().enumerate() {
        if let Some((_, first)) = rules[..i].iter().find(|(b, _)| b.rule.id() == a.rule.id()) {
            let what = format!("the rule on line {} exports the same folder to the same place", line(*first));
            found.push((Problem::error("", what).with_help("Give one of them another `out`."), *at));
        }
        let inside = rules.iter().find(|(b, _)| {
            let below = a.rule.output.strip_prefix(&b.rule.root).ok();
            below.is_some_and(|below| b.rule.covers(&below.to_string_lossy()))
        });
        if let Some((_, other)) = inside {
            let what = format!(
                "the exports of this rule would be in the folder that the rule on line {} watches",
                line(*other)
            );
            let help = "Choose another `out`, or leave the folder out of that rule with `exclude`.";
            found.push((Problem::error("", what).with_help(help), *at));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_a_rule_is_a_key_and_is_in_the_manual() {
        let manual = include_str!("../../../docs/watch.md");
        let mut missing = Vec::new();
        for (key, option) in keys() {
            let long = option.get_long().unwrap_or_default();
            let same = key == "out" || key.replace('_', "-") == long;
            assert!(same, "{key} is not --{long}");
            let spellings = [format!("`{key}`"), format!("--{long}")];
            if !spellings.iter().any(|t| manual.contains(t.as_str())) {
                missing.push(key);
            }
        }
        assert!(missing.is_empty(), "docs/watch.md does not mention {missing:?}");
    }
}
