//! The recipe being edited, the invalid texts in its fields, and the undo history.

use crate::recipe::keys::{Key, KeyTable, find};
use crate::recipe::{Recipe, RecipeTable, Step as RecipeStep, edit};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Changes that can be undone.
const MAX_UNDO: usize = 200;

/// A text in a field that is not a valid value of its key. It stays there until it is corrected.
#[derive(Clone, Debug, PartialEq)]
pub struct InvalidText {
    /// The table that the field is in.
    pub at: RecipeTable,
    /// The field's label.
    pub label: &'static str,
    /// What was typed.
    pub text: String,
    /// What is wrong with it, without the name of the field.
    pub fact: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// What undo restores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The recipe.
    pub recipe: Recipe,
    /// Invalid texts.
    pub invalid: Vec<InvalidText>,
}

impl Document {
    /// The invalid text of a field, if there is one.
    pub(crate) fn invalid(&self, at: RecipeTable, label: &str) -> Option<&InvalidText> {
        self.invalid.iter().find(|w| w.at == at && w.label == label)
    }

    /// Sets a key of the recipe to what was typed.
    pub(crate) fn set(&mut self, at: RecipeTable, key: &'static Key, text: &str) {
        self.invalid.retain(|w| w.at != at || w.label != key.name);
        if let Err(problem) = edit::set_text(&mut self.recipe, at, key, text) {
            let fact = problem.fact().to_owned();
            self.refuse(at, key.name, text, fact, problem.help);
        }
        // An empty table says that it is there; nothing in it means that it is not wanted.
        if at == RecipeTable::Validate && self.recipe.validate == Some(crate::recipe::Validate::default()) {
            self.recipe.validate = None;
        }
    }

    /// Keeps an invalid text in place of the value.
    pub(super) fn refuse(
        &mut self,
        at: RecipeTable,
        label: &'static str,
        text: &str,
        fact: String,
        help: Option<String>,
    ) {
        self.invalid.retain(|w| w.at != at || w.label != label);
        self.invalid.push(InvalidText { at, label, text: text.trim().to_owned(), fact, help });
    }

    /// Puts a target into the list.
    pub(crate) fn insert(&mut self, at: usize, target: crate::recipe::Target) {
        let at = at.min(self.recipe.targets.len());
        self.renumber_targets(|i| Some(moved_by_insert(i, at)));
        self.recipe.targets.insert(at, target);
    }

    /// Takes a target out of the list.
    pub(crate) fn remove(&mut self, at: usize) {
        if at < self.recipe.targets.len() {
            self.recipe.targets.remove(at);
            self.renumber_targets(|i| moved_by_remove(i, at));
        }
    }

    /// Lets two targets change places.
    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        if a.max(b) < self.recipe.targets.len() {
            self.recipe.targets.swap(a, b);
            self.renumber_targets(|i| Some(moved_by_swap(i, a, b)));
        }
    }

    /// Puts a step without options into the list.
    pub(crate) fn insert_step(&mut self, at: usize, step: &str) {
        let at = at.min(self.recipe.pipeline.len());
        self.renumber_steps(|i| Some(moved_by_insert(i, at)));
        self.recipe.pipeline.insert(at, RecipeStep { step: step.to_owned(), ..RecipeStep::default() });
    }

    /// Takes a step out of the list.
    pub(crate) fn remove_step(&mut self, at: usize) {
        if at < self.recipe.pipeline.len() {
            self.recipe.pipeline.remove(at);
            self.renumber_steps(|i| moved_by_remove(i, at));
        }
    }

    /// Lets two steps change places.
    pub(crate) fn swap_steps(&mut self, a: usize, b: usize) {
        if a.max(b) < self.recipe.pipeline.len() {
            self.recipe.pipeline.swap(a, b);
            self.renumber_steps(|i| Some(moved_by_swap(i, a, b)));
        }
    }

    /// Keeps wrong texts with their targets.
    fn renumber_targets(&mut self, to: impl Fn(usize) -> Option<usize>) {
        self.renumber(|at| match at {
            RecipeTable::Target(i) => to(i).map(RecipeTable::Target),
            other => Some(other),
        });
    }

    /// Keeps wrong texts with their steps.
    fn renumber_steps(&mut self, to: impl Fn(usize) -> Option<usize>) {
        self.renumber(|at| match at {
            RecipeTable::Step(i) => to(i).map(RecipeTable::Step),
            other => Some(other),
        });
    }

    fn renumber(&mut self, to: impl Fn(RecipeTable) -> Option<RecipeTable>) {
        self.invalid.retain_mut(|w| match to(w.at) {
            Some(at) => {
                w.at = at;
                true
            }
            None => false,
        });
    }
}

/// Where an entry of a list is after one was inserted.
fn moved_by_insert(i: usize, at: usize) -> usize {
    if i >= at { i + 1 } else { i }
}

/// Where an entry of a list is after one was removed; nothing for that one.
fn moved_by_remove(i: usize, at: usize) -> Option<usize> {
    (i != at).then_some(if i > at { i - 1 } else { i })
}

