//! Keys that do nothing here: the message says why. `/` where nothing can be filtered opens a line all the same, so that the word
//! typed after it runs no commands.

use super::action::Effect;
use super::commands::{self, Cmd, Command, key_label};
use super::input::{Completion, LineEdit};
use super::keys::{Code, Key};
use super::state::State;
use crate::tui::tabs;

/// What is missing, by the name of the command that needs it.
const NEEDS: &[(&str, &str)] = &[
    ("models.open", NO_MODELS),
    ("models.close", NO_MODELS),
    ("models.convert", NO_MODELS),
    ("hit.next", "there is no match to go to"),
    ("hit.previous", "there is no match to go to"),
    ("filter.clear", "there is no filter"),
    ("models.mark", NO_MODELS),
    ("models.unmark", "no model is marked"),
    ("models.compare", NO_MODELS),
    ("models.evaluate", NO_MODELS),
    ("models.imatrix", NO_MODELS),
    ("models.section", "a folder has no sections"),
    ("models.section-back", "a folder has no sections"),
    ("tensors.sort", "only Tensors can be sorted"),
    ("tensors.reverse", "only Tensors can be sorted"),
    ("filter.details", "there is nothing to filter here"),
    ("value.search", "there is nothing to search here"),
    ("tokenizer.try", "a text is tried in Tokenizer, if the model has one"),
    ("value.read", "only Metadata and Files can be read"),
    ("template.read", "the chat template is in Tokenizer, if the model has one"),
    ("copy.value", "nothing is selected"),
    ("health.check", "values are checked in Health"),
    ("copy.path", NO_MODELS),
    ("copy.name", NO_MODELS),
    ("models.sort", NO_MODELS),
    ("models.find-tensor", NO_MODELS),
    ("models.configs", "mark two models with space, or mark one and select another"),
    ("models.editor", NO_MODELS),
    (
        "models.pager",
        "a model in one file has no config.json: Metadata shows what it has; select a folder, or a text in Files",
    ),
    ("models.rename", ONE_MODEL),
    ("models.delete", ONE_MODEL),
    ("models.rescan", "the scan is still running"),
    ("recipe.start", "the job is being started"),
    ("recipe.why-not", "the job is being started"),
    ("recipe.open-row", "this line has no options"),
    ("recipe.add-here", NO_SOURCE),
    ("option.edit", "there are no options here"),
    ("option.previous", "this option has no list of values; enter edits it"),
    ("option.next", "this option has no list of values; enter edits it"),
    ("option.clear", "this option has its default already, or needs a value"),
    ("recipe.add", NO_SOURCE),
    ("recipe.budget", "no target of this recipe takes a budget"),
    ("budget.take", "no budget is being tried out; ( and ) slide it"),
    ("budget.drop", "no budget is being tried out; ( and ) slide it"),
    ("budget.left", "the forecast is not there yet"),
    ("budget.right", "the forecast is not there yet"),
    ("budget.less", "there is no forecast to slide a budget on"),
    ("budget.more", "there is no forecast to slide a budget on"),
    ("recipe.figure", "divergences are there only with budget_data or scores"),
    ("recipe.measure-stop", "nothing is measured on a text"),
    ("recipe.measure", "nothing is measured on a text"),
    ("recipe.delete", "only targets and steps can be removed"),
    ("recipe.duplicate", "only targets can be duplicated"),
    ("recipe.move-down", "there is no other target to move it past"),
    ("recipe.move-up", "there is no other target to move it past"),
    ("recipe.undo", "there is nothing to undo"),
    ("recipe.redo", "there is nothing to redo"),
    ("recipe.save", NO_SOURCE),
    ("recipe.new", NO_SOURCE),
    ("recipe.next-source", "the recipe is for one model; mark several with space in Models"),
    ("recipe.previous-source", "the recipe is for one model; mark several with space in Models"),
    ("recipe.editor", NO_SOURCE),
    ("recipe.add-step", NO_SOURCE),
    ("recipe.add-step-here", NO_SOURCE),
    ("recipe.purpose", NO_SOURCE),
    ("recipe.delete-step", "select a step or a target"),
    ("recipe.step-down", "there is no other step"),
    ("recipe.step-up", "there is no other step"),
    ("option.unfold", "select a heading that is folded"),
    ("option.fold", "select a heading that is unfolded"),
    ("option.fold-group", "this option is below no heading"),
    ("option.filter", "select a target or a step: this line has no options"),
    ("option.filter-clear", "all options are shown"),
    ("recipe.zoom", NO_SOURCE),
    ("recipe.start-detached", "the recipe cannot run yet; r says why"),
    ("jobs.open", NO_JOBS),
    ("jobs.report", "this job has not ended: it has no report yet"),
    ("grid.right", "this section has no grid"),
    ("grid.left", "this section has no grid"),
    ("jobs.section", NO_JOBS),
    ("jobs.section-back", NO_JOBS),
    ("jobs.cancel", "this job has ended"),
    ("jobs.pause", "only a running job can be paused"),
    ("jobs.continue", "only a paused job can be resumed"),
    ("jobs.retry", "only a failed, cancelled or lost job can be started again"),
    ("jobs.outputs", "this job has no finished output"),
    ("jobs.log", NO_JOBS),
    ("job.search", "there is nothing to search here"),
    ("jobs.remove", "only an ended job can be removed"),
    ("copy.output", "this job has no output yet"),
    ("copy.command", "only the report of a job that has ended has a command"),
    ("copy.card", "only the report of a finished job can be copied as Markdown"),
    ("jobs.compare", "only a finished job can be compared with its source"),
    ("compare.tensors", NOT_COMPARED),
    ("compare.kinds", NOT_COMPARED),
    ("compare.layers", NOT_COMPARED),
    ("compare.sizes", NOT_COMPARED),
    ("compare.measure", "the measure is chosen for the curves by layer; tab shows them"),
    ("compare.baseline", "select a model other than the baseline"),
    ("compare.add", "there is no other model to add, or no space for one"),
    ("compare.remove", "there are no models to compare"),
    ("compare.export", NOT_COMPARED),
    ("compare.order", "there are too few models to order"),
    ("compare.sort", NOT_COMPARED),
    ("compare.context", NOT_COMPARED),
    ("compare.quality", NO_COMPARED),
    ("compare.map", NOT_COMPARED),
    ("compare.speech", NO_COMPARED),
    ("compare.histograms", "no tensor is selected"),
    ("compare.histograms-hide", "no histograms are shown"),
    ("compare.more-bits", "no tensor is selected"),
    ("quality.text", "an evaluation is running; x stops it"),
    ("quality.other", "there are no figures of another text"),
    ("quality.limit", NOT_EVALUATED),
    ("quality.chart", NOT_EVALUATED),
    ("quality.stop", "no evaluation is running"),
    ("quality.left", "there is no other model"),
    ("quality.right", "there is no other model"),
    ("map.histograms", NOT_COMPARED),
    ("map.histograms-hide", "no histograms are shown"),
    ("map.more-bits", NOT_COMPARED),
    ("map.next-model", "there is no other model"),
    ("map.previous-model", "there is no other model"),
    ("speech.prompt", "the models are generating; x stops them"),
    ("speech.right", NOT_SPOKEN),
    ("speech.left", NOT_SPOKEN),
    ("speech.difference", "no model has said anything else yet"),
    ("speech.next-model", "there is no other model"),
    ("speech.previous-model", "there is no other model"),
    ("speech.stop", "no model is generating"),
    ("compare.left", "there is no other model"),
    ("compare.right", "there is no other model"),
    ("watch.sources", NO_SOURCES),
    ("watch.job", "the job of this export does not exist, or not any more"),
    ("watch.output", "this source has no export in the opened folder"),
    ("watch.compare", "there is no export of an earlier checkpoint"),
    ("watch.export", NOT_WATCHING),
    ("watch.ignore", NOT_WATCHING),
    ("watch.unignore", NOT_WATCHING),
    ("watch.pause", NOT_WATCHING),
    ("watch.resume", NOT_WATCHING),
    ("watch.stop", NOT_WATCHING),
    ("watch.restart", NOT_WATCHING),
    ("watch.forget", "only a stopped watcher can be removed; s stops it"),
    ("watch.copy", "there is no watcher"),
    ("log.level", EMPTY_LOG),
    ("log.job", "no line is about a job"),
    ("log.open", "this line is about no job of the list"),
    ("log.follow", "the newest line is selected already"),
    ("copy.line", EMPTY_LOG),
    ("copy.lines", EMPTY_LOG),
    ("border.left", NO_BORDER),
    ("border.right", NO_BORDER),
    ("pane.next", "there is no other pane"),
    ("theme", "without colour there is one theme"),
];

