//! From what is said of a rule, on the command line or in a file, to the rule.

use super::super::request::{RequestError, apply, find_recipe, targets_of};
use super::args::RuleArgs;
use crate::model::{ModelError, Result};
use crate::recipe::{self, Origin, Recipe};
use crate::watch::{Limits, METRICS, Metric, OnBusy, OnChange, Pin, Policy, RecipeSource, Rule, Settings};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest quiet time that is taken: a day.
const MAX_QUIET_SECONDS: f64 = 86_400.0;

/// The rule for a watched folder. Relative paths are taken from the folder that the process runs in.
pub(crate) fn rule_of(dir: &Path, args: &RuleArgs) -> Result<Rule, RequestError> {
    let root = std::path::absolute(dir).map_err(|e| ModelError::io(dir, "finding", e))?;
    let root = plain(&root);
    let recipe = recipe_of(args)?;
    let output = match &args.output {
        Some(out) => std::path::absolute(out).map_err(|e| ModelError::io(out, "finding", e))?,
        None => Rule::default_output(&root),
    };
    let mut rule = Rule {
        name: args.name.clone(),
        recipe_name: recipe_name(args, &recipe),
        settings: settings(args)?,
        recipe: Recipe::default(),
        root,
        output: plain(&output),
        policy: if args.policy == "newest" { Policy::Newest } else { Policy::Every },
        on_change: if args.on_change == "replace" { OnChange::Replace } else { OnChange::Version },
        on_busy: OnBusy::parse(&args.on_busy).unwrap_or_default(),
        pin: Pin::parse(&args.pin).unwrap_or_default(),
        keep_best: args.keep_best,
        metric: Metric::of(&args.metric).unwrap_or(&METRICS[0]),
        include: args.include.clone(),
        exclude: args.exclude.clone(),
        care: Limits {
            active: args.active.clone(),
            pressure: args.yield_memory_pressure,
            free_memory: args.yield_free_memory,
            gpu: args.yield_gpu,
            min_free: args.min_free,
            nice: args.nice,
        },
        threads: args.threads,
        incremental: !args.no_incremental,
        keep_last: args.keep_last,
        on_finish: args.on_finish.clone(),
        on_fail: args.on_fail.clone(),
    };
    rule.set_recipe(recipe);
    check_types(&args.to, &rule.recipe)?;
    rule.check()?;
    Ok(rule)
}

/// Refuses what is wrong with the targets of `--to` by the name of that option, since the user has written no keys of a recipe.
fn check_types(to: &[String], recipe: &Recipe) -> Result<()> {
    let of_target = |p: &recipe::Problem| p.is_error() && p.is_of_quantization();
    match recipe::check(recipe).into_iter().find(|p| !to.is_empty() && of_target(p)) {
        Some(problem) => {
            let near = problem.help.as_deref().and_then(|h| h.split_once('?')).map(|(near, _)| format!("{near}? "));
            let hint = format!("{}`remold formats` lists them.", near.unwrap_or_default());
            Err(ModelError::request(problem.message).field("--to").with_hint(hint))
        }
        None => Ok(()),
    }
}

/// The recipe of the arguments, read from disk now.
pub(crate) fn recipe_of(args: &RuleArgs) -> Result<Recipe, RequestError> {
    let mut recipe = match &args.recipe {
        Some(name) => find_recipe(name, &args.to)?,
        None => Recipe::default(),
    };
    if !args.to.is_empty() {
        recipe.targets = targets_of(&args.to, &recipe.targets)?;
    }
    apply(&mut recipe, &args.set, false)?;
    for target in &mut recipe.targets {
        target.bare |= args.bare;
        target.options.map_paths(|path| std::path::absolute(&path).unwrap_or(path));
    }
    if args.no_manifest {
        recipe.manifest = Some(false);
    }
    if args.max_memory.is_some() {
        recipe.max_memory.clone_from(&args.max_memory);
    }
    Ok(recipe)
}

/// Where the recipe comes from, so that an edit is noticed.
pub(crate) fn recipe_source(args: &RuleArgs) -> RecipeSource {
    let file = args.recipe.as_ref().and_then(|name| {
        let path = Path::new(name);
        if path.is_file() {
            return std::path::absolute(path).ok();
        }
        match recipe::find(name).ok()?.origin {
            Origin::File(path) => Some(path),
            Origin::BuiltIn => None,
        }
    });
    let args = args.clone();
    let read = move || {
        recipe_of(&args).map_err(|e| match e {
            RequestError::Model(e) => e.to_string(),
            RequestError::Recipe(text) => recipe::without_excerpts(&text),
        })
    };
    RecipeSource { files: file.into_iter().collect(), read: Box::new(read) }
}

fn settings(args: &RuleArgs) -> Result<Settings> {
    if !(0.0..=MAX_QUIET_SECONDS).contains(&args.quiet_time) {
        let what = format!("--quiet-time {} is not a number of seconds from 0 to {MAX_QUIET_SECONDS}", args.quiet_time);
        return Err(ModelError::request(what));
    }
    let quiet = Duration::from_secs_f64(args.quiet_time);
    let defaults = Settings::default();
    Ok(Settings {
        quiet,
        long_quiet: defaults.long_quiet.max(quiet),
        done_marker: args.done_marker.clone(),
        ..defaults
    })
}

/// The path without `.` and without a slash at its end.
pub(crate) fn plain(path: &Path) -> PathBuf {
    path.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
}

fn recipe_name(args: &RuleArgs, recipe: &Recipe) -> String {
    let file =
        |name: &String| Path::new(name).file_stem().map_or_else(|| name.clone(), |s| s.to_string_lossy().into_owned());
    let given = (args.to.is_empty()).then(|| recipe.name.clone().or_else(|| args.recipe.as_ref().map(file))).flatten();
    given.unwrap_or_else(|| match recipe.pipeline.is_empty() {
        true => args.to.join(", "),
        // A step may say what the words leave open.
        false => recipe::title(&Recipe { name: None, ..recipe.clone() }),
    })
}
