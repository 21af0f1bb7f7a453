//! The user's words: a [`Recipe`] and how it is read, checked, written and named.
//!
//! Text (TOML, YAML or JSON) → `syntax` → one tree with places → `read`, by the table of `keys` → [`Recipe`]. Reading reports problems of
//! spelling and type; [`check()`] reports unknown words, values out of range and what this version does not support; both point at file, line and
//! column, and both report everything at once ([`lint`]). Flags of the command line make a [`Recipe`] directly or through [`apply_set`].
//! Manual: `docs/recipe.md`, checked against the table. Must not know how a recipe is run.
//! Tests: `cargo test --lib recipe::` and `cargo test --test recipes`.

mod check;
pub(crate) mod edit;
mod fields;
mod key;
pub(crate) mod keys;
mod manual;
pub(crate) mod meaning;
mod names;
pub(crate) mod options;
mod patch;
pub(crate) mod presets;
mod problem;
mod read;
pub(crate) mod remedies;
mod selector;
mod set;
pub(crate) mod steps;
mod syntax;
mod tree;
mod types;
mod value;
mod values;
mod write;

pub(crate) use check::check_with;
pub use check::{Available, check};
pub use manual::manual;
pub(crate) use names::format_named;
pub(crate) use names::quantization as quantization_by_alias;
pub(crate) use names::suggest;
pub(crate) use names::{TENSOR_TYPES, known_types_of, nearest, types_of};
pub(crate) use patch::patched;
pub(crate) use presets::{Origin, Preset, find, presets};
pub(crate) use problem::{Place, Problem, RecipeErrors, RecipeTable, without_excerpts};
pub(crate) use problem::{SourceText, Span, placed};
pub use selector::Selector;
pub use set::apply_set;
pub use syntax::Syntax;
pub(crate) use syntax::{LocatedProblem, read as read_tree};
pub(crate) use tree::{Entry, MAX_TEXT_BYTES, Node, Value};
pub(crate) use types::Validate;
pub use types::{Recipe, Source, Step, Target};
pub(crate) use value::layer_numbers;
pub use values::parse_size;
pub(crate) use write::title;
pub use write::{template, to_toml};

use crate::files::{self, ReadError};
use read::{Places, Reader};
use std::path::Path;

/// A recipe with the text it came from, so that later problems can point into it.
#[derive(Clone, Debug)]
pub struct Parsed {
    recipe: Recipe,
    notes: Vec<LocatedProblem>,
    places: Places,
    source: SourceText,
}

impl Parsed {
    /// The recipe, by value.
    pub fn into_recipe(self) -> Recipe {
        self.recipe
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.source.text
    }

    fn check_spans(&self, available: &Available<'_>) -> Vec<LocatedProblem> {
        let checked = check_with(&self.recipe, available).into_iter().map(|p| {
            let key = p.about_key.then(|| self.places.get(&read::key_place(&p.path)).copied()).flatten();
            let at = key.unwrap_or_else(|| self.span(&p.path));
            (p, at)
        });
        self.notes.iter().cloned().chain(checked).collect()
    }

    fn span(&self, mut path: &str) -> Span {
        loop {
            if let Some(span) = self.places.get(path) {
                return *span;
            }
            match path.rfind('.') {
                Some(dot) => path = &path[..dot],
                None => return Span::default(),
            }
        }
    }
}

/// Reads everything that can be read.
fn read_text(text: &str, syntax: Syntax, file: Option<&Path>) -> (Parsed, Vec<LocatedProblem>) {
    let source = SourceText { file: file.map(Path::to_path_buf), text: text.to_owned() };
    let (root, broken) = syntax::read(&source, syntax);
    let other = if broken.is_empty() { None } else { syntax::meant(&source, syntax) };
    let broken = other.map_or(broken, |problem| vec![problem]);
    let mut reader = Reader::default();
    // After a mistake of syntax the rest of the text may not mean what it seems to: its complaints would mislead.
    if broken.is_empty()
        && let Some(root) = &root
    {
        reader.read(root);
    }
    let Reader { recipe, found, places, .. } = reader;
    let (problems, notes) = broken.into_iter().chain(found).partition(|(p, _)| p.is_error());
    (Parsed { recipe, notes, places, source }, problems)
}

