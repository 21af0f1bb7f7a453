//! Takes actions in and carries out what the core wants done outside.

use super::{App, OutsideJob, ascii};
use crate::tui::core::{Action, Effect, Level, update};
use crate::tui::look::Theme;
use crate::tui::runtime::comparer::Request as CompareRequest;
use crate::tui::runtime::effects::{self, paths, recipes};
use crate::tui::runtime::{caps, osc, terminal};
use crate::tui::tabs::jobs::JobAction;
use std::path::{Path, PathBuf};

impl App {
    /// Updates and carries out the effects; true when it is time to leave.
    pub(super) fn apply(&mut self, action: Action) -> std::io::Result<bool> {
        if !matches!(action, Action::Tick(_)) {
            self.state.now = jiff::Timestamp::now();
        }
        let mut todo = update(&mut self.state, action);
        while let Some(effect) = (!todo.is_empty()).then(|| todo.remove(0)) {
            if effect == Effect::Quit {
                return Ok(true);
            }
            todo.extend(self.carry_out(effect)?);
        }
        let watched = self.state.watches_machine().then(|| self.state.jobs.output_folder());
        self.workers.watch_machine(watched);
        self.workers.look_at_watchers(self.state.watcher_query());
        Ok(false)
    }

    /// Carries out one effect; gives those that follow from it.
    fn carry_out(&mut self, effect: Effect) -> std::io::Result<Vec<Effect>> {
        match effect {
            // The core has carried it out; the loop above leaves.
            Effect::Tab(_) | Effect::Quit => {}
            Effect::Scan => self.workers.scan(),
            Effect::Open(path) => self.workers.open(path),
            Effect::Inspect(ask) => self.workers.inspector.ask(ask),
            Effect::ReadText(path) => self.workers.texts(path),
            Effect::CompareConfigs(a, b) => self.workers.configs(a, b),
            Effect::FindTensors(id, query, models) => self.workers.find(id, query, models),
            Effect::ListFiles(path) => self.workers.list_files(path),
            Effect::DeleteFiles(list) => self.workers.delete_files(*list),
            Effect::RenameModel(path, name) => self.workers.rename(path, name),
            Effect::Measure(what, models, text) => self.workers.measure(what, models, text),
            Effect::OpenOutside(path, model, how) => self.editing = Some(OutsideJob::Path(path, model, how)),
            Effect::Plan(id, recipe) => self.workers.plan(id, recipe),
            Effect::Forecast(id, source, target) => self.workers.forecast(id, source, target),
            Effect::StopMeasuring => self.workers.stop_measuring(),
            Effect::PlanPresets(id, recipes) => self.workers.plan_presets(id, recipes),
            Effect::ListRecipes(folders) => self.workers.recipes(move || Action::Recipes(recipes::list(&folders))),
            Effect::ReadRecipe(path) => self.workers.recipes(move || read_recipe(path)),
            Effect::SaveRecipe(path, recipe, replace) => self.workers.recipes(move || {
                let saved = recipes::save(&path, &recipe, &replace);
                Action::RecipeSaved(path, recipe, saved)
            }),
            Effect::ComposeFor(source, purpose, memory) => self.workers.recipes(move || {
                let made = recipes::compose(&source, purpose, memory);
                Action::ComposedFor(source, purpose, made.map_err(|e| (&e).into()))
            }),
            Effect::CompletePath(base, typed) => self.workers.recipes(move || complete_path(&base, typed)),
            Effect::EditRecipe(place, recipe) => self.editing = Some(OutsideJob::Recipe(place, recipe)),
            Effect::Spawn(recipe, plan) => self.workers.spawn(recipe, plan),
            Effect::SpawnBatch(recipe, sources, replace) => self.workers.spawn_batch(recipe, sources, replace),
            Effect::CheckBatch(id, recipe, sources) => self.workers.check_batch(id, recipe, sources),
            Effect::ActOnJob(action, title, dir) => self.workers.ask(action, title, dir),
            Effect::Doctor => self.workers.doctor(),
            Effect::Follow(job) => self.workers.follow(job),
            Effect::Compare(id, paths, baseline, context) => {
                self.workers.compare(id, CompareRequest { paths, baseline, context });
            }
            Effect::Uncompare(id, compared, path) => self.workers.uncompare(id, compared, path),
            Effect::StopComparing => self.workers.stop_comparing(),
            Effect::ExportComparison(compared, path) => self.workers.export(compared, path),
            Effect::ComparePage(request) => self.workers.pages.take(request),
            Effect::LookAtWatchPlace(root) => self.workers.look_at_watch_place(root),
            Effect::StartWatcher(root, recipe) => self.workers.start_watcher(root, recipe),
            Effect::AskWatcher(id, request) => self.workers.ask_watcher(id, request),
            Effect::RestartWatcher(id) => self.workers.restart_watcher(id),
            Effect::ForgetWatcher(id, root) => self.workers.forget_watcher(id, root),
            Effect::StopWatcher(id, root) => self.workers.stop_watcher(id, root),
            Effect::RefreshJobs => self.workers.refresh_jobs(),
            Effect::StopJobs(dirs) => self.stop_jobs(&dirs),
            Effect::Copy(text) => return self.copy(&text),
            Effect::Notify(text) => self.notify(&text)?,
            Effect::Configure => self.configure()?,
            Effect::Theme(name) => return Ok(self.use_theme(&name)),
            Effect::KeepTheme(name) => {
                if let Err(e) = crate::tui::config::keep_theme(&name) {
                    self.state.note(Level::Warn, format!("the choice of the theme cannot be kept: {e}"));
                }
            }
            Effect::Redraw => self.screen.forget()?,
            Effect::Suspend => self.suspend()?,
        }
        Ok(Vec::new())
    }

