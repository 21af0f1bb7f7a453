//! The Recipe tab: the recipe being composed, what its plan says, and what the forecast says of the alternatives.
//!
//! The recipe itself ([`Document`]) is changed only through [`RecipeState::change`], so that every change can be undone. The form
//! is made from the table of keys in `recipe`; problems have the words of that module, at the field they are about.

mod batch;
mod document;
mod fields;
mod forecast;
mod library;
mod plan_response;
mod presets;
mod problems;
mod rows;
mod slider;
mod type_notes;

pub(crate) use crate::plan::{PresetTypes as Types, TargetPreset as Preset};

pub use crate::recipe::options::Budget;
pub use batch::{BatchOutcome, BatchOutlook};
pub(crate) use document::{Document, History, Origin};
pub use fields::Field;
pub(crate) use forecast::ForecastState;
pub use library::{EditOutcome, EditPlace, LibraryEntry, Overwrite, SaveRefusal};
pub use plan_response::{PlanResponse, TargetRejection};
pub use presets::presets;
pub(crate) use presets::{offered, usual};
pub(crate) use problems::RecipeProblem;
pub use rows::Row;
pub(crate) use rows::{facts, step_facts, title};
pub(crate) use slider::{MeasuringSince, nats};
pub(crate) use type_notes::about;

use crate::model::FormatId;
use crate::plan::Forecasted;
use crate::plan::has_forecast;
use crate::recipe::keys::{Key, Kind, OptionGroup};
use crate::recipe::options::{self, measuring};
use crate::recipe::{Recipe, Selector, Source, Step, Target, steps};
use crate::tui::core::{ErrorCard, ForecastSource, LineEdit};
use std::path::PathBuf;

/// Size of one preset for the source.
pub(crate) type PresetSize = Result<(u64, f64), ErrorCard>;

/// Which part of the left side has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipePane {
    /// The list.
    #[default]
    List,
    /// The form of what is selected in the list.
    Form,
}

/// What a line being edited is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// The value of the current field.
    #[default]
    Value,
    /// The budget of a target that was added for it; without a budget the target is removed.
    FirstBudget,
    /// The filter of the options.
    Filter,
    /// The memory of the machine that the model is for.
    Memory,
    /// Where to save.
    SavePath,
    /// What to open.
    OpenPath,
}

/// What a recipe keeps when it gets another model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CarriedOver {
    /// Its targets.
    pub targets: usize,
    /// Budgets in bytes, which were dropped: they say nothing of another model.
    pub dropped: Vec<String>,
    /// Steps that change the model, and options that leave layers out or name files, which were dropped: they are about another one.
    pub steps: Vec<&'static str>,
}

