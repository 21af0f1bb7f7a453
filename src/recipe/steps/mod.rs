//! The steps of `[[pipeline]]`, each defined once: its name, its keys and what of a conversion it changes.
//!
//! A step is a static [`StepSpec`] in a file of its own and a line in [`STEPS`]. The recipe reader, the checks, `--set` and
//! `docs/recipe.md` are made from this table. A step that sets options of targets is carried out here ([`targets`]); one that changes
//! tensors has its function in `plan/steps`, which alone may see models. Adding one: `docs/adding-a-step.md`.

mod later;
mod prune;
mod prune_layers;
mod quantize;
mod split;

pub(crate) use prune::{
    LAYERS as PRUNE_SELECTORS, PATTERN as PRUNE_PATTERN, Pattern as PrunePattern, SCOPE as PRUNE_SCOPE,
    SPARSITY as PRUNE_SPARSITY, pattern as prune_pattern,
};
pub(crate) use prune_layers::LAYERS as PRUNE_LAYERS;

use super::fields::get_target;
use super::key::{Key, State};
use super::options::TargetOption;
use super::types::{Recipe, Step, Target};

/// What a model is called that something was left out of.
pub(crate) const PRUNED: &str = "pruned";

/// An option of a step, with the type of its value.
pub(crate) type StepOption<T> = TargetOption<T>;

/// A step that a recipe can have.
#[derive(Debug)]
pub(crate) struct StepSpec {
    /// Its name in recipes.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// What it does, in one line.
    pub purpose: &'static str,
    /// Whether this version carries it out.
    pub state: State,
    /// Its keys, in the order of the manual.
    pub keys: &'static [&'static Key],
    /// Keys without which it cannot be carried out.
    pub required: &'static [&'static str],
    /// What it changes.
    pub effect: Effect,
    /// What is wrong with a step whose keys are all right, each for itself.
    pub check: fn(&Step) -> Vec<StepProblem>,
}

/// What a step changes. Tensors come before targets: what decides how tensors are written cannot precede what changes them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// The tensors of the model: `plan/steps` has the function.
    Tensors,
    /// Options of the targets: those that a target does not have itself.
    Targets(fn(&Step, &mut Target)),
}

/// Something that is wrong with a step.
#[derive(Clone, Debug)]
pub(crate) struct StepProblem {
    /// The key; empty for the step as a whole.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Every step, in the order of the manual. `convert` is not a step: it makes targets.
pub(crate) static STEPS: &[&StepSpec] = &[
    &prune::STEP,
    &prune_layers::STEP,
    &quantize::STEP,
    &split::STEP,
    &later::DISTIL,
    &later::OPTIMIZE,
    &later::VALIDATE,
];

/// The step of that name or alias.
pub(crate) fn find(name: &str) -> Option<&'static StepSpec> {
    STEPS.iter().copied().find(|s| s.name == name || s.aliases.contains(&name))
}

/// The names of the steps that can be carried out.
pub(crate) fn names() -> Vec<&'static str> {
    STEPS.iter().filter(|s| s.state != State::Later).map(|s| s.name).collect()
}

/// The keys of all steps.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    STEPS.iter().flat_map(|s| s.keys.iter().copied())
}

/// True for a step that changes the tensors of the model.
pub(crate) fn changes_tensors(name: &str) -> bool {
    matches!(find(name).map(|s| s.effect), Some(Effect::Tensors))
}

/// What the steps make of a model, as the default names of its outputs say it: `pruned`. Nothing where its tensors stay as they are.
pub(crate) fn made(pipeline: &[Step]) -> Option<&'static str> {
    let mut changes = pipeline.iter().filter_map(|s| find(&s.step)).filter(|s| changes_tensors(s.name)).peekable();
    changes.peek()?;
    Some(if changes.all(|s| s.name.starts_with("prune")) { PRUNED } else { "changed" })
}

/// The targets of a recipe with what its steps say about them.
pub(crate) fn targets(recipe: &Recipe) -> Vec<Target> {
    recipe.targets.iter().map(|t| target_after(&recipe.pipeline, t)).collect()
}

/// A target with what the steps of `pipeline` set in it.
pub(crate) fn target_after(pipeline: &[Step], target: &Target) -> Target {
    let mut target = target.clone();
    for step in pipeline {
        if let Some(Effect::Targets(set)) = find(&step.step).map(|s| s.effect) {
            apply_to_target(step, set, &mut target);
        }
    }
    target
}

/// Each target before and after step `i`.
pub(crate) fn targets_around(recipe: &Recipe, i: usize) -> impl Iterator<Item = (Target, Target)> {
    let earlier = recipe.pipeline.get(..i).unwrap_or_default();
    let step = recipe.pipeline.get(i..).unwrap_or_default().get(..1).unwrap_or_default();
    recipe.targets.iter().map(move |t| {
        let before = target_after(earlier, t);
        let after = target_after(step, &before);
        (before, after)
    })
}

/// The step that sets an option of a target, where the target does not set it itself: the last one if there are several.
pub(crate) fn set_by(recipe: &Recipe, target: usize, key: &Key) -> Option<usize> {
    let value = |(before, after): (Target, Target)| (get_target(&before, key), get_target(&after, key));
    let changes = |i: &usize| {
        let around = targets_around(recipe, *i).nth(target).map(value);
        around.is_some_and(|(before, after)| before != after)
    };
    (0..recipe.pipeline.len()).rev().find(changes)
}

/// Lets a step set options of a target. Values that the target has itself are kept, and options of other formats are not set.
fn apply_to_target(step: &Step, set: fn(&Step, &mut Target), target: &mut Target) {
    let before = target.clone();
    set(step, target);
    target.quantization = before.quantization.or_else(|| target.quantization.take());
    let format = target.format;
    target.options.retain(|key| key.fits(format));
    let set_here = std::mem::replace(&mut target.options, before.options);
    target.options.adopt(&set_here, |_| true);
}

/// True if the step has a value for the key; an empty list is none.
pub(crate) fn has_value(step: &Step, key: &str) -> bool {
    step.options.get(key).is_some_and(|v| v.as_array().is_none_or(|items| !items.is_empty()))
}

/// The first step that comes after one that it must precede, with the name of that one.
pub(crate) fn out_of_order(recipe: &Recipe) -> Option<(usize, &'static str)> {
    let mut behind = None;
    for (i, step) in recipe.pipeline.iter().enumerate() {
        let Some(spec) = find(&step.step) else { continue };
        match (spec.effect, behind) {
            (Effect::Targets(_), None) => behind = Some(spec.name),
            (Effect::Tensors, Some(first)) => return Some((i, first)),
            _ => {}
        }
    }
    None
}

fn no_problems(_: &Step) -> Vec<StepProblem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::key::KeyTable;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_keys_belong_to_their_step() {
        let mut seen = HashSet::new();
        for step in STEPS {
            for name in step.aliases.iter().chain([&step.name]) {
                assert!(seen.insert(*name), "{name}");
            }
            assert!(step.keys.iter().all(|k| k.table == KeyTable::Step(step.name)), "{}", step.name);
            assert!(step.required.iter().all(|r| step.keys.iter().any(|k| k.name == *r)), "{}", step.name);
        }
    }
}
