//! Recipes in files: those that can be opened, and what became of saving and editing one.

use crate::recipe::Recipe;
use std::path::PathBuf;

/// A recipe that can be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryEntry {
    /// Its name: the file's, or the preset's.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// Its file; nothing for those that come with the program.
    pub file: Option<PathBuf>,
    /// The recipe, or what is wrong with its file, line by line.
    pub recipe: Result<Box<Recipe>, Vec<String>>,
}

/// What becomes of a file that is there when a recipe is saved.
#[derive(Clone, Debug, PartialEq)]
pub enum Overwrite {
    /// It stays, and the recipe is not saved.
    No,
    /// It is replaced.
    Whole,
    /// It is the recipe's own, and this is what it said when it was read or saved last: what changed is written into it, so that its comments
    /// stay.
    Changes(Box<Recipe>),
}

/// Why a recipe was not saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveRefusal {
    /// A file of that name exists, and the user has not agreed to replace it.
    Exists,
    /// The file says something else than when it was read: another program has changed it.
    ChangedOutside,
    /// The file has comments that cannot be kept.
    LosesComments,
    /// The reason, for people.
    Failed(String),
}

/// What an editor left behind.
#[derive(Clone, Debug, PartialEq)]
pub enum EditOutcome {
    /// The same recipe.
    Same,
    /// Another recipe; with the file it is in, if it is not only here.
    Changed(Box<Recipe>, Option<PathBuf>),
    /// A text that is not a recipe: where it is, and its problems, line by line.
    Mistakes(EditPlace, Vec<String>),
    /// There was no editing.
    Failed(String),
}

/// Where a recipe is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditPlace {
    /// Its own file.
    File(PathBuf),
    /// A file for this purpose: a new one, or the one it was edited in before.
    Draft(Option<PathBuf>),
}
