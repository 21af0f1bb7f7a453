//! From words of the command line to a recipe: a recipe by name, `--set`, `--to`.

use crate::model::{ModelError, Result};
use crate::recipe::{self, Recipe, Target};
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
        let parsed = recipe::load(path).map_err(|e| RequestError::Recipe(e.to_string()))?;
        let mut problems = parsed.check(&recipe::Available::default());
        problems.retain(|p| to.is_empty() || p.path != "target");
        if problems.iter().any(recipe::Problem::is_error) {
            return Err(RequestError::Recipe(problems.iter().map(|p| format!("{p}\n")).collect()));
        }
        return Ok(Recipe { read_from: vec![path.to_owned()], ..parsed.into_recipe() });
    }
    recipe::find(name).map(|preset| preset.recipe).map_err(|e| RequestError::Recipe(e.to_string()))
}

pub(super) fn apply(recipe: &mut Recipe, set: &[String], force: bool) -> Result<(), RequestError> {
    for pair in set {
        recipe::apply_set(recipe, pair).map_err(|e| RequestError::Recipe(e.to_string()))?;
    }
    if force {
        recipe.targets.iter_mut().for_each(|t| t.force = true);
    }
    Ok(())
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
        let quantization = quantization.map(|q| recipe::quantization_by_alias(&q.to_ascii_lowercase()));
        let base = recipe.iter().find(|t| t.format == format).cloned().unwrap_or_else(|| Target::of(format));
        Ok(Target { quantization, output: None, ..base })
    };
    words.iter().map(target).collect()
}