/// The Recipe tab.
#[derive(Clone, Debug, Default)]
pub struct RecipeState {
    /// What is being composed.
    pub document: Document,
    /// The format of the source, where it is known: it decides what is offered first.
    pub(crate) source_format: Option<FormatId>,
    /// The models, if it is for several: one job for each. The source of the recipe is the one whose forecast is shown.
    pub batch: Vec<PathBuf>,
    /// Its file, and what it is there.
    pub origin: Origin,
    /// The way back.
    pub history: History,
    /// Selected line of the list.
    pub cursor: usize,
    /// Selected line of the form.
    pub field: usize,
    /// Groups of options that are unfolded.
    pub unfolded: Vec<OptionGroup>,
    /// Filter of the options.
    pub filter: String,
    /// Part with the keys.
    pub pane: RecipePane,
    /// A text being edited.
    pub editing: Option<LineEdit>,
    /// What it is for.
    pub prompt: Prompt,
    /// Possible completions of the path being typed.
    pub names: Vec<String>,
    /// A field is being edited from the list, where its key leads back to.
    pub visiting: bool,
    /// The forecast has the whole width.
    pub zoom: bool,
    /// Recipes that can be opened, as last listed.
    pub library: Vec<LibraryEntry>,
    /// Number of the latest plan asked for.
    pub request: u64,
    /// What the latest plan said; nothing while it is being made.
    pub plan: Option<PlanResponse>,
    /// The targets it is about: those with which nothing was wrong before.
    pub asked: Vec<usize>,
    /// The number of tensors that each rule of each target matches, if a plan has it.
    pub hits: Vec<Vec<usize>>,
    /// What is wrong, kept with the plan.
    problems: Vec<RecipeProblem>,
    /// A source, and the folder that its outputs go to without `output_dir`, as the last plan that could be made says.
    planned_folder: Option<(PathBuf, PathBuf)>,
    /// Tensors measured, of how many, while the plan of a budget is being made.
    pub plan_measured: Option<(usize, usize)>,
    /// Number of the latest round of preset sizes.
    pub preset_request: u64,
    /// What the latest round asks for.
    pub sized: Vec<(usize, Recipe)>,
    /// Sizes of the presets, as they come.
    pub sizes: Vec<Option<PresetSize>>,
    /// Errors of the file types and of budgets, for the options of each target.
    pub forecast_state: ForecastState,
    /// Size that the slider is at, while a budget is tried out.
    pub slider: Option<u64>,
    /// Losses are shown in dB also where divergences were measured.
    pub in_db: bool,
    /// The first GPU of this machine: its name and its memory.
    pub gpu: Option<(String, u64)>,
    /// The user stopped measuring on a text; nothing is measured until it is started again.
    pub measuring_stopped: bool,
    /// Since when the measuring under way is counted.
    pub(crate) measuring_since: Option<MeasuringSince>,
    /// The question what the model is for was asked in this session.
    pub asked_purpose: bool,
    /// The purpose that was chosen, while its memory is asked for.
    pub purpose: Option<&'static str>,
    /// Number of the latest look at all models of the recipe.
    pub outlook_request: u64,
    /// What can be started for all models of the recipe; nothing while that is being found out.
    pub outlook: Option<BatchOutlook>,
    /// True from the start key until the job is there.
    pub starting: bool,
    /// What was last started as a job, whose folder keeps it.
    pub started: Option<Recipe>,
    /// The job that is being started shall not take the screen.
    pub detached: bool,
}

