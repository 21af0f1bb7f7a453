//! `watch`: from arguments to rules, and the watchers' events as lines. `rule` makes a rule, `rules_file` reads several from a file, `follow` runs
//! them in this process, `others` is about watchers in other processes.

pub(super) mod args;
mod follow;
mod lines;
mod manage;
mod reader;
mod requests;
mod rule;
mod rules_file;
mod unit;

pub(crate) use args::{WatchArgs, WatchCommand};

use super::request::RequestError;
use super::{Exit, out, print, refuse};
use crate::job;
use crate::model::ModelError;
use crate::watch::{self, Rule};
use args::RuleArgs;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use rules_file::load as load_rules;
use std::path::Path;

/// A rule that is to be watched, and what it was made from.
#[derive(Debug)]
pub(crate) struct RequestedRule {
    /// The rule.
    pub rule: Rule,
    /// What was said of it.
    pub args: RuleArgs,
}

/// `remold watch`.
pub(crate) fn run(args: &WatchArgs) -> Exit {
    match &args.command {
        Some(WatchCommand::List { json }) => return manage::list(*json),
        Some(WatchCommand::Attach { id, all, json }) => return manage::attach(id.as_deref(), *all, *json),
        Some(WatchCommand::Stop { id }) => return manage::stop(id.as_deref()),
        Some(WatchCommand::Forget { id }) => return manage::forget(id),
        Some(WatchCommand::Pause { id }) => return requests::pause(id.as_deref(), true),
        Some(WatchCommand::Resume { id }) => return requests::pause(id.as_deref(), false),
        Some(WatchCommand::Export { path, watcher }) => return requests::export(path, watcher.as_deref()),
        Some(WatchCommand::Ignore { path, undo, watcher }) => {
            return requests::ignore(path, watcher.as_deref(), *undo);
        }
        None => {}
    }
    let asked = match asked(args) {
        Ok(asked) => asked,
        Err(e) => return e.report(),
    };
    if let Some(path) = &args.explain {
        return explain(&asked, path, args.json);
    }
    if args.print_unit {
        let what = args.rules.as_deref().or(args.dir.as_deref()).unwrap_or(Path::new("."));
        let what = std::path::absolute(what).map_or_else(|_| what.to_owned(), |w| rule::plain(&w));
        return unit::print(&what);
    }
    if args.detach {
        return manage::detach(&asked);
    }
    follow::run(asked, args)
}

/// The rule of the arguments, or those of the file.
fn asked(args: &WatchArgs) -> Result<Vec<RequestedRule>, RequestError> {
    if let Some(file) = &args.rules {
        return rules_file::load(file);
    }
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    if dir.is_file() && dir.extension().is_some_and(|e| e == "toml") {
        let hint = format!("For the rules of a file: `remold watch --rules {}`.", dir.display());
        return Err(ModelError::request("only folders can be watched, not files").in_file(dir).with_hint(hint).into());
    }
    Ok(vec![RequestedRule { rule: rule::rule_of(dir, &args.rule)?, args: args.rule.clone() }])
}

/// `--explain`: the verdict on one source, from what is on the disk now.
fn explain(asked: &[RequestedRule], path: &Path, json: bool) -> Exit {
    let full = match std::path::absolute(path) {
        Ok(full) => rule::plain(&full),
        Err(e) => return refuse(&ModelError::io(path, "finding", e)),
    };
    let concerned = asked.iter().filter(|a| asked.len() == 1 || full.starts_with(&a.rule.root));
    let mut found = Vec::new();
    for asked in concerned {
        match watch::explain(&asked.rule, &full, &job::jobs_root()) {
            Ok(mut more) => found.append(&mut more),
            Err(e) => return refuse(&e),
        }
    }
    if found.is_empty() {
        let e = ModelError::request("no rule watches a folder that contains this path").in_file(&full);
        return refuse(&e.with_hint("Name a path below the `path` of a rule."));
    }
    if json {
        print::json(&found);
    } else {
        found.iter().for_each(|f| out(&f.text));
    }
    Exit::Done
}
