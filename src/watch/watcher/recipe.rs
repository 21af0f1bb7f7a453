//! The recipe and its importance matrices, edited while the watcher runs: later exports use the new ones.

use super::Watcher;
use crate::files::FileStamp;
use crate::recipe::Recipe;
use crate::watch::event::WatchBody;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time between two checks of the files, and how long they must be unchanged before they are read.
const LOOK: Duration = Duration::from_secs(1);

/// Where the recipe of a rule comes from.
pub(crate) struct RecipeSource {
    /// The files it was read from; none for a built-in recipe or one given by options.
    pub files: Vec<PathBuf>,
    /// Reads it again; errors are returned as text.
    pub read: Box<dyn FnMut() -> Result<Recipe, String> + Send>,
}

/// What is known about the files.
#[derive(Debug, Default)]
pub(super) struct RecipeLook {
    looked: Option<Instant>,
    /// As they were when the recipe was read.
    read: Vec<Option<FileStamp>>,
    /// As they were at the last check.
    seen: Vec<Option<FileStamp>>,
}

impl Watcher {
    fn recipe_stamps(&self) -> Vec<Option<FileStamp>> {
        let named = self.options.recipe.iter().flat_map(|r| r.files.clone());
        let options = self.rule.recipe.targets.iter().flat_map(|t| t.options.paths());
        named.chain(options).map(|path| FileStamp::of_path(&path).ok()).collect()
    }

    /// Reads the recipe again when one of its files has changed and is complete.
    pub(super) fn look_at_recipe(&mut self) {
        if self.recipe_look.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        let now = self.recipe_stamps();
        let first = self.recipe_look.looked.replace(Instant::now()).is_none();
        if first {
            self.recipe_look.read.clone_from(&now);
        }
        let settled = self.recipe_look.seen == now;
        self.recipe_look.seen.clone_from(&now);
        if !settled || self.recipe_look.read == now {
            return;
        }
        self.recipe_look.read = now;
        self.take_recipe();
        // Another recipe may name other matrices.
        self.recipe_look.read = self.recipe_stamps();
        self.recipe_look.seen.clone_from(&self.recipe_look.read);
    }

    fn take_recipe(&mut self) {
        let recipe = match self.options.recipe.as_mut().map(|source| (source.read)()) {
            Some(Ok(recipe)) => recipe,
            Some(Err(why)) => return self.refuse_recipe(&why),
            None => self.rule.recipe.clone(),
        };
        let mut rule = self.rule.clone();
        rule.set_recipe(recipe);
        if let Err(e) = rule.check() {
            return self.refuse_recipe(&e.to_string());
        }
        let hash = rule.recipe_hash();
        if hash == self.recipe_hash {
            return;
        }
        (self.rule, self.recipe_hash) = (rule, hash);
        self.still.set(false);
        let due = Instant::now();
        for tracked in self.tracked.values_mut() {
            (tracked.failures, tracked.retry, tracked.due) = (0, None, due);
        }
        let text =
            "the recipe or its importance matrix has changed: every complete source is exported again".to_owned();
        self.emit(WatchBody::Recipe { text });
    }

    fn refuse_recipe(&mut self, why: &str) {
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        self.emit_warning(format!(
            "the recipe has changed and cannot be used, so exports continue with the previous one: {why}"
        ));
    }
}
