//! Carries out the steps of a recipe: those that change tensors here, those that set options of targets by their own table.
//!
//! [`STEPS`] has a function `Model → Model` for each step whose [`Effect`] is `Tensors`. Nothing is computed here: a step wraps lazy
//! tensors, and the engine reads through it. A step that needs data before it can change anything is a stage of its own
//! (`plan/stages`). Names and keys are in `recipe/steps`.

mod prune;
mod prune_layers;

use super::PlannedStep;
use crate::model::{Hint, Model, ModelError, Remedy, Result, Warning};
use crate::recipe::keys::{Kind, State};
use crate::recipe::options;
use crate::recipe::steps::{self, Effect, StepSpec};
use crate::recipe::{Recipe, Step, Target};
use std::borrow::Cow;

/// A step that changes tensors.
struct TensorStep {
    name: &'static str,
    apply: fn(&Model, &Step) -> Result<Applied>,
}

/// What a step made of a model.
struct Applied {
    model: Model,
    /// What was done, in a few words: `layers 1, 3 are removed`.
    what: String,
    warnings: Vec<Warning>,
}

/// The steps that change tensors, by name.
static STEPS: &[TensorStep] = &[
    TensorStep { name: "prune", apply: prune::apply },
    TensorStep { name: "prune_layers", apply: prune_layers::apply },
];

/// A source and targets after every step.
#[derive(Debug)]
pub(crate) struct Stepped<'m> {
    /// The model that is written.
    pub model: Cow<'m, Model>,
    /// The targets, with what the steps say about them.
    pub targets: Vec<Target>,
    /// What each step does.
    pub steps: Vec<PlannedStep>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// Carries out the steps of `recipe` on `model` and on the recipe's targets.
///
/// # Errors
/// Steps that are unknown, not available, incomplete or out of order; those of the steps themselves, which name the step.
pub(crate) fn apply<'m>(model: &'m Model, recipe: &Recipe) -> Result<Stepped<'m>> {
    let mut stepped = Stepped {
        model: Cow::Borrowed(model),
        targets: steps::targets(recipe),
        steps: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some((i, first)) = steps::out_of_order(recipe) {
        let what = format!("it changes tensors and comes after `{first}`, which decides how they are written");
        return Err(in_step(recipe, i, ModelError::request(what).with_hint(format!("Move it before `{first}`."))));
    }
    for (i, step) in recipe.pipeline.iter().enumerate() {
        let in_step = |e: ModelError| in_step(recipe, i, e);
        let spec = available(step).map_err(in_step)?;
        let what = match spec.effect {
            Effect::Targets(_) if acts(recipe, i) => words(step),
            Effect::Targets(_) => {
                let text = format!(
                    "step {} ({}) has no effect: every target sets this itself or does not support it",
                    i + 1,
                    spec.name
                );
                stepped.warnings.push(Warning::new("step.no-effect", text));
                "no effect".to_owned()
            }
            Effect::Tensors if model.graph.is_some() => {
                let what = "the step changes the tensors of checkpoints, and the source is an operator graph";
                let hint = "Apply it to the checkpoint that the graph was exported from.";
                return Err(in_step(ModelError::unsupported(what).with_hint(hint)));
            }
            Effect::Tensors => {
                let found = STEPS.iter().find(|s| s.name == spec.name);
                let Some(tensor_step) = found else { return Err(in_step(not_available(step))) };
                let applied = (tensor_step.apply)(&stepped.model, step).map_err(in_step)?;
                stepped.model = Cow::Owned(applied.model);
                stepped.warnings.extend(applied.warnings);
                applied.what
            }
        };
        stepped.steps.push(PlannedStep { step: spec.name.to_owned(), what, options: step.options.clone() });
    }
    stepped.warnings.extend(counts_remaining(recipe, &stepped.targets));
    Ok(stepped)
}

/// A warning where layers are removed by a step and again in a target, which counts those that are left.
fn counts_remaining(recipe: &Recipe, targets: &[Target]) -> Option<Warning> {
    let step = recipe.pipeline.iter().position(|s| s.step == "prune_layers")?;
    let again = |t: &&Target| options::own_keys().any(|k| k.kind == Kind::Layers && t.options.json(k).is_some());
    targets.iter().find(again)?;
    let text = format!(
        "layers are removed by step {} and again by `prune_layers` of a target, which counts the layers that the step leaves",
        step + 1
    );
    Some(Warning::new("prune.counts-remaining", text))
}

/// The model after the steps of `pipeline` that change it.
///
/// # Errors
/// As [`apply`].
pub(crate) fn with_steps<'m>(model: &'m Model, pipeline: &[Step]) -> Result<Cow<'m, Model>> {
    let recipe = Recipe { pipeline: pipeline.to_vec(), ..Recipe::default() };
    apply(model, &recipe).map(|stepped| stepped.model)
}

fn in_step(recipe: &Recipe, i: usize, e: ModelError) -> ModelError {
    e.in_step(i, recipe.pipeline.get(i).map_or("", |s| s.step.as_str()))
}

/// True if step `i` changes one of the targets, or there are none.
fn acts(recipe: &Recipe, i: usize) -> bool {
    recipe.targets.is_empty() || steps::targets_around(recipe, i).any(|(before, after)| before != after)
}

/// The table's row of a step that this version carries out and that has what it needs.
fn available(step: &Step) -> Result<&'static StepSpec> {
    let spec = steps::find(&step.step).filter(|s| s.state != State::Later).ok_or_else(|| not_available(step))?;
    if let Some(missing) = spec.required.iter().find(|k| !steps::has_value(step, k)) {
        return Err(ModelError::request(format!("the key `{missing}` is missing")).with_hint(check_hint()));
    }
    if let Some(key) = spec.keys.iter().find(|k| k.state == State::Later && step.options.contains_key(k.name)) {
        let what = format!("the key `{}` is not available in this version", key.name);
        return Err(ModelError::unsupported(what).with_hint(check_hint()));
    }
    match (spec.check)(step).into_iter().next() {
        Some(problem) => Err(ModelError::unsupported(problem.message).with_hint(problem.help)),
        None => Ok(spec),
    }
}

fn not_available(step: &Step) -> ModelError {
    let what = format!("the step `{}` is not available in this version", step.step);
    ModelError::unsupported(what).with_hint(
        Hint::from("Remove it from [[pipeline]]; ")
            .then(Remedy::Run("recipe check".to_owned()))
            .then(" lists what is not available."),
    )
}

fn check_hint() -> Hint {
    Hint::from(Remedy::Run("recipe check".to_owned())).then(" shows the place in the recipe.")
}

/// The keys of a step as given: `quantization = q4_k_m`.
fn words(step: &Step) -> String {
    let value = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    step.options.iter().map(|(k, v)| format!("{k} = {}", value(v))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_that_changes_tensors_has_its_function() {
        let tensors = |s: &&&StepSpec| matches!(s.effect, Effect::Tensors) && s.state != State::Later;
        let in_recipes: Vec<&str> = steps::STEPS.iter().filter(tensors).map(|s| s.name).collect();
        let here: Vec<&str> = STEPS.iter().map(|s| s.name).collect();
        assert_eq!(here, in_recipes);
    }
}