    fn stop_jobs(&mut self, dirs: &[PathBuf]) {
        self.stopped = true;
        // One that has ended meanwhile needs no asking.
        dirs.iter().for_each(|dir| drop(effects::job(JobAction::Cancel, dir)));
    }

    fn copy(&mut self, text: &str) -> std::io::Result<Vec<Effect>> {
        match osc::clipboard(text, self.between) {
            Ok(bytes) => self.screen.send(&bytes).map(|()| Vec::new()),
            Err(e) => Ok(update(&mut self.state, Action::Notice(Level::Error, e))),
        }
    }

    fn notify(&mut self, text: &str) -> std::io::Result<()> {
        let how = self.state.settings.notify;
        self.screen.send(&osc::notification(text, how, self.between, caps::var))
    }

    /// Takes over what the settings say of the terminal.
    fn configure(&mut self) -> std::io::Result<()> {
        self.look.ascii = ascii(&self.state);
        if self.mouse == self.state.settings.mouse {
            return Ok(());
        }
        self.mouse = self.state.settings.mouse;
        self.screen.send(terminal::mouse(self.mouse))
    }

    fn use_theme(&mut self, name: &str) -> Vec<Effect> {
        match Theme::load(name, self.folder.as_deref(), self.depth) {
            Ok(theme) => {
                // Without colour every name means the colourless theme.
                self.state.theme.clone_from(&theme.name);
                self.look.theme = theme;
                Vec::new()
            }
            Err(e) => {
                self.state.theme.clone_from(&self.look.theme.name);
                let text = format!("{e}; the theme is unchanged");
                update(&mut self.state, Action::Notice(Level::Error, text))
            }
        }
    }
}

fn read_recipe(path: PathBuf) -> Action {
    if !path.is_file() {
        let why = format!("{}: no such file; o lists the available recipes", path.display());
        return Action::Notice(Level::Error, why);
    }
    let recipe = recipes::read(&path);
    Action::RecipeRead(path, recipe)
}

fn complete_path(base: &Path, typed: String) -> Action {
    let (becomes, names) = paths::complete(base, &typed);
    Action::PathCompleted(typed, becomes, names)
}