impl RecipeState {
    /// Changes the document as one undo step. True if something changed.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Document)) -> bool {
        let before = self.document.clone();
        self.keeping_line(|r| change(&mut r.document));
        let changed = self.document != before;
        if changed {
            // Who changes what is measured wants it measured.
            let known: Vec<_> = before.recipe.targets.iter().filter_map(measuring).collect();
            let mut now = self.document.recipe.targets.iter().filter_map(measuring);
            self.measuring_stopped &= now.all(|m| known.contains(&m));
            self.history.changed(before, None);
            self.stay_inside();
        }
        changed
    }

    /// Opens another recipe with its file, as one undo step. A recipe without a source keeps the current source.
    pub(crate) fn open(&mut self, recipe: Recipe, file: Option<PathBuf>) {
        let source = self.document.recipe.source.clone();
        let recipe = match recipe.source.path {
            Some(_) => recipe,
            None => Recipe { source: Source { path: source.path, ..recipe.source }, ..recipe },
        };
        let origin = std::mem::replace(&mut self.origin, Origin { file, saved: recipe.clone() });
        let before = std::mem::replace(&mut self.document, Document { recipe, invalid: Vec::new() });
        self.history.changed(before, Some(origin));
        self.select(Row::Target(0));
    }

    /// Takes the last change back.
    pub(crate) fn undo(&mut self) -> bool {
        self.keeping_line(|r| r.history.undo(&mut r.document, &mut r.origin)) && self.stay_inside()
    }

    /// Redoes the last undone change.
    pub(crate) fn redo(&mut self) -> bool {
        self.keeping_line(|r| r.history.redo(&mut r.document, &mut r.origin)) && self.stay_inside()
    }

    /// Takes the last change back as if it had never been.
    pub(super) fn drop_change(&mut self) {
        self.undo();
        self.history.forget_future();
    }

    fn stay_inside(&mut self) -> bool {
        self.cursor = self.cursor.min(self.rows().len() - 1);
        self.field = self.field.min(self.fields().len().saturating_sub(1));
        true
    }

    /// True if the recipe is another than in its file, or than it began.
    pub fn modified(&self) -> bool {
        let saved = &self.origin.saved;
        // Which model it is for is no change of a recipe without a file, nor is which of several models is looked at.
        let batch = self.sources();
        let turned = batch.len() > 1 && saved.source.path.as_ref().is_some_and(|p| batch.contains(p));
        let same = if turned || self.origin.file.is_none() {
            Recipe { source: saved.source.clone(), ..self.document.recipe.clone() } == *saved
        } else {
            self.document.recipe == *saved
        };
        !same || !self.document.invalid.is_empty()
    }

    /// True if leaving would lose work of the user's. Which model it is for is no work, and a recipe that ran is in its job.
    pub fn unsaved(&self) -> bool {
        let work = |r: &Recipe| Recipe { source: Source::default(), ..r.clone() };
        let own = work(&self.document.recipe);
        let kept = [Some(&self.origin.saved), self.started.as_ref()];
        self.source().is_some()
            && (!self.document.invalid.is_empty() || !kept.into_iter().flatten().any(|r| work(r) == own))
    }

    /// Goes back to what was saved, or to the beginning.
    pub(in crate::tui) fn discard(&mut self) {
        self.document = Document { recipe: self.origin.saved.clone(), invalid: Vec::new() };
        self.stay_inside();
    }

    /// The model to convert.
    pub fn source(&self) -> Option<&PathBuf> {
        self.document.recipe.source.path.as_ref()
    }

    /// Takes models as the sources: one job for each. The forecast is of the first. Targets stay; what belongs to another model does not,
    /// nor does a budget in bytes.
    pub(crate) fn set_sources(&mut self, mut paths: Vec<PathBuf>, format: Option<FormatId>) -> CarriedOver {
        let Some(path) = paths.first().cloned() else { return CarriedOver::default() };
        if paths.len() == 1 {
            paths.clear();
        }
        // Layers and data of one model are not those of another.
        let belongs = |k: &Key| !k.of_model && matches!(k.kind, Kind::Layers | Kind::Path);
        let mut carried = CarriedOver::default();
        self.batch = paths;
        if self.source() == Some(&path) {
            return carried;
        }
        let first = self.document == Document::default();
        let before = usual(std::mem::replace(&mut self.source_format, format)).target();
        let usual = usual(format).target();
        self.change(|d| {
            // Without a choice of the user, the usual target for the new source.
            if d.recipe.targets == [before] {
                d.recipe.targets = vec![usual.clone()];
            }
            d.recipe.source = Source { path: Some(path), ..Source::default() };
            let changes = |step: &Step| steps::find(&step.step).filter(|s| matches!(s.effect, steps::Effect::Tensors));
            carried.steps = d.recipe.pipeline.iter().filter_map(changes).map(|s| s.name).collect();
            d.recipe.pipeline.retain(|step| changes(step).is_none());
            for t in &mut d.recipe.targets {
                t.output = None;
                for key in options::own_keys().filter(|k| belongs(k) && t.options.json(k).is_some()) {
                    if !carried.steps.contains(&key.name) {
                        carried.steps.push(key.name);
                    }
                }
                t.options.retain(|key| !key.of_model && !belongs(key));
                if let Some(Budget::Size(size)) = Budget::of(t) {
                    Budget::clear(t);
                    t.quantization = presets()[0].target().quantization;
                    carried.dropped.push(size.to_string());
                }
            }
            carried.targets = d.recipe.targets.len();
            if d.recipe.targets.is_empty() {
                d.recipe.targets.push(usual);
            }
        });
        if first {
            // Where it begins is nothing to go back from, and nothing to save.
            (self.history, self.origin.saved) = (History::default(), self.document.recipe.clone());
        }
        // A file that names its model is not about another one.
        if self.origin.saved.source.path.as_ref().is_some_and(|saved| self.source() != Some(saved)) {
            self.origin.file = None;
        }
        self.forecast_state.forget();
        self.select(Row::Target(0));
        carried
    }

    /// The models that jobs are started for.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        // Undo may have gone back to another model.
        let current = self.source().is_some_and(|s| self.batch.contains(s));
        if current { self.batch.clone() } else { self.source().cloned().into_iter().collect() }
    }

    /// True if it is for several models.
    pub fn is_batch(&self) -> bool {
        self.sources().len() > 1
    }

    /// True if jobs can be started.
    pub(crate) fn can_start(&self) -> bool {
        !self.starting && (self.ready().is_some() || (self.is_batch() && self.recipe().is_some()))
    }

    /// Shows the forecast of another of the models.
    pub(crate) fn turn_source(&mut self, by: isize) {
        let at = self.batch.iter().position(|p| Some(p) == self.source()).unwrap_or(0);
        let len = self.batch.len().max(1) as isize;
        let Some(path) = self.batch.get((at as isize + by).rem_euclid(len) as usize).cloned() else { return };
        // Which of them is looked at is nothing to undo.
        self.document.recipe.source.path = Some(path);
        self.forecast_state.forget();
    }

    /// Counts the tensors of each rule in the plan; the first rule that fits a tensor has it.
    pub(super) fn count_hits(&mut self) {
        let count = |(i, target): (usize, &Target)| {
            let output = self.output(i);
            let rules: Vec<_> = target.options.rules().iter().map(|(s, _)| Selector::parse(s)).collect();
            let mut hits = vec![0; rules.len()];
            for t in output.iter().flat_map(|o| o.tensors.iter()).filter(|_| !rules.is_empty()) {
                let fits = |r: &Result<Selector, _>| r.as_ref().is_ok_and(|s| s.matches(&t.name, t.role, &t.kind));
                if let Some(n) = rules.iter().position(fits).and_then(|at| hits.get_mut(at)) {
                    *n += 1;
                }
            }
            hits
        };
        self.hits = self.document.recipe.targets.iter().enumerate().map(count).collect();
    }

    /// Looks again at what is wrong.
    pub(super) fn find_problems(&mut self) {
        self.keeping_line(|r| {
            r.problems = problems::of(&r.document);
            for refused in r.plan.iter().flat_map(|p| &p.refused) {
                let problem = problems::planned(&r.document, refused);
                // What a step does to several targets is wrong once.
                if !r.problems.contains(&problem) {
                    r.problems.push(problem);
                }
            }
            r.problems.sort_by_key(|t| t.target);
        });
    }

    /// The recipe as composed; nothing without a source, or while there are problems.
    pub fn recipe(&self) -> Option<Recipe> {
        self.source()?;
        problems::of(&self.document).is_empty().then(|| self.document.recipe.clone())
    }

    /// What the planner is asked about: the targets with which nothing is wrong yet, so that all is known that is wrong with the
    /// others; nothing without a source or while something is wrong with all of it.
    pub(super) fn ask(&mut self) -> Option<Recipe> {
        self.source()?;
        let problems = problems::of(&self.document);
        if problems.iter().any(|t| t.target.is_none()) {
            return None;
        }
        let recipe = &self.document.recipe;
        let sound = (0..recipe.targets.len()).filter(|i| problems.iter().all(|t| t.target != Some(*i)));
        self.asked = sound.collect();
        let targets: Vec<Target> = self.asked.iter().filter_map(|i| recipe.targets.get(*i).cloned()).collect();
        (!targets.is_empty()).then(|| Recipe { targets, ..recipe.clone() })
    }

    /// The recipe for a watcher, without what is about one source, and what it makes in words. Where nothing is composed it is the
    /// first preset.
    pub(in crate::tui) fn for_watcher(&self) -> (Recipe, Vec<String>) {
        let mut recipe = self.document.recipe.clone();
        (recipe.source, recipe.output_dir) = (Source::default(), None);
        if recipe.targets.is_empty() {
            recipe.targets.push(presets()[0].target());
        }
        for target in &mut recipe.targets {
            (target.output, target.output_name, target.force) = (None, None, false);
        }
        let made: Vec<String> = steps::targets(&recipe).iter().map(title).collect();
        recipe.name.get_or_insert_with(|| made.join(", "));
        (recipe, made)
    }

    /// What a preset becomes when it is added: it takes what the others have that belongs to the model, such as an importance matrix.
    pub(crate) fn preset_target(&self, preset: &Preset) -> Target {
        let mut target = preset.target();
        let format = target.format;
        for other in &self.document.recipe.targets {
            target.options.adopt(&other.options, |key| key.of_model && key.fits(format));
        }
        target
    }

    /// One recipe for each preset whose size is known without measuring, with the preset's place: an output that exists is
    /// no reason to refuse.
    pub(crate) fn preset_recipes(&self) -> Vec<(usize, Recipe)> {
        let Some(path) = self.source().cloned() else { return Vec::new() };
        let recipe = |p: &Preset| Recipe {
            source: Source { path: Some(path.clone()), ..self.document.recipe.source.clone() },
            targets: vec![Target { force: true, ..self.preset_target(p) }],
            output_dir: self.document.recipe.output_dir.clone(),
            pipeline: self.document.recipe.pipeline.clone(),
            ..Recipe::default()
        };
        let known = presets().iter().enumerate();
        let known = known.filter(|(_, p)| p.types != Types::Budget && !p.quantizes_graph());
        known.map(|(i, p)| (i, recipe(p))).collect()
    }

    /// What a forecast is asked for: the source, and the options of the target it is for, as far as they reach tensors. Nothing
    /// without a source or while the target is wrong.
    pub(crate) fn forecast_target(&self) -> Option<(ForecastSource, Target)> {
        let source = self.forecast_source()?;
        let at = self.forecast_target_index();
        if at.is_some_and(|at| self.is_unmeasurable(at)) {
            return None;
        }
        let mut target = match at {
            Some(i) => reaching_tensors(self.document.recipe.targets.get(i)?),
            None => presets()[0].target(),
        };
        // A budget next to it, whose mix is not known yet, is asked for in the same go.
        if Budget::of(&target).is_none() {
            let others = self.document.recipe.targets.iter().filter(|t| has_forecast(t.format)).map(reaching_tensors);
            let unknown =
                |t: &Target| Budget::of(t).is_some_and(|b| self.forecast_state.mix_for(&target, &b).is_none());
            let same = |t: &Target| Budget::without(t) == target;
            if let Some(other) = others.filter(unknown).find(same) {
                target = other;
            }
        }
        Some((source, target))
    }

    /// The source of all forecasts; nothing without a model or while a step is wrong.
    pub(super) fn forecast_source(&self) -> Option<ForecastSource> {
        let path = self.source()?.clone();
        let wrong_step = problems::of(&self.document).iter().any(|t| t.step.is_some());
        (!wrong_step).then(|| ForecastSource { path, steps: self.document.recipe.pipeline.clone() })
    }

    /// True if something is wrong with a target that its forecast depends on.
    fn is_unmeasurable(&self, target: usize) -> bool {
        let of_this = |t: &RecipeProblem| t.target == Some(target) && !Field::Budget.is_about(&t.key);
        problems::of(&self.document).iter().any(of_this)
    }

    /// What forecasts of the other targets are asked for, and of the targets that can be added if they are on the screen.
    pub(super) fn other_forecasts(&self, presets_shown: bool) -> Vec<Target> {
        let targets = self.document.recipe.targets.iter().enumerate();
        let sound = targets.filter(|(i, t)| has_forecast(t.format) && !self.is_unmeasurable(*i));
        let mut others: Vec<Target> = sound.map(|(_, t)| reaching_tensors(t)).collect();
        if let Some(preset) = presets().first().filter(|_| presets_shown) {
            others.push(Budget::without(&reaching_tensors(&self.preset_target(preset))));
        }
        others
    }

    /// A target with what the steps of the recipe set in it.
    pub(crate) fn stepped_target(&self, target: usize) -> Option<Target> {
        let recipe = &self.document.recipe;
        Some(steps::target_after(&recipe.pipeline, recipe.targets.get(target)?))
    }

    /// What the forecast says of a target.
    pub fn estimate(&self, target: usize) -> Option<&Forecasted> {
        let t = &self.stepped_target(target)?;
        // Its own options: another target may have another effort.
        let options = Budget::without(&reaching_tensors(self.document.recipe.targets.get(target)?));
        match (Budget::of(t), t.quantization.as_deref()) {
            (Some(budget), _) => self.forecast_state.mix_for(&options, &budget),
            (None, Some(q)) if has_forecast(t.format) => {
                self.forecast_state.type_for(&options, &q.to_ascii_uppercase())
            }
            _ => None,
        }
    }

    /// What the forecast says of a preset, of those whose file type it knows.
    pub fn preset_estimate(&self, preset: usize) -> Option<&Forecasted> {
        let preset = presets().get(preset)?;
        let options = Budget::without(&reaching_tensors(&self.preset_target(preset)));
        self.forecast_state.type_for(&options, preset.file_type()?)
    }
}

/// A target without its type, and without what says where and in how many files it is written: that changes nothing of what is measured.
fn reaching_tensors(target: &Target) -> Target {
    let mut target = Target { quantization: None, output: None, force: false, ..target.clone() };
    target.options.retain(|key| !key.unmeasured);
    target
}

#[cfg(test)]
mod tests;
