//! `recipe new`: a template, or a recipe for a model and a purpose.

use super::args::NewArgs;
use super::text::{Style, safe};
use super::{Exit, note, out, refuse};
use crate::arch;
use crate::files;
use crate::model::{ModelError, Result};
use crate::monitor::Gpus;
use crate::plan::goals::{self, Limits, Memory};
use crate::recipe::{self, Syntax};
use std::path::Path;

/// `remold recipe new`.
pub(crate) fn run(args: &NewArgs) -> Exit {
    if let Some(e) = args.output.as_deref().and_then(not_toml) {
        return refuse(&e);
    }
    let (text, title) = match (&args.model, args.goal.as_deref().and_then(goals::goal)) {
        (Some(model), Some(goal)) => match composed(args, model, goal) {
            Ok(text) => (text, format!("for {}", goal.title)),
            Err(e) => return refuse(&e),
        },
        _ => (recipe::template(), "a template".to_owned()),
    };
    let Some(path) = &args.output else {
        out(&text);
        return Exit::Done;
    };
    match write_new(path, &text) {
        Ok(()) => {
            let shown = safe(&path.to_string_lossy());
            let path = crate::units::quoted(&path.to_string_lossy());
            let next = match &args.model {
                Some(_) => format!("run it with: remold run {path}"),
                None => format!("edit it, and run it with: remold run {path} MODEL"),
            };
            note(&format!("{} {shown}, {title}\n  {next}\n", Style::stderr().good("✓")));
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

/// The error for a name that says another syntax than the one that is written.
fn not_toml(path: &Path) -> Option<ModelError> {
    let syntax = match Syntax::of(path) {
        Syntax::Toml => return None,
        Syntax::Yaml => "YAML",
        Syntax::Json => "JSON",
    };
    let name = path.with_extension("toml");
    let what = format!("the name says {syntax}, and recipes are written as TOML");
    Some(ModelError::request(what).in_file(path).with_hint(format!("Name it {}.", name.display())))
}

fn composed(args: &NewArgs, path: &Path, goal: &goals::GoalSpec) -> Result<String> {
    let model = arch::open(path)?;
    let unused = [
        args.memory.is_some().then(|| goal.ignores_memory()).flatten().map(|why| ("--memory", why)),
        args.context_length.is_some().then(|| goal.ignores_context()).flatten().map(|why| ("--context-length", why)),
    ];
    for (option, why) in unused.into_iter().flatten() {
        let text = format!("{option} has no effect for the goal {}: {why}", goal.name);
        note(&format!("{} {text}\n", Style::stderr().warning("warning:")));
    }
    let mut limits =
        Limits { memory: args.memory.as_deref().and_then(recipe::parse_size), context: args.context_length };
    let mut gpu = None;
    if limits.memory.is_none() && goal.memory == Memory::OfGpu {
        gpu =
            Gpus::load().ok().and_then(|gpus| gpus.sample().into_iter().find_map(|g| Some((g.name, g.memory?.total))));
        limits.memory = gpu.as_ref().map(|(_, total)| *total);
    }
    let mut composed = goals::compose(&model, goal, limits)?;
    if let Some((name, _)) = gpu {
        composed.reasons.insert(0, format!("The memory is that of the first GPU of this machine, {name}."));
    }
    let source = std::path::absolute(path).map_err(|e| ModelError::io(path, "resolving", e))?;
    let about = format!(
        "{}, for {}: {} parameters in {} of {}.",
        source.file_name().unwrap_or_default().to_string_lossy(),
        goal.title,
        crate::units::count(model.parameters()),
        crate::units::bytes(model.tensor_bytes()),
        model.format,
    );
    composed.recipe.source.path = Some(source);
    Ok(goals::to_text(&composed, &about))
}

/// Writes a file that does not exist yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> Result<()> {
    files::write_new(path, text.as_bytes()).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => ModelError::request("there is a file of that name already")
            .in_file(path)
            .with_hint("Give another name with -o, or remove the file."),
        _ => ModelError::io(path, "writing", e),
    })
}