/// Reads a recipe and keeps its places.
///
/// # Errors
/// Every mistake of syntax, spelling and type at once. Whether the recipe can be run is a question for [`check()`].
pub fn parse_text(text: &str, syntax: Syntax, file: Option<&Path>) -> Result<Parsed, RecipeErrors> {
    let (parsed, found) = read_text(text, syntax, file);
    if found.is_empty() { Ok(parsed) } else { Err(RecipeErrors::new(problem::placed(found, &parsed.source))) }
}

/// Reads a recipe.
///
/// # Errors
/// As [`parse_text`].
pub fn parse(text: &str, syntax: Syntax, file: Option<&Path>) -> Result<Recipe, RecipeErrors> {
    parse_text(text, syntax, file).map(Parsed::into_recipe)
}

/// Everything that is wrong with a text, of reading and of checking, in the order of the text.
pub fn lint(text: &str, syntax: Syntax, file: Option<&Path>, available: &Available<'_>) -> Vec<Problem> {
    let (parsed, mut found) = read_text(text, syntax, file);
    if parsed.places.is_empty() && !found.is_empty() {
        return problem::placed(found, &parsed.source);
    }
    // What could not be read is missing for the check, which must not report it again. Nor is anything else of a target whose format is
    // not known.
    let inside = |p: &str, q: &str| {
        let q = q.strip_suffix(".format").unwrap_or(q);
        p.strip_prefix(q).is_some_and(|r| r.is_empty() || r.starts_with('.'))
    };
    let reported = |p: &str| {
        let mut paths = found.iter().map(|(q, _)| q.path.as_str()).filter(|q| !q.is_empty());
        paths.any(|q| inside(p, q) || (p == "target" && q.starts_with("target")))
    };
    let checked: Vec<LocatedProblem> =
        parsed.check_spans(available).into_iter().filter(|(p, _)| !reported(&p.path)).collect();
    found.extend(checked);
    problem::placed(found, &parsed.source)
}

/// Reads a recipe file; the syntax goes by its extension (`.yaml`, `.yml`, `.json`, else TOML).
///
/// # Errors
/// When the file cannot be read or is not text; as [`parse_text`].
pub fn load(path: &Path) -> Result<Parsed, RecipeErrors> {
    parse_text(&read_file(path)?, Syntax::of(path), Some(path))
}

/// [`lint`] of a file. A file that cannot be read is a problem like any other.
pub fn lint_file(path: &Path, available: &Available<'_>) -> Vec<Problem> {
    match read_file(path) {
        Ok(text) => lint(&text, Syntax::of(path), Some(path), available),
        Err(errors) => errors.into_problems(),
    }
}

/// The text of a recipe file, no more of it than a recipe can have.
///
/// # Errors
/// When the file cannot be read or is not text.
pub(crate) fn read_file(path: &Path) -> Result<String, RecipeErrors> {
    let refuse = |what: String, help: &str| {
        let at = Place { file: Some(path.to_path_buf()), line: 1, column: 1, width: 1, source: String::new() };
        RecipeErrors::one(Problem { place: Some(Box::new(at)), ..Problem::error("", what).with_help(help) })
    };
    files::read_text(path, tree::MAX_TEXT_BYTES as u64).map_err(|e| match e {
        ReadError::Io(e) => refuse(
            format!("reading the recipe: {}", crate::units::system_error(&e)),
            "`remold recipe list` shows the recipes that can be used by name.",
        ),
        ReadError::NotAFile(_) => refuse(e.to_string(), "Save the recipe to a file and name that file."),
        ReadError::TooLarge(limit) => refuse(format!("the file is larger than {limit} bytes"), "Is this a recipe?"),
        ReadError::NotText => refuse("the file is not UTF-8 text".to_owned(), "Is this a recipe?"),
    })
}
