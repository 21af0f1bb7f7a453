//! From what is said of a rule, on the command line or in a file, to the rule.

use super::super::convert::{Refused, apply, find_recipe, target_of};
use super::args::RuleArgs;
use crate::model::{ModelError, Result};
use crate::recipe::{Recipe, Target};
use crate::watch::{OnChange, Policy, Rule, Settings};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest quiet time that is taken: a day.
const MAX_QUIET_SECONDS: f64 = 86_400.0;

/// The rule for a watched folder. Relative paths are taken from the folder that the process runs in.
pub fn rule_of(dir: &Path, args: &RuleArgs) -> Result<Rule, Refused> {
    let root = std::path::absolute(dir).map_err(|e| ModelError::io(dir, "finding", e))?;
    let root = plain(&root);
    let recipe = recipe_of(args)?;
    let output = match &args.output {
        Some(out) => std::path::absolute(out).map_err(|e| ModelError::io(out, "finding", e))?,
        None => Rule::default_output(&root),
    };
    let rule = Rule {
        name: args.name.clone(),
        recipe_name: recipe_name(args, &recipe),
        settings: settings(args, &recipe)?,
        recipe,
        root,
        output: plain(&output),
        policy: if args.policy == "newest" { Policy::Newest } else { Policy::Every },
        on_change: if args.on_change == "replace" { OnChange::Replace } else { OnChange::Version },
        include: args.include.clone(),
        exclude: args.exclude.clone(),
        threads: args.threads,
        keep_last: args.keep_last,
        on_finish: args.on_finish.clone(),
        on_fail: args.on_fail.clone(),
    };
    rule.check()?;
    Ok(rule)
}

/// The recipe that the arguments ask for, as it is on the disk now.
pub fn recipe_of(args: &RuleArgs) -> Result<Recipe, Refused> {
    let mut recipe = match &args.recipe {
        Some(name) => find_recipe(name)?,
        None => Recipe::default(),
    };
    if !args.to.is_empty() {
        let base = recipe.targets.iter().find(|t| t.format == "gguf").cloned().unwrap_or_default();
        recipe.targets = args.to.iter().map(|t| target_of(t, &base)).collect();
    }
    apply(&mut recipe, &args.set, false)?;
    for target in &mut recipe.targets {
        target.bare |= args.bare;
        if let Some(imatrix) = &mut target.imatrix
            && let Ok(full) = std::path::absolute(&imatrix)
        {
            *imatrix = full;
        }
    }
    if args.max_memory.is_some() {
        recipe.max_memory.clone_from(&args.max_memory);
    }
    Ok(recipe)
}

fn settings(args: &RuleArgs, recipe: &Recipe) -> Result<Settings> {
    if !(0.0..=MAX_QUIET_SECONDS).contains(&args.quiet_time) {
        let what = format!("--quiet-time {} is not a number of seconds from 0 to {MAX_QUIET_SECONDS}", args.quiet_time);
        return Err(ModelError::request(what));
    }
    let quiet = Duration::from_secs_f64(args.quiet_time);
    let defaults = Settings::default();
    // A file that names its network needs the network's files; tensors alone do not.
    let needs = recipe.targets.iter().any(|t: &Target| t.format == "gguf" && !t.bare);
    Ok(Settings {
        quiet,
        long_quiet: defaults.long_quiet.max(quiet),
        done_marker: args.done_marker.clone(),
        needs_config: needs,
        needs_tokenizer: needs,
        ..defaults
    })
}

/// The path without `.` and without a slash at its end.
pub fn plain(path: &Path) -> PathBuf {
    path.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
}

fn recipe_name(args: &RuleArgs, recipe: &Recipe) -> String {
    let file =
        |name: &String| Path::new(name).file_stem().map_or_else(|| name.clone(), |s| s.to_string_lossy().into_owned());
    let given = (args.to.is_empty()).then(|| recipe.name.clone().or_else(|| args.recipe.as_ref().map(file))).flatten();
    given.unwrap_or_else(|| args.to.join(", "))
}
