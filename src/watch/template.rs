//! Names of exports, made from the path of a source in the watched folder.
//!
//! Placeholders: `{run}` (the folder that the checkpoints are in), `{unit}` (the source's own name), `{path}` (its path in the watched folder,
//! with the watched folder's name in front of a source directly in it), `{step}`, and those of a recipe's `output_name` (`{quant}`, `{format}`).

use super::Unit;
use crate::formats;
use crate::model::{ModelError, Result};
use std::path::Path;

/// The name when none is given.
pub(crate) const DEFAULT: &str = "{path}";

/// Placeholders that are filled in here; those of recipes follow when the target is known.
const OURS: [&str; 4] = ["run", "unit", "path", "step"];
const OF_RECIPES: [&str; 2] = ["quant", "format"];

/// Rejects a template that gives different exports the same name.
///
/// # Errors
/// Request errors that say which placeholders there are.
pub(crate) fn check(template: &str, targets: usize) -> Result<()> {
    let all = || OURS.iter().chain(&OF_RECIPES).map(|p| format!("{{{p}}}")).collect::<Vec<_>>().join(" ");
    let refuse = |what: String| Err(ModelError::request(what).with_hint(format!("Placeholders of a name: {}.", all())));
    if template.contains('/') || template.starts_with('.') {
        return refuse(format!("`{template}` cannot be the name of an export: it must not contain folders"));
    }
    let mut rest = template;
    while let Some((_, behind)) = rest.split_once('{') {
        let Some((word, after)) = behind.split_once('}') else {
            return refuse(format!("a `{{` in the name `{template}` has no `}}`"));
        };
        if !OURS.contains(&word) && !OF_RECIPES.contains(&word) {
            return refuse(format!("the name `{template}` has an unknown placeholder: {{{word}}}"));
        }
        rest = after;
    }
    let has = |word: &str| template.contains(&format!("{{{word}}}"));
    if !has("unit") && !has("path") && !has("step") {
        return refuse(format!("the name `{template}` is the same for every checkpoint"));
    }
    if targets > 1 && has("quant") != has("format") && !has("quant") {
        return refuse(format!("the name `{template}` is the same for every target"));
    }
    Ok(())
}

/// The `output_name` of an export: the template filled in, with a version from the second on.
pub(crate) fn output_name(template: &str, root: &Path, unit: &Unit, version: u32) -> String {
    let path = parts(root, unit);
    let own = path.last().cloned().unwrap_or_default();
    let run = path.len().checked_sub(2).and_then(|i| path.get(i)).cloned().unwrap_or_else(|| own.clone());
    let step = unit.step.map_or_else(|| own.clone(), |s| s.to_string());
    let values = [("{run}", run), ("{unit}", own), ("{path}", path.join("-")), ("{step}", step)];
    let mut name = values.iter().fold(template.to_owned(), |name, (word, value)| name.replace(word, value));
    if version > 1 {
        // Before the type, where the template has one, and before an extension.
        let at = name.find("-{quant}").or_else(|| name.find("{quant}")).unwrap_or_else(|| {
            let extension = name.rsplit_once('.').filter(|_| formats::names_a_file(Path::new(&name)));
            name.len() - extension.map_or(0, |(_, e)| e.len() + 1)
        });
        name.insert_str(at, &format!("-v{version}"));
    }
    name.trim_start_matches('.').to_owned()
}

/// The names that lead from the watched folder to a source; the watched folder's own name in front of a source directly in it.
fn parts(root: &Path, unit: &Unit) -> Vec<String> {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let inside = unit.path.strip_prefix(root).unwrap_or(Path::new(""));
    let mut parts: Vec<String> = inside.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    // Lightning and others put a run's checkpoints into a folder with a generic name.
    parts.retain(|p| p != "checkpoints" && p != "weights");
    if parts.len() < 2 {
        parts.insert(0, name(root));
    }
    if !unit.is_folder()
        && let Some(last) = parts.last_mut()
        && let Some((stem, _)) = last.rsplit_once('.')
        && !stem.is_empty()
    {
        *last = stem.to_owned();
    }
    parts.into_iter().map(|p| clean(&p)).filter(|p| !p.is_empty()).collect()
}

/// A name without the characters that have a meaning in templates or shells.
fn clean(name: &str) -> String {
    let fine = |c: char| if c.is_control() || "{}/\\\"'`$;&|<>*? ".contains(c) { '_' } else { c };
    name.trim_start_matches('.').chars().map(fine).collect()
}