/// Where an entry of a list is after two changed places.
fn moved_by_swap(i: usize, a: usize, b: usize) -> usize {
    match i {
        i if i == a => b,
        i if i == b => a,
        i => i,
    }
}

/// Where a recipe lives, and what it is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// Its file, if it has one.
    pub file: Option<PathBuf>,
    /// The recipe in the file, or the initial one.
    pub saved: Recipe,
}

/// One step of undo or redo; the origin only if it changes.
#[derive(Clone, Debug)]
struct Step {
    document: Document,
    origin: Option<Origin>,
}

/// The way back and forth, a bounded number of steps.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: VecDeque<Step>,
    future: Vec<Step>,
}

impl History {
    /// True if there is something to undo.
    pub(crate) fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// True if there is something to do again.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Remembers what was before a change.
    pub(super) fn changed(&mut self, before: Document, origin: Option<Origin>) {
        if self.past.len() >= MAX_UNDO {
            self.past.pop_front();
        }
        self.past.push_back(Step { document: before, origin });
        self.future.clear();
    }

    /// Undoes the last change; false if there is none.
    pub(super) fn undo(&mut self, document: &mut Document, origin: &mut Origin) -> bool {
        let Some(step) = self.past.pop_back() else { return false };
        self.future.push(exchange(step, document, origin));
        true
    }

    /// Redoes the last undone change; false if there is none.
    pub(super) fn redo(&mut self, document: &mut Document, origin: &mut Origin) -> bool {
        let Some(step) = self.future.pop() else { return false };
        self.past.push_back(exchange(step, document, origin));
        true
    }

    /// Forgets what could be done again: the last change never was.
    pub(super) fn forget_future(&mut self) {
        self.future.clear();
    }
}

/// Puts a step's content in place and gives back what stood there.
fn exchange(step: Step, document: &mut Document, origin: &mut Origin) -> Step {
    Step {
        document: std::mem::replace(document, step.document),
        origin: step.origin.map(|o| std::mem::replace(origin, o)),
    }
}

/// A key of a target by its name. The table of keys has every name the screen uses; a test says so.
pub(super) fn target_key(name: &str) -> Option<&'static Key> {
    find(KeyTable::Target, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::Target;
    use crate::recipe::options::gguf;

    fn of(formats: &[FormatId]) -> Document {
        let targets = formats.iter().map(|f| Target::of(*f)).collect();
        Document { recipe: Recipe { targets, ..Recipe::default() }, invalid: Vec::new() }
    }

    #[test]
    fn wrong_texts_stay_with_their_targets() {
        let mut d = of(&[FormatId::Gguf, FormatId::Gguf]);
        d.set(RecipeTable::Target(1), target_key("context_length").unwrap(), "many");
        d.insert(0, Target::of(FormatId::Gguf));
        assert!(d.invalid(RecipeTable::Target(2), "context_length").is_some());
        d.swap(2, 1);
        assert!(d.invalid(RecipeTable::Target(1), "context_length").is_some());
        d.remove(0);
        assert!(d.invalid(RecipeTable::Target(0), "context_length").is_some());
        d.remove(0);
        assert_eq!(d.invalid, []);
    }

    #[test]
    fn wrong_texts_stay_with_their_steps() {
        let mut d = of(&[FormatId::Gguf]);
        d.insert_step(0, "split");
        d.set(RecipeTable::Step(0), find(KeyTable::Step("split"), "method").unwrap(), "by luck");
        d.insert_step(0, "prune_layers");
        assert!(d.invalid(RecipeTable::Step(1), "method").is_some());
        d.swap_steps(0, 1);
        assert!(d.invalid(RecipeTable::Step(0), "method").is_some());
        d.remove_step(1);
        assert!(d.invalid(RecipeTable::Step(0), "method").is_some());
        d.remove_step(0);
        assert_eq!((d.invalid.len(), d.recipe.pipeline.len()), (0, 0));
    }

    #[test]
    fn a_value_takes_the_place_of_a_wrong_text() {
        let mut d = of(&[FormatId::Gguf]);
        let key = target_key("context_length").unwrap();
        d.set(RecipeTable::Target(0), key, "many");
        d.set(RecipeTable::Target(0), key, "8k");
        assert_eq!((d.invalid.len(), d.recipe.targets[0].get(&gguf::CONTEXT_LENGTH)), (0, Some(8192)));
    }

    #[test]
    fn the_way_back_is_bounded_and_a_change_ends_the_way_forth() {
        let (mut history, mut d, mut origin) = (History::default(), of(&[]), Origin::default());
        for i in 0..MAX_UNDO + 5 {
            history.changed(d.clone(), None);
            d.recipe.name = Some(i.to_string());
        }
        let mut steps = 0;
        while history.undo(&mut d, &mut origin) {
            steps += 1;
        }
        assert_eq!((steps, d.recipe.name.as_deref()), (MAX_UNDO, Some("4")));
        assert!(history.redo(&mut d, &mut origin) && history.can_redo());
        history.changed(d.clone(), None);
        assert!(!history.can_redo());
    }
}
