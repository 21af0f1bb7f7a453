//! From words of the command line to a recipe: a recipe by name, `--set`, `--to`.

use super::many::Trouble;
use super::text::Style;
use super::{Exit, err, refuse};
use crate::formats;
use crate::model::{ModelError, Result};
use crate::recipe::keys::OptionGroup;
use crate::recipe::{self, Recipe, Target, options};
use crate::transform::FileType;
use std::path::Path;

/// Gives the recipe another source than its own. A format in the recipe is about its own source.
pub(super) fn replace_source(recipe: &mut Recipe, source: &Path) {
    if recipe.source.path.as_deref() != Some(source) {
        recipe.source.format = None;
    }
    recipe.source.path = Some(source.to_owned());
}

/// Why a request is refused.
pub(super) enum RequestError {
    Model(ModelError),
    Recipe(String),
}

impl RequestError {
    /// Prints it. How a command ends that was asked for this.
    pub(super) fn report(&self) -> Exit {
        match self {
            Self::Model(e) => refuse(e),
            Self::Recipe(text) => {
                err(&format!("{} {}\n", Style::stderr().error("error:"), text.trim_end()));
                Exit::Request
            }
        }
    }

    /// What is wrong, for a list of models.
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Model(e) => Trouble::of(e),
            Self::Recipe(text) => {
                let line = text.lines().next().unwrap_or_default().to_owned();
                Trouble { message: line.clone(), fact: line }
            }
        }
    }
}

impl From<ModelError> for RequestError {
    fn from(e: ModelError) -> Self {
        Self::Model(e)
    }
}

/// A recipe by file or by name. Where the command line has targets (`to`), the recipe needs none of its own.
pub(super) fn find_recipe(name: &str, to: &[String]) -> Result<Recipe, RequestError> {
    let path = Path::new(name);
    // A pipe or a device of that name is refused by the reader of recipes, not looked for as a name.
    if path.exists() && !path.is_dir() {
        return Ok(Recipe { read_from: vec![path.to_owned()], ..checked(path, to)? });
    }
    if path.is_dir() && formats::is_model(path) {
        let shown = crate::units::quoted(name);
        let hint =
            format!("Name a recipe first: `remold run RECIPE {shown}`; or `remold convert {shown} --to gguf:q4_k_m`.");
        return Err(ModelError::request("this is a model, not a recipe").in_file(path).with_hint(hint).into());
    }
    if !path.exists() && (name.contains('/') || is_recipe_file(path)) {
        let hint = "Check the path, or choose a recipe by name: `remold recipe list` lists them.";
        return Err(ModelError::request("no such recipe file").in_file(path).with_hint(hint).into());
    }
    let preset = recipe::find(name).map_err(|e| RequestError::Recipe(e.to_string()))?;
    match preset.origin {
        // Its mistakes have their file and line.
        recipe::Origin::File(file) => checked(&file, to),
        recipe::Origin::BuiltIn => Ok(preset.recipe),
    }
}

/// The recipe of a file; where there are mistakes, all of them. Where the command line has targets (`to`), the recipe needs none of its own.
fn checked(file: &Path, to: &[String]) -> Result<Recipe, RequestError> {
    let mut problems = recipe::lint_file(file, &recipe::Available::default());
    problems.retain(|p| to.is_empty() || p.path != "target");
    if problems.iter().any(recipe::Problem::is_error) {
        return Err(RequestError::Recipe(problems.iter().map(|p| format!("{p}\n")).collect()));
    }
    recipe::load(file).map(recipe::Parsed::into_recipe).map_err(|e| RequestError::Recipe(e.to_string()))
}

fn is_recipe_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["toml", "yaml", "yml", "json"].iter().any(|known| e == *known))
}

/// Sets keys of a recipe. What `recipe check` refuses in a file is refused here too; of targets and steps only what this version does not do:
/// the rest is found, with better advice, when they are planned.
pub(super) fn apply(recipe: &mut Recipe, set: &[String], force: bool) -> Result<(), RequestError> {
    let before = if set.is_empty() { Vec::new() } else { recipe::check(recipe) };
    for pair in set {
        recipe::apply_set(recipe, pair).map_err(|e| RequestError::Recipe(e.to_string()))?;
    }
    if !set.is_empty() {
        let known = |p: &recipe::Problem| before.iter().any(|b| (&b.path, &b.message) == (&p.path, &p.message));
        let new = |p: &recipe::Problem| p.is_error() && !known(p) && (p.unavailable || !p.is_planned());
        let found = recipe::check(recipe).into_iter().filter(new);
        let found: Vec<String> = found.map(|p| p.to_string()).collect();
        if !found.is_empty() {
            return Err(RequestError::Recipe(found.join("\n")));
        }
    }
    if force {
        recipe.targets.iter_mut().for_each(|t| t.force = true);
    }
    Ok(())
}

/// The target that the name of an output asks for, where there is neither `--to` nor a recipe: the format whose extension it has, with the
/// quantization at the end of the name, if there is one. `None` if the name does not say.
pub(super) fn target_named(output: &Path) -> Option<Target> {
    let mut formats = formats::with_extension_of(output).into_iter().filter(|f| f.write.is_some());
    let (Some(format), None) = (formats.next().map(|f| f.id), formats.next()) else { return None };
    let stem = output.file_stem()?.to_str()?.to_ascii_lowercase();
    let last = stem.rsplit(['-', '.']).next().filter(|last| last.len() < stem.len());
    let named = last.filter(|last| !["auto", "copy"].contains(last) && recipe::types_of(format).contains(last));
    Some(Target { quantization: named.map(str::to_owned), ..Target::of(format) })
}

