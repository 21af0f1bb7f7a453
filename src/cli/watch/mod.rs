//! `watch`: from arguments to a rule, and the watcher's events as lines. `others` is about watchers in other processes.

mod args;
mod lines;
mod others;
mod requests;
mod unit;

pub use args::{WatchArgs, WatchCommand};

use super::convert::{Refused, apply, find_recipe, target_of};
use super::signals::stop_on_signal;
use super::text::Style;
use super::{Exit, err, out, print, refuse};
use crate::engine::StopReason;
use crate::job;
use crate::model::{ModelError, Result};
use crate::recipe::{Recipe, Target};
use crate::watch::{self, Backend, OnChange, Policy, Rule, Settings, WatchOptions};
use std::path::Path;
use std::time::Duration;

/// Longest quiet time that is taken: a day.
const MAX_QUIET_SECONDS: f64 = 86_400.0;

/// `remold watch`.
pub fn run(args: &WatchArgs) -> Exit {
    match &args.command {
        Some(WatchCommand::List { json }) => return others::list(*json),
        Some(WatchCommand::Attach { id, json }) => return others::attach(id.as_deref(), *json),
        Some(WatchCommand::Stop { id }) => return others::stop(id.as_deref()),
        Some(WatchCommand::Pause { id }) => return requests::pause(id.as_deref(), true),
        Some(WatchCommand::Resume { id }) => return requests::pause(id.as_deref(), false),
        Some(WatchCommand::Export { path, watcher }) => return requests::export(path, watcher.as_deref()),
        Some(WatchCommand::Ignore { path, undo, watcher }) => {
            return requests::ignore(path, watcher.as_deref(), *undo);
        }
        None => {}
    }
    let rule = match rule_of(args) {
        Ok(rule) => rule,
        Err(Refused::Model(e)) => return refuse(&e),
        Err(Refused::Recipe(text)) => {
            err(&format!("{} {}\n", Style::stderr().error("error:"), text.trim_end()));
            return Exit::Request;
        }
    };
    if let Some(path) = &args.explain {
        return explain(&rule, path, args.json);
    }
    if args.print_unit {
        return unit::print(&rule);
    }
    if args.detach {
        return others::detach(&rule);
    }
    follow(&rule, args)
}

fn follow(rule: &Rule, args: &WatchArgs) -> Exit {
    let stop = stop_on_signal();
    let listener: Box<dyn FnMut(&watch::WatchEvent) + Send> = if args.json {
        Box::new(print::json)
    } else {
        let lines = lines::Lines::new(Style::stderr());
        Box::new(move |event| err(&lines.line(event)))
    };
    let options = WatchOptions {
        once: args.once,
        backend: Backend::parse(&args.backend).unwrap_or_default(),
        jobs_root: job::jobs_root(),
        command: command(),
        stop: stop.clone(),
        listener,
    };
    match watch::watch(rule, options) {
        Err(e) => refuse(&e),
        Ok(tally) => match stop.reason() {
            Some(StopReason::Interrupt(signal)) => Exit::interrupted(signal),
            Some(StopReason::Cancel) => Exit::Cancelled,
            None if tally.failed > 0 => Exit::Failed,
            None => Exit::Done,
        },
    }
}

fn rule_of(args: &WatchArgs) -> Result<Rule, Refused> {
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let root = std::path::absolute(dir).map_err(|e| ModelError::io(dir, "finding", e))?;
    let root = plain(&root);
    let mut recipe = match &args.recipe {
        Some(name) => find_recipe(name)?,
        None => Recipe::default(),
    };
    if !args.to.is_empty() {
        let base = recipe.targets.iter().find(|t| t.format == "gguf").cloned().unwrap_or_default();
        recipe.targets = args.to.iter().map(|t| target_of(t, &base)).collect();
    }
    for target in &mut recipe.targets {
        target.bare |= args.bare;
        if let Some(imatrix) = &mut target.imatrix
            && let Ok(full) = std::path::absolute(&imatrix)
        {
            *imatrix = full;
        }
    }
    apply(&mut recipe, &args.set, false)?;
    if args.max_memory.is_some() {
        recipe.max_memory.clone_from(&args.max_memory);
    }
    let output = match &args.output {
        Some(out) => std::path::absolute(out).map_err(|e| ModelError::io(out, "finding", e))?,
        None => Rule::default_output(&root),
    };
    if !(0.0..=MAX_QUIET_SECONDS).contains(&args.quiet_time) {
        let what = format!("--quiet-time {} is not a number of seconds from 0 to {MAX_QUIET_SECONDS}", args.quiet_time);
        return Err(ModelError::request(what).into());
    }
    let quiet = Duration::from_secs_f64(args.quiet_time);
    let defaults = Settings::default();
    // A file that names its network needs the network's files; tensors alone do not.
    let whole = |t: &Target| t.format == "gguf" && !t.bare;
    let needs = recipe.targets.iter().any(whole);
    let rule = Rule {
        name: args.name.clone(),
        recipe_name: recipe_name(args, &recipe),
        recipe,
        root,
        output: plain(&output),
        policy: if args.policy == "newest" { Policy::Newest } else { Policy::Every },
        on_change: if args.on_change == "replace" { OnChange::Replace } else { OnChange::Version },
        include: args.include.clone(),
        exclude: args.exclude.clone(),
        settings: Settings {
            quiet,
            long_quiet: defaults.long_quiet.max(quiet),
            done_marker: args.done_marker.clone(),
            needs_config: needs,
            needs_tokenizer: needs,
            ..defaults
        },
        threads: args.threads,
        keep_last: args.keep_last,
        on_finish: args.on_finish.clone(),
        on_fail: args.on_fail.clone(),
    };
    rule.check()?;
    Ok(rule)
}

/// The command that runs now, as a shell takes it in any folder. Names that are not text cannot be told.
fn command() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    let words: Option<Vec<String>> = std::env::args_os().skip(1).map(|a| a.to_str().map(quoted)).collect();
    Some(format!("cd {} && remold {}", quoted(folder.to_str()?), words?.join(" ")))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The path without `.` and without a slash at its end.
fn plain(path: &Path) -> std::path::PathBuf {
    path.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
}

fn recipe_name(args: &WatchArgs, recipe: &Recipe) -> String {
    let file =
        |name: &String| Path::new(name).file_stem().map_or_else(|| name.clone(), |s| s.to_string_lossy().into_owned());
    let given = (args.to.is_empty()).then(|| recipe.name.clone().or_else(|| args.recipe.as_ref().map(file))).flatten();
    given.unwrap_or_else(|| args.to.join(", "))
}

/// `--explain`: the verdict on one source, from what is on the disk now.
fn explain(rule: &Rule, path: &Path, json: bool) -> Exit {
    let full = match std::path::absolute(path) {
        Ok(full) => plain(&full),
        Err(e) => return refuse(&ModelError::io(path, "finding", e)),
    };
    match watch::explain(rule, &full, &job::jobs_root()) {
        Ok(found) => {
            if json {
                print::json(&found);
            } else {
                found.iter().for_each(|f| out(&f.text));
            }
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (word, text) in [
            ("runs/exp42", "runs/exp42"),
            ("gguf:q4_k_m", "gguf:q4_k_m"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("checkpoint-*00", "'checkpoint-*00'"),
            ("~/x", "'~/x'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }
}
