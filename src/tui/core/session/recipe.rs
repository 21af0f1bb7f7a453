//! The recipe under work, as text: a later version reads what it understands of it, as of every recipe.

use crate::recipe::keys::OptionGroup;
use crate::recipe::{Recipe, Syntax, parse, to_toml};
use crate::tui::tabs::recipe::{Document, Origin, RecipeState};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RecipePart {
    /// What is composed, as TOML.
    recipe: String,
    /// What it was when it was last saved, or began; nothing where that is the same.
    saved: Option<String>,
    /// It ran as it is, and its job keeps it.
    ran: bool,
    /// The file it lives in.
    file: Option<PathBuf>,
    zoom: bool,
    /// Headings of the groups of options that are unfolded.
    unfolded: Vec<String>,
}

/// A recipe as text. Permission to replace an output is not saved.
fn text(recipe: &Recipe) -> String {
    let mut recipe = recipe.clone();
    for target in &mut recipe.targets {
        target.force = false;
    }
    to_toml(&recipe)
}

impl RecipePart {
    /// What is composed; nothing before a source is chosen.
    pub(super) fn of(r: &RecipeState) -> Option<Self> {
        r.source()?;
        let unfolded = r.unfolded.iter().map(|g| g.title().to_owned()).collect();
        let (recipe, saved) = (text(&r.document.recipe), text(&r.origin.saved));
        Some(Self {
            saved: (saved != recipe).then_some(saved),
            ran: r.started.as_ref().is_some_and(|ran| text(ran) == recipe),
            recipe,
            file: r.origin.file.clone(),
            zoom: r.zoom,
            unfolded,
        })
    }

    pub(super) fn restore(self, r: &mut RecipeState) {
        let read = |text: &str| parse(text, Syntax::Toml, None).ok();
        let Some(recipe) = read(&self.recipe) else { return };
        let saved = self.saved.as_deref().and_then(read).unwrap_or_else(|| recipe.clone());
        r.started = self.ran.then(|| recipe.clone());
        r.document = Document { recipe, invalid: Vec::new() };
        r.origin = Origin { file: self.file, saved };
        r.zoom = self.zoom;
        r.unfolded = OptionGroup::ALL.into_iter().filter(|g| self.unfolded.iter().any(|t| t == g.title())).collect();
    }
}
