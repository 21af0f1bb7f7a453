//! Recipes with a name: those that come with remold and those of the user's folder.

use super::problem::{Problem, RecipeErrors};
use super::types::Recipe;
use super::{Available, Syntax, lint_file, load, names, parse};
use std::path::{Path, PathBuf};

/// Files looked at in the user's folder at most.
const MAX_FILES: usize = 1000;

/// Where a preset comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It comes with remold.
    BuiltIn,
    /// A file of the user's.
    File(PathBuf),
}

/// A recipe with a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Preset {
    /// The name to call it by.
    pub name: String,
    /// A one-line description.
    pub about: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Where it comes from.
    pub origin: Origin,
    /// Its text, with comments.
    pub text: String,
}

/// (name, text) of the built-in presets, in the order shown.
const BUILT_IN: &[(&str, &str)] = &[
    ("balanced", include_str!("presets/balanced.toml")),
    ("ollama", include_str!("presets/ollama.toml")),
    ("small", include_str!("presets/small.toml")),
    ("quality", include_str!("presets/quality.toml")),
    ("q8", include_str!("presets/q8.toml")),
    ("lossless", include_str!("presets/lossless.toml")),
    ("f16", include_str!("presets/f16.toml")),
    ("ladder", include_str!("presets/ladder.toml")),
    ("safetensors-f16", include_str!("presets/safetensors-f16.toml")),
    ("safetensors", include_str!("presets/safetensors.toml")),
];

/// The presets that come with remold.
pub(crate) fn built_in() -> Vec<Preset> {
    let make = |(name, text): &(&str, &str)| {
        // A test parses and checks every one of them.
        let recipe = parse(text, Syntax::Toml, None).ok()?;
        Some(preset(name, text, recipe, Origin::BuiltIn))
    };
    BUILT_IN.iter().filter_map(make).collect()
}

fn preset(name: &str, text: &str, recipe: Recipe, origin: Origin) -> Preset {
    let about = recipe.description.clone().unwrap_or_else(|| super::title(&recipe));
    Preset { name: name.to_owned(), about, recipe, origin, text: text.to_owned() }
}

/// Folder of the user's recipes: `$XDG_CONFIG_HOME/remold/recipes`, else `~/.config/remold/recipes`.
pub(crate) fn user_dir() -> Option<PathBuf> {
    Some(crate::files::paths::config()?.join("recipes"))
}

/// Every preset: the user's, then the built-in ones that no user's recipe replaces by name. Files with mistakes are left out here;
/// [`read_dir`] lists them.
pub(crate) fn presets() -> Vec<Preset> {
    user_dir().map_or_else(built_in, |dir| presets_in(&dir))
}

/// As [`presets`], with the user's recipes from `dir`.
pub(crate) fn presets_in(dir: &Path) -> Vec<Preset> {
    let (mut all, _) = read_dir(dir);
    let more: Vec<Preset> = built_in().into_iter().filter(|b| all.iter().all(|u| u.name != b.name)).collect();
    all.extend(more);
    all
}

/// The user's recipe files that have mistakes, so that they cannot be run. A recipe without a target is none: the command line gives it one.
pub(crate) fn with_mistakes() -> Vec<PathBuf> {
    let files = user_dir().map(|dir| recipe_files(&dir)).unwrap_or_default();
    let wrong = |p: &Problem| p.is_error() && p.path != "target";
    files.into_iter().filter(|file| lint_file(file, &Available::default()).iter().any(wrong)).collect()
}

/// The recipes of a folder by file name, and what is wrong with those that cannot be read. A folder that is not there has none.
pub(crate) fn read_dir(dir: &Path) -> (Vec<Preset>, Vec<RecipeErrors>) {
    let (mut good, mut bad) = (Vec::<Preset>::new(), Vec::new());
    for file in recipe_files(dir) {
        let name = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match load(&file) {
            Ok(parsed) if good.iter().all(|p| p.name != name) => {
                let text = parsed.text().to_owned();
                good.push(preset(&name, &text, parsed.into_recipe(), Origin::File(file)));
            }
            Ok(_) => {}
            Err(errors) => bad.push(errors),
        }
    }
    (good, bad)
}

fn recipe_files(dir: &Path) -> Vec<PathBuf> {
    let is_recipe = |p: &PathBuf| {
        p.extension().and_then(|e| e.to_str()).is_some_and(|e| matches!(e, "toml" | "yaml" | "yml" | "json"))
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(is_recipe).take(MAX_FILES).collect();
    files.sort();
    files
}

/// The preset of that name.
///
/// # Errors
/// When there is none, naming the nearest; when the user's file of that name has mistakes, those.
pub(crate) fn find(name: &str) -> Result<Preset, RecipeErrors> {
    find_in(user_dir().as_deref(), name)
}

/// As [`find`], with the user's recipes from `dir`.
///
/// # Errors
/// As [`find`].
pub(crate) fn find_in(dir: Option<&Path>, name: &str) -> Result<Preset, RecipeErrors> {
    let (users, bad) = dir.map(read_dir).unwrap_or_default();
    let stem = |e: &RecipeErrors| {
        e.problems().iter().find_map(|p| p.place.as_ref()?.file.clone()?.file_stem().map(|s| s.to_owned()))
    };
    if let Some(preset) = users.iter().find(|p| p.name == name) {
        return Ok(preset.clone());
    }
    if let Some(errors) = bad.into_iter().find(|e| stem(e).is_some_and(|s| s == name)) {
        return Err(errors);
    }
    let own = built_in();
    if let Some(preset) = own.iter().find(|p| p.name == name) {
        return Ok(preset.clone());
    }
    let known: Vec<&str> = users.iter().chain(&own).map(|p| p.name.as_str()).collect();
    let help = names::suggest(name, known.iter().copied(), &names::listed("Recipes", &known));
    Err(RecipeErrors::one(Problem::error("", format!("recipe `{name}` not found")).with_help(help)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::check;

    #[test]
    fn every_built_in_preset_is_a_clean_recipe() {
        let all = built_in();
        let names: Vec<&str> = all.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, BUILT_IN.iter().map(|(n, _)| *n).collect::<Vec<_>>(), "one does not parse");
        for p in all {
            assert_eq!(check(&p.recipe), [], "{}", p.name);
            assert_eq!(p.recipe.name.as_deref(), Some(p.name.as_str()));
            assert!(p.recipe.description.is_some(), "{}", p.name);
            assert!(p.text.starts_with("# "), "{} says what it is for", p.name);
        }
    }

    #[test]
    fn users_recipes_come_first_and_their_mistakes_are_reported() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("q8.yaml"), "description: mine\ntarget: 'gguf:q8_0'\n").unwrap();
        std::fs::write(dir.path().join("bad.toml"), "[[target]]\nfromat = \"gguf\"\n").unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no recipe").unwrap();
        let all = presets_in(dir.path());
        assert_eq!(all.iter().filter(|p| p.name == "q8").count(), 1);
        assert_eq!((all[0].name.as_str(), all[0].about.as_str()), ("q8", "mine"));
        assert!(matches!(all[0].origin, Origin::File(_)));
        let find = |name| find_in(Some(dir.path()), name);
        assert!(find("bad").unwrap_err().to_string().contains("Did you mean `format`?"));
        assert!(find("ollma").unwrap_err().to_string().contains("Did you mean `ollama`?"));
        assert_eq!(find("balanced").unwrap().origin, Origin::BuiltIn);
    }
}
