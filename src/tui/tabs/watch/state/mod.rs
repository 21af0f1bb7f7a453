//! The Watch tab: the watchers there are, and what the events of the selected one say of its sources.
//!
//! `view` folds events into sources, `trend` makes figures over training steps of them. Where the events come from is the runtime's business.

mod trend;
mod view;

pub(crate) use trend::{Trend, Value, worst_metrics};
pub use view::ExportQuality;
pub(crate) use view::{Export, Source, SourceState, WatcherView};

use crate::tui::core::filter::Filter;
use crate::tui::core::{Focus, LineEdit, State, Tab, units};
use crate::watch::WatcherInfo;
use std::path::PathBuf;

/// Sources whose ages are compared at each tick.
const MAX_AGES: usize = 200;

/// What is to be read of watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatcherQuery {
    /// Which request this is: a new number reads the events from their beginning.
    pub request: u64,
    /// The folder of the watcher that is selected.
    pub folder: Option<PathBuf>,
}

/// What there is at the path of a folder to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchPlace {
    /// A folder.
    Folder,
    /// Nothing yet.
    Nothing,
    /// Something that is no folder.
    File,
}

/// The Watch tab.
#[derive(Clone, Debug, Default)]
pub struct WatchState {
    /// The watchers, those that run first.
    pub list: Vec<WatcherInfo>,
    /// True once the list was read.
    pub looked: bool,
    /// Identifier of the selected watcher.
    pub selected: Option<String>,
    /// One that was just started here and is selected when it is listed.
    pub expected: Option<String>,
    /// What the events of the selected watcher say.
    pub view: WatcherView,
    /// Name of the selected source; the newest one without.
    pub source: Option<String>,
    /// Filter of the sources.
    pub filter: String,
    /// The filter being edited, or the folder to watch.
    pub editing: Option<LineEdit>,
    /// What is edited is the path of a folder to watch.
    pub asking: bool,
    /// Possible completions of that path.
    pub names: Vec<String>,
    /// The watchers or the sources.
    pub focus: Focus,
    /// The latest request.
    pub request: u64,
}

impl WatchState {
    /// Place of the selected watcher.
    pub(crate) fn cursor(&self) -> usize {
        self.selected.as_ref().and_then(|id| self.list.iter().position(|w| w.id == *id)).unwrap_or(0)
    }

    /// The selected watcher.
    pub(crate) fn current(&self) -> Option<&WatcherInfo> {
        self.list.iter().find(|w| Some(&w.id) == self.selected.as_ref())
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.list.iter().filter(|w| w.pid.is_some()).count()
    }

    /// Place of the selected source.
    pub(crate) fn source_cursor(&self) -> usize {
        self.source.as_ref().and_then(|name| self.shown().position(|s| s.name == *name)).unwrap_or(0)
    }

    /// The sources that pass the filter, newest first.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Source> {
        let filter = Filter::parse(&self.filter);
        self.view.sources().filter(move |s| filter.passes(&[&s.name], &[&s.text]))
    }

    /// The selected source.
    pub fn current_source(&self) -> Option<&Source> {
        self.shown().nth(self.source_cursor())
    }

    /// Takes a new list, and keeps the selection where it can.
    pub(crate) fn set_list(&mut self, mut list: Vec<WatcherInfo>) {
        list.sort_by_key(|w| w.pid.is_none());
        (self.list, self.looked) = (list, true);
        if let Some(at) = self.expected.as_ref().and_then(|id| self.list.iter().position(|w| w.id == *id)) {
            self.expected = None;
            return self.select(at);
        }
        if self.current().is_none() {
            self.select(0);
        }
        if self.list.is_empty() {
            self.focus = Focus::List;
        }
    }

    /// Selects a watcher; what another one said is forgotten.
    pub(crate) fn select(&mut self, at: usize) {
        let id = self.list.get(at.min(self.list.len().saturating_sub(1))).map(|w| w.id.clone());
        if id != self.selected {
            (self.selected, self.source, self.view) = (id, None, WatcherView::default());
            self.request += 1;
        }
    }

    /// Selects a source.
    pub(crate) fn select_source(&mut self, at: usize) {
        let last = self.shown().count().saturating_sub(1);
        let name = self.shown().nth(at.min(last)).map(|s| s.name.clone());
        self.source = name;
    }

    /// The export of the selected source and that of the checkpoint before it in the same run, if both exist.
    pub(crate) fn pair(&self) -> Option<[PathBuf; 2]> {
        let current = self.current_source()?;
        let output = |s: &Source| s.exported().filter(|e| !e.removed)?.done.outputs.first().cloned();
        let step = current.step?;
        let before = self.view.sources().filter(|s| s.run() == current.run() && s.step.is_some_and(|n| n < step));
        // The newest comes first.
        let before = before.filter_map(output).next()?;
        Some([before, output(current)?])
    }

    /// The sources of the run that the selected one is of, as figures over their steps.
    pub(crate) fn trend(&self) -> Trend {
        self.current_source().map_or_else(Trend::default, |s| Trend::of(&self.view, s.run()))
    }
}

impl State {
    /// What is to be read of watchers: nothing while the tab is not shown.
    pub fn watcher_query(&self) -> Option<WatcherQuery> {
        let w = &self.watch;
        (self.tab == Tab::Watch)
            .then(|| WatcherQuery { request: w.request, folder: w.current().map(|w| w.folder.clone()) })
    }

    /// The ages that the Watch tab shows; nothing elsewhere.
    pub fn ages(&self) -> Vec<String> {
        let shown = if self.tab == Tab::Watch { MAX_AGES } else { 0 };
        self.watch.view.sources().take(shown).map(|s| self.age(s.since)).collect()
    }

    /// How long ago something was: `now`, `3 min`, `2 h`, `5 d`.
    pub(crate) fn age(&self, t: jiff::Timestamp) -> String {
        units::age(self.now.as_second().saturating_sub(t.as_second()))
    }
}