const NO_MODELS: &str = "no model is selected";
const ONE_MODEL: &str = "select a model, not a folder";
const NO_SOURCE: &str = "choose a model first: press c on one in Models (1)";
const NO_JOBS: &str = "there are no jobs";
const NOT_COMPARED: &str = "nothing has been compared yet";
const NO_COMPARED: &str = "add at least two models first: a adds one";
const NOT_EVALUATED: &str = "no text was evaluated yet; e asks for one";
const NOT_SPOKEN: &str = "nothing was said yet; p asks for a prompt";
const NO_SOURCES: &str = "this watcher has no sources yet";
const NOT_WATCHING: &str = "the watcher does not run";
const EMPTY_LOG: &str = "the log is empty";
const NO_BORDER: &str = "there is no border to move, or no space for it";

/// A line for a word that can filter nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLine {
    /// What was typed.
    pub line: LineEdit,
}

impl DeadLine {
    /// What the line says beside the word.
    pub(crate) const WHY: &str = "nothing to filter here";
}

/// A key has no meaning here: says why.
pub(super) fn refuse(state: &mut State, before: Option<Key>, key: Key) -> Vec<Effect> {
    // Esc is pressed to be sure that nothing is open.
    if key.code == Code::Esc {
        return Vec::new();
    }
    let has = |c: &&Command| {
        state.keymap.keys(c).iter().any(|s| match (s.keys.as_slice(), before) {
            ([k], None) => *k == key,
            ([p, k], Some(b)) => *p == b && *k == key,
            _ => false,
        })
    };
    let own: Vec<&Command> = commands::all().filter(has).collect();
    if own.iter().any(|c| matches!(c.cmd, Cmd::Filter | Cmd::Search)) {
        state.dead = Some(DeadLine::default());
        return Vec::new();
    }
    let scopes = commands::scopes(state);
    let here = scopes.iter().find_map(|s| own.iter().find(|c| c.scopes.contains(s)));
    let of_tab = || {
        let tab = tabs::shown(state).commands();
        own.iter().find(|c| tab.iter().any(|t| t.name == c.name))
    };
    // Within a sentence a key has its name: its sign may have no likeness in ASCII.
    let label = key_label(&before.map_or_else(|| key.to_string(), |b| format!("{b} {key}"))).replace('⏎', "enter");
    let text = match (here, of_tab()) {
        (Some(c), _) => format!("{label}: {}", need(state, c.name)),
        (None, Some(c)) => {
            let place = c.scopes.first().map_or("", |s| s.title());
            // `Models: the tree` as words within a sentence.
            let place = place.split_once(": ").map_or(place.to_owned(), |(tab, pane)| format!("{pane} of {tab}"));
            format!("{label} does nothing here; in {place}: {}", lower(c.help))
        }
        (None, None) => {
            let help =
                commands::tail_hints(state).into_iter().find(|h| h.cmd == Cmd::Help).map_or("?".into(), |h| h.key);
            format!("{label} does nothing here; {help} lists the keys")
        }
    };
    state.outdating_toasts(|state| state.refuse_key(text));
    Vec::new()
}