/// What to say of an output whose name ends with another type than that of its target.
pub(super) fn type_in_name(output: &Path, target: &Target) -> Option<String> {
    let stem = output.file_stem()?.to_str().filter(|_| formats::names_a_file(output))?;
    let last = stem.rsplit(['-', '.']).next().filter(|last| last.len() < stem.len())?;
    let parsed = |name: &str| FileType::parse(name).filter(|t| !t.is_copy());
    let (named, digits) = (parsed(last), last.trim_start_matches(['i', 'I', 't', 'T']));
    // `Q9_X` is meant as a type, whether or not there is such a type.
    let like_one =
        digits.strip_prefix(['q', 'Q']).is_some_and(|n| n.contains('_') && n.starts_with(|c: char| c.is_ascii_digit()));
    if last.parse::<u32>().is_ok() || (named.is_none() && !like_one) {
        return None;
    }
    let mut budgets = options::own_keys().filter(|k| k.group == Some(OptionGroup::Budget));
    let is_budget = budgets.any(|k| target.options.json(k).is_some());
    match target.quantization.as_deref().filter(|q| !q.eq_ignore_ascii_case("auto")) {
        Some(q) if q.eq_ignore_ascii_case(last) || (named.is_some() && parsed(q) == named) => None,
        // Whatever the source has.
        Some(q) if FileType::parse(q).is_some_and(FileType::is_copy) => None,
        Some(q) => Some(format!("the name of the output says {last}, but its type is {}", q.to_ascii_uppercase())),
        None if is_budget => {
            Some(format!("the name of the output says {last}, but its types are chosen for the budget"))
        }
        None if named.is_none() => {
            Some(format!("{last} in the name of the output is not a quantization; the types of the source are kept"))
        }
        None => Some(format!("the name of the output says {last}, but the types of the source are kept")),
    }
}

/// The targets that `--to` asks for. They replace those of a recipe; a target of the same format there gives them its options.
///
/// # Errors
/// An unknown format, with what it may mean.
pub(super) fn targets_of(words: &[String], recipe: &[Target]) -> Result<Vec<Target>> {
    let target = |text: &String| {
        let (format, quantization) = match text.split_once(':') {
            Some((f, q)) => (f, Some(q)),
            None => (text.as_str(), None),
        };
        let format = recipe::format_named(format)?;
        if let Some("") = quantization {
            let what = format!("`{text}` has no quantization behind the colon");
            let hint =
                format!("Write `--to {format}`, or name one, as in `--to gguf:q4_k_m`; `remold formats` lists them.");
            return Err(ModelError::request(what).field("--to").with_hint(hint));
        }
        let quantization = quantization.map(|q| recipe::quantization_by_alias(&q.to_ascii_lowercase()));
        let base = recipe.iter().find(|t| t.format == format).cloned().unwrap_or_else(|| Target::of(format));
        Ok(Target { quantization, output: None, ..base })
    };
    words.iter().map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;

    #[test]
    fn a_name_that_contradicts_the_type_is_noticed() {
        for (name, quantization, part) in [
            ("w-Q8_0.gguf", Some("q4_k_m"), Some("says Q8_0, but its type is Q4_K_M")),
            ("z-Q9_X.gguf", None, Some("Q9_X in the name of the output is not a quantization")),
            ("w-Q8_0.gguf", None, Some("types of the source are kept")),
            ("w-q8_0.gguf", Some("Q8_0"), None),
            ("w-Q4_K.gguf", Some("q4_k_m"), None),
            ("w-iq9_x.gguf", Some("q4_k_m"), Some("says iq9_x")),
            ("checkpoint-7.gguf", Some("q4_k_m"), None),
            ("model-v2.gguf", Some("q4_k_m"), None),
            ("report-Q2.gguf", Some("q4_k_m"), None),
            ("Q8_0.gguf", Some("q4_k_m"), None),
            ("folder-Q8_0", Some("q4_k_m"), None),
        ] {
            let target = Target { quantization: quantization.map(str::to_owned), ..Target::of(FormatId::Gguf) };
            let said = type_in_name(Path::new(name), &target);
            assert_eq!(said.is_some(), part.is_some(), "{name}: {said:?}");
            assert!(part.is_none_or(|part| said.clone().unwrap().contains(part)), "{name}: {said:?}");
        }
    }

    #[test]
    fn the_name_of_an_output_can_say_the_target() {
        for (name, target) in [
            ("x.gguf", Some(("gguf", None))),
            ("out/x-Q4_K_M.GGUF", Some(("gguf", Some("q4_k_m")))),
            ("x.q8_0.gguf", Some(("gguf", Some("q8_0")))),
            ("x-F16.safetensors", Some(("safetensors", Some("f16")))),
            ("x-copy.gguf", Some(("gguf", None))),
            ("q8_0.gguf", Some(("gguf", None))),
            ("x.bin", Some(("pytorch", None))),
            ("x.onnx", Some(("onnx", None))),
            ("x.tflite", None),
            ("x", None),
        ] {
            let found = target_named(Path::new(name));
            let found = found.as_ref().map(|t| (t.format.name(), t.quantization.as_deref()));
            assert_eq!(found, target, "{name}");
        }
    }
}
