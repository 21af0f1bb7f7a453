//! One recipe for several models: a job for each.

use super::{plan, spawn};
use crate::plan::Plan;
use crate::recipe::{Recipe, Source};
use crate::task::Task;
use crate::tui::core::ErrorCard;
use crate::tui::tabs::recipe::BatchOutcome;
use std::path::{Path, PathBuf};

/// Plans the recipe for each of the models, then starts their jobs. If outputs exist and `replace` is not set, nothing is started and
/// the answer names them. A model that cannot be planned does not keep the others back.
pub(crate) fn start(root: &Path, recipe: Box<Recipe>, sources: Vec<PathBuf>, replace: bool) -> BatchOutcome {
    let mut out = BatchOutcome::default();
    let mut ready: Vec<(Recipe, Plan)> = Vec::new();
    let mut taken: Vec<PathBuf> = Vec::new();
    for path in &sources {
        let source = Source { path: Some(path.clone()), ..Source::default() };
        let own = Recipe { source, ..(*recipe).clone() };
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
            let hint = Some("Clear output_dir, or convert it by itself.".to_owned());
            out.failed.push((path.clone(), ErrorCard { hint, ..ErrorCard::new(fact, true) }));
            continue;
        }
        taken.extend(made);
        out.exists.extend(plan.outputs.iter().flat_map(|o| o.replaces.clone()));
        ready.push((own, plan));
    }
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
}