/// What the command of this name needs.
fn need(state: &State, name: &str) -> &'static str {
    if name == "jobs.report" && state.jobs.current().is_some_and(|j| j.state.ended()) {
        return "the report of this job is shown already";
    }
    if name == "recipe.figure" {
        return state.recipe.why_no_divergence();
    }
    if name == "watch.sources" && state.watch.current().is_none() {
        return if state.read_only { "there are no watchers" } else { "there are no watchers yet; w starts one" };
    }
    if name == "watch.forget" && state.watch.current().is_none() {
        return "there is no watcher";
    }
    if name == "watch.stop" && state.watch.current().is_some_and(|w| w.command.is_some()) {
        return "the watcher does not run; y copies the command that starts it";
    }
    NEEDS.iter().find(|(n, _)| *n == name).map_or("not possible now", |(_, why)| why)
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// A key for the line that filters nothing: only enter and esc close it.
pub(super) fn key(state: &mut State, key: Key) {
    let Some(dead) = &mut state.dead else { return };
    if matches!(dead.line.key(key), Completion::Accepted | Completion::Dropped) {
        state.dead = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_may_be_impossible_says_what_it_needs() {
        // Nothing is there yet: what can be done now is possible everywhere.
        let empty = State::new("/".into(), jiff::Timestamp::UNIX_EPOCH);
        let impossible = commands::all().filter(|c| !(c.when)(&empty));
        let silent: Vec<&str> = impossible
            .map(|c| c.name)
            .filter(|n| *n != "recipe.open" && NEEDS.iter().all(|(name, _)| name != n))
            .collect();
        assert!(silent.is_empty(), "no reason for {silent:?}");
        let unknown: Vec<&str> =
            NEEDS.iter().map(|(n, _)| *n).filter(|n| commands::all().all(|c| c.name != *n)).collect();
        assert!(unknown.is_empty(), "reasons for no command: {unknown:?}");
    }
}
