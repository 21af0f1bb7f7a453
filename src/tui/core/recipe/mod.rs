//! The Recipe tab: what is being composed, what its plan says, and what the forecast says of the alternatives.

mod budget;
mod fields;
mod outlook;
mod presets;

pub use budget::Budget;
pub use fields::Field;
pub use outlook::Outlook;
pub use presets::{BUDGET, PRESETS, Preset, Types};

use super::action::ErrorCard;
use super::input::LineEdit;
use crate::plan::{Forecasted, Plan};
use crate::recipe::{Recipe, Source, Target};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Size of one preset for the source.
pub type PresetSize = Result<(u64, f64), ErrorCard>;

/// Which part of the form has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipePane {
    /// The presets.
    #[default]
    Presets,
    /// The options.
    Options,
}

/// The Recipe tab.
#[derive(Clone, Debug, Default)]
pub struct RecipeState {
    /// The model to convert.
    pub source: Option<PathBuf>,
    /// Folder of outputs that name none.
    pub output_dir: Option<PathBuf>,
    /// Selected preset.
    pub preset: usize,
    /// Presets marked; several make several outputs from one read.
    pub marked: BTreeSet<usize>,
    /// Part with the keys.
    pub pane: RecipePane,
    /// Selected option.
    pub field: usize,
    /// Output path typed by the user.
    pub output: String,
    /// Budget typed by the user.
    pub budget: String,
    /// Path of an importance matrix typed by the user.
    pub imatrix: String,
    /// Search further than the reference does.
    pub effort_max: bool,
    /// Context length typed by the user.
    pub context: String,
    /// Index into the embedding types.
    pub embedding: usize,
    /// Replace an existing output.
    pub overwrite: bool,
    /// A text option being edited.
    pub editing: Option<LineEdit>,
    /// The budget is being edited from the presets, where its key leads back to.
    pub visiting: bool,
    /// The forecast has the whole width.
    pub zoom: bool,
    /// Number of the latest plan asked for.
    pub request: u64,
    /// What the latest plan said; nothing while it is being made.
    pub plan: Option<Result<Arc<Plan>, ErrorCard>>,
    /// Tensors measured, of how many, while the plan of a budget is being made.
    pub plan_measured: Option<(usize, usize)>,
    /// Number of the latest round of preset sizes.
    pub preset_request: u64,
    /// What the latest round asks for.
    pub sized: Vec<(usize, Recipe)>,
    /// Sizes of the presets, as they come.
    pub sizes: Vec<Option<PresetSize>>,
    /// Errors of the presets and of any budget.
    pub outlook: Outlook,
    /// True from the start key until the job is there.
    pub starting: bool,
}

impl RecipeState {
    /// Takes a model as the source.
    pub fn set_source(&mut self, path: PathBuf) {
        if self.source.as_ref() == Some(&path) {
            return;
        }
        let old = std::mem::take(self);
        *self = Self {
            source: Some(path),
            output_dir: old.output_dir,
            request: old.request,
            preset_request: old.preset_request,
            preset: old.preset,
            zoom: old.zoom,
            // A budget is mostly that of a machine, not of a model.
            budget: old.budget,
            outlook: old.outlook,
            ..Self::default()
        };
        self.outlook.forget();
    }

    /// The presets that will be written: those marked, else the selected one.
    pub fn chosen(&self) -> Vec<usize> {
        if self.marked.is_empty() { vec![self.preset] } else { self.marked.iter().copied().collect() }
    }

    /// True when a budget decides an output and none is given.
    pub fn lacks_budget(&self) -> bool {
        self.budget.is_empty() && self.chosen().contains(&BUDGET)
    }

    /// A GGUF target with the options that reach its tensors.
    fn gguf(&self) -> Target {
        Target {
            format: "gguf".to_owned(),
            context_length: self.context_length(),
            embedding_type: self.embedding_type(),
            imatrix: (!self.imatrix.is_empty()).then(|| PathBuf::from(&self.imatrix)),
            ..Target::default()
        }
    }

    /// The same with the budget.
    fn within_budget(&self) -> Target {
        let (target_size, target_bpw) = match self.budget() {
            Some(Budget::Size(text)) => (Some(text), None),
            Some(Budget::BitsPerWeight(bits)) => (None, Some(bits)),
            None => (None, None),
        };
        Target { target_size, target_bpw, ..self.gguf() }
    }

    fn target(&self, preset: usize, single: bool) -> Option<Target> {
        let p = PRESETS.get(preset)?;
        let base = match (p.types, p.format) {
            (Types::Budget, _) => self.within_budget(),
            (Types::Quantized(q), _) => Target { quantization: Some(q.to_owned()), ..self.gguf() },
            (Types::Kept, format) => Target { format: format.to_owned(), ..Target::default() },
        };
        Some(Target {
            output: (single && !self.output.is_empty()).then(|| PathBuf::from(&self.output)),
            force: self.overwrite,
            effort: (self.effort_max && base.format == "gguf").then(|| self.value(Field::Effort).to_owned()),
            ..base
        })
    }

