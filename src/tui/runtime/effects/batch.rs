//! One recipe for several models: a job for each.

use super::{plan, spawn};
use crate::plan::Plan;
use crate::recipe::options::Budget;
use crate::recipe::{Recipe, Source};
use crate::task::Task;
use crate::tui::core::ErrorCard;
use crate::tui::tabs::recipe::{BatchOutcome, BatchOutlook};
use std::path::{Path, PathBuf};

/// The plans of a recipe for several models, and the models that cannot be converted.
#[derive(Default)]
struct Plans {
    ready: Vec<(Recipe, Plan)>,
    failed: Vec<(PathBuf, ErrorCard)>,
}

/// Plans the recipe for each of the models, as long as `current` says so.
fn plans(recipe: &Recipe, sources: &[PathBuf], current: &dyn Fn() -> bool) -> Plans {
    let mut out = Plans::default();
    let mut taken: Vec<PathBuf> = Vec::new();
    for path in sources.iter().take_while(|_| current()) {
        let source = Source { path: Some(path.clone()), ..Source::default() };
        let own = Recipe { source, ..recipe.clone() };
        let plan = match plan(&own, Task::quiet()) {
            Ok(plan) => plan,
            Err(card) => {
                out.failed.push((path.clone(), card));
                continue;
            }
        };
        let made: Vec<PathBuf> = plan.outputs.iter().map(|o| o.path.clone()).collect();
        if let Some(twice) = made.iter().find(|p| taken.contains(p)) {
            let fact = format!("its output {} is also the output of another of these models", twice.display());
            let hint = Some("Clear output_dir, or convert it alone.".to_owned());
            out.failed.push((path.clone(), ErrorCard { hint, ..ErrorCard::new(fact, true) }));
            continue;
        }
        taken.extend(made);
        out.ready.push((own, plan));
    }
    out
}

/// What would become of the recipe for each of the models; nothing if it is not asked for any more. Budgets are not measured, so their
/// sizes are not known.
pub(crate) fn check(recipe: &Recipe, sources: &[PathBuf], current: &dyn Fn() -> bool) -> Option<BatchOutlook> {
    let budgets = recipe.targets.iter().any(|t| Budget::of(t).is_some());
    let mut recipe = recipe.clone();
    for target in recipe.targets.iter_mut().filter(|t| Budget::of(t).is_some()) {
        Budget::clear(target);
        target.quantization = Some("q4_k_m".to_owned());
    }
    let Plans { ready, failed } = plans(&recipe, sources, current);
    let outputs = || ready.iter().flat_map(|(_, plan)| &plan.outputs);
    current().then(|| BatchOutlook {
        ready: ready.len(),
        outputs: outputs().count(),
        bytes: (!budgets).then(|| outputs().fold(0, |n, o| o.bytes.saturating_add(n))),
        // Those that a budget names have another name.
        exist: outputs().filter(|o| !o.replaces.is_empty()).count(),
        failed,
    })
}

/// Plans the recipe for each of the models, then starts their jobs. If outputs exist and `replace` is not set, nothing is started and
/// the answer names them. A model that cannot be planned does not keep the others back.
pub(crate) fn start(root: &Path, recipe: Box<Recipe>, sources: Vec<PathBuf>, replace: bool) -> BatchOutcome {
    let Plans { ready, failed } = plans(&recipe, &sources, &|| true);
    let exists = ready.iter().flat_map(|(_, plan)| &plan.outputs).flat_map(|o| o.replaces.clone()).collect();
    let mut out = BatchOutcome { exists, failed, ..BatchOutcome::default() };
    if replace || out.exists.is_empty() {
        out.exists.clear();
        for (mut own, plan) in ready {
            for (target, output) in own.targets.iter_mut().zip(&plan.outputs) {
                target.force |= !output.replaces.is_empty();
            }
            match spawn(root, &own, &plan) {
                Ok(job) => out.started.push(job),
                Err(card) => out.failed.push((own.source.path.unwrap_or_default(), card)),
            }
        }
    }
    (out.recipe, out.sources) = (recipe, sources);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::Target;

    #[test]
    fn existing_outputs_and_equal_names_are_reported_before_anything_starts() {
        let dir = tempfile::tempdir().unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama");
        let targets = vec![Target::of(FormatId::Gguf).quantized("q8_0")];
        let recipe = Recipe { targets, output_dir: Some(dir.path().into()), ..Recipe::default() };
        std::fs::write(dir.path().join("tiny-llama-Q8_0.gguf"), b"x").unwrap();
        let sources = vec![model.clone(), dir.path().join("none"), model.join("model.safetensors")];
        let out = start(&dir.path().join("jobs"), Box::new(recipe), sources, false);
        assert!(out.started.is_empty() && out.exists.len() == 1, "{out:?}");
        assert!(!dir.path().join("jobs").exists());
        let failed: Vec<&Path> = out.failed.iter().map(|(p, _)| p.as_path()).collect();
        assert!(failed.contains(&dir.path().join("none").as_path()), "{failed:?}");
    }

    #[test]
    fn what_can_run_is_known_before_the_start_and_budgets_are_not_measured() {
        let dir = tempfile::tempdir().unwrap();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
        let targets = vec![Target::of(FormatId::Gguf).quantized("q8_0")];
        let mut recipe = Recipe { targets, output_dir: Some(dir.path().into()), ..Recipe::default() };
        std::fs::write(dir.path().join("tiny-llama-Q8_0.gguf"), b"x").unwrap();
        let sources = [models.join("tiny-llama"), models.join("mini-bert"), dir.path().join("none")];
        let seen = check(&recipe, &sources, &|| true).unwrap();
        assert_eq!((seen.ready, seen.outputs, seen.exist, seen.failed.len()), (2, 2, 1, 1), "{seen:?}");
        assert!(seen.bytes.is_some_and(|b| b > 0));
        recipe.targets[0].quantization = None;
        recipe.targets[0].set(&crate::recipe::options::gguf::TARGET_BPW, Some(4.25));
        let seen = check(&recipe, &sources, &|| true).unwrap();
        assert_eq!((seen.ready, seen.bytes, seen.failed.len()), (2, None, 1), "{seen:?}");
        assert!(check(&recipe, &sources, &|| false).is_none(), "not asked for any more");
    }
}