    /// The recipe as composed; nothing without a source or while an option is wrong or wanting.
    pub fn recipe(&self) -> Option<Recipe> {
        let path = self.source.clone()?;
        if self.lacks_budget() || Field::ALL.iter().any(|f| self.field_error(*f).is_some()) {
            return None;
        }
        let chosen = self.chosen();
        let targets = chosen.iter().filter_map(|p| self.target(*p, chosen.len() == 1)).collect();
        let source = Source { path: Some(path), format: None };
        Some(Recipe { source, targets, output_dir: self.output_dir.clone(), ..Recipe::default() })
    }

    /// One recipe for each preset whose size is known without measuring, with the preset's place: an output that exists is
    /// no reason to refuse.
    pub fn preset_recipes(&self) -> Vec<(usize, Recipe)> {
        let Some(path) = self.source.clone() else { return Vec::new() };
        let recipe = |i: usize| {
            // Nor does the effort make it larger.
            let target = self.target(i, false).map(|t| Target { force: true, effort: None, ..t });
            Recipe {
                source: Source { path: Some(path.clone()), format: None },
                targets: target.into_iter().collect(),
                output_dir: self.output_dir.clone(),
                ..Recipe::default()
            }
        };
        let measured = |i: usize| PRESETS[i].types == Types::Budget;
        (0..PRESETS.len()).filter(|i| !measured(*i)).map(|i| (i, recipe(i))).collect()
    }

    /// What a forecast is asked for; nothing without a source or while an option is wrong.
    pub fn forecast_target(&self) -> Option<(PathBuf, Target)> {
        let path = self.source.clone()?;
        // A budget that is no budget leaves the rest of the forecast true.
        let wrong = Field::ALL.iter().any(|f| *f != Field::Budget && self.field_error(*f).is_some());
        (!wrong).then(|| (path, self.within_budget()))
    }

    /// What the forecast says of a preset.
    pub fn estimate(&self, preset: usize) -> Option<&Forecasted> {
        let p = PRESETS.get(preset)?;
        match p.types {
            Types::Budget if self.budget().is_some() => self.outlook.mix().map(|m| &m.forecast),
            Types::Quantized(_) => self.outlook.of_type(p.file_type()?),
            _ => None,
        }
    }

    /// The sound plan, if it is there.
    pub fn ready(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()?.as_ref().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_make_several_targets_and_options_reach_gguf_only() {
        let mut r = RecipeState::default();
        assert_eq!(r.recipe(), None);
        r.set_source("/m".into());
        r.context = "32k".into();
        r.embedding = 2;
        let safetensors = PRESETS.iter().position(|p| p.format == "safetensors").unwrap();
        r.marked = [0, safetensors].into();
        let recipe = r.recipe().unwrap();
        assert_eq!(recipe.targets.len(), 2);
        assert_eq!(recipe.targets[0].context_length, Some(32768));
        assert_eq!(recipe.targets[0].embedding_type.as_deref(), Some("f16"));
        assert_eq!(recipe.targets[1].format, "safetensors");
        assert_eq!(recipe.targets[1].context_length, None);
        assert_eq!(recipe.targets[1].embedding_type, None);
    }

    #[test]
    fn a_budget_takes_the_place_of_a_type() {
        let mut r = RecipeState { preset: BUDGET, ..RecipeState::default() };
        r.set_source("/m".into());
        assert!(r.lacks_budget() && r.recipe().is_none());
        r.budget = "4.5 GiB".into();
        r.imatrix = "/i.gguf".into();
        r.effort_max = true;
        let target = r.recipe().unwrap().targets.remove(0);
        assert_eq!((target.target_size.as_deref(), target.target_bpw), (Some("4.5GiB"), None));
        assert_eq!((target.quantization, target.effort.as_deref()), (None, Some("max")));
        r.budget = "4.25 bpw".into();
        r.marked = [0, BUDGET].into();
        let targets = r.recipe().unwrap().targets;
        assert_eq!((targets[0].quantization.as_deref(), targets[0].target_bpw), (Some("q4_k_m"), None));
        assert_eq!((targets[1].quantization.as_deref(), targets[1].target_bpw), (None, Some(4.25)));
        assert!(targets.iter().all(|t| t.imatrix.is_some()));
        assert!(r.preset_recipes().iter().all(|(i, _)| *i != BUDGET), "a budget is measured, which takes seconds");
    }

    #[test]
    fn another_source_keeps_the_budget_and_takes_no_late_forecast() {
        let mut r = RecipeState { budget: "4.25".into(), imatrix: "/i".into(), ..RecipeState::default() };
        r.set_source("/m".into());
        let (source, target) = r.forecast_target().unwrap();
        assert!(r.outlook.want(&source, &target) && !r.outlook.want(&source, &target));
        let request = r.outlook.request;
        r.set_source("/n".into());
        assert_eq!((r.budget.as_str(), r.imatrix.as_str()), ("4.25", ""));
        let late = ErrorCard { message: "late".into(), hint: None, wrong: true };
        r.outlook.arrived(request, Err(late));
        assert!(r.outlook.answer.is_none());
    }
}
