//! The tabs of the workbench, a folder for each, and the table of them.
//!
//! A tab has its part of the state (`state`), its part of the registry of commands (`commands`), what its keys and what
//! arrives from outside change (`update`), and how it is drawn (`view`). The rest of the workbench knows a tab only by
//! `TabBehavior`; `of` is the one place that names them all.
//!
//! A tab may read the whole [`State`]. It changes its own part of it, and what all tabs share: the layer on top, messages and
//! the log. It must not name another tab's module. Where it needs another tab to do something, it returns
//! [`Effect::Tab`] with a [`TabRequest`], which the top update hands to that tab. `tests/layering.rs` checks it.

pub(crate) mod compare;
pub(crate) mod jobs;
pub(crate) mod log;
pub(crate) mod models;
pub(crate) mod recipe;
pub(crate) mod watch;

use super::core::panes::{Borders, Division};
use super::core::search::Reader;
use super::core::{
    Action, Cmd, Command, Completion, Effect, Focus, Hit, Key, LineEdit, PickerKind, Scope, State, Tab, TabRequest,
};
use super::view::Canvas;
use ratatui::layout::Rect;

/// The table of tabs.
pub(in crate::tui) fn of(tab: Tab) -> &'static dyn TabBehavior {
    match tab {
        Tab::Models => &models::Models,
        Tab::Recipe => &recipe::Recipe,
        Tab::Jobs => &jobs::Jobs,
        Tab::Compare => &compare::Compare,
        Tab::Watch => &watch::Watch,
        Tab::Log => &log::Log,
    }
}

/// The tab that is shown.
pub(in crate::tui) fn shown(state: &State) -> &'static dyn TabBehavior {
    of(state.tab)
}

/// Every tab, in order.
pub(in crate::tui) fn all() -> impl Iterator<Item = &'static dyn TabBehavior> {
    Tab::ALL.into_iter().map(of)
}

/// What the rest of the workbench asks of a tab. Where there is a default, most tabs have nothing to say.
pub(in crate::tui) trait TabBehavior: Sync {
    // ---- what it is

    /// Its title.
    fn title(&self) -> &'static str;

    /// Its part of the registry of commands.
    fn commands(&self) -> &'static [Command];

    /// The scopes whose keys count on it now, innermost first, without the global one.
    fn scopes(&self, state: &State) -> &'static [Scope];

    /// Draws it.
    fn draw(&self, c: &mut Canvas<'_>, state: &State, body: Rect);

    /// What follows its title in the first line of the screen.
    fn badge(&self, _: &State) -> Option<String> {
        None
    }

    // ---- what happens to it

    /// Runs a command; nothing if the tab does not handle it.
    fn run(&self, state: &mut State, cmd: Cmd) -> Option<Vec<Effect>>;

    /// Takes in what arrived from outside for it: see [`Action::tab`].
    fn arrived(&self, _: &mut State, _: Action) -> Vec<Effect> {
        Vec::new()
    }

    /// Does what another tab asks: see [`TabRequest::tab`].
    fn asked(&self, _: &mut State, _: TabRequest) -> Vec<Effect> {
        Vec::new()
    }

    /// It is shown now.
    fn enter(&self, _: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Another tab is shown now.
    fn leave(&self, _: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    /// Brings what follows from its state up to date, after every action, shown or not.
    fn settle(&self, _: &mut State) {}

    /// What it needs from outside to be drawn and has not asked for yet; asked after every action while it is shown.
    fn wants(&self, _: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    // ---- its panes and lists

    /// The pane that has the keys.
    fn focus(&self, _: &State) -> Focus {
        Focus::List
    }

    /// Gives the keys to a pane.
    fn set_focus(&self, _: &mut State, _: Focus) {}

    /// How it is divided on a screen of this width.
    fn division(&self, _: &State, _width: u16) -> Division {
        Division::List
    }

    /// By how many columns the user has moved its border, if it has one.
    fn border<'b>(&self, _: &'b mut Borders) -> Option<&'b mut i16> {
        None
    }

    /// Moves the cursor of the focused list by lines.
    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect>;

    /// A line or the title of a section was clicked.
    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect>;

    /// A line was clicked a second time; nothing if that does what enter does.
    fn double_click(&self, _: &mut State, _: Hit) -> Option<Vec<Effect>> {
        None
    }

    /// True while a filter hides something that esc would bring back.
    fn is_filtered(&self, _: &State) -> bool {
        false
    }

    /// True while its focused list is filtered and has lines to go to with `n` and `N`.
    fn has_hits(&self, _: &State) -> bool {
        false
    }

    /// Goes to the next line that passes the filter, or to the one before, round the end.
    fn next_hit(&self, _: &mut State, _forward: bool) -> Vec<Effect> {
        Vec::new()
    }

    /// What it shows line by line to be searched in, if it does.
    fn reader(&self) -> Option<&'static dyn Reader> {
        None
    }

    // ---- the line and the picker in which the user types

    /// The line being edited, if one is.
    fn line<'s>(&self, _: &'s State) -> Option<&'s LineEdit> {
        None
    }

    /// The line being edited, with what it asks for, where it is drawn in the status line and not in the tab.
    fn prompt<'s>(&self, _: &'s State) -> Option<(&'static str, &'s LineEdit)> {
        None
    }

    /// Names that may follow what was typed in such a line, where a path is completed.
    fn prompt_names<'s>(&self, _: &'s State) -> &'s [String] {
        &[]
    }

    /// The same, for a key.
    fn line_mut<'s>(&self, _: &'s mut State) -> Option<&'s mut LineEdit> {
        None
    }

    /// What a key does that the line being edited does not get.
    fn line_key(&self, _: &mut State, _: Key) -> Option<Vec<Effect>> {
        None
    }

    /// True while the line is left by accepting or dropping it only, and not by keys that move in a list.
    fn keeps_line(&self, _: &State) -> bool {
        false
    }

    /// Carries on after a key in the line.
    fn edited(&self, _: &mut State, _: Completion) -> Vec<Effect> {
        Vec::new()
    }

    /// Something was chosen in a picker that is the tab's (see [`PickerKind::tab`]): its place in the list, and what was typed.
    fn picked(&self, _: &mut State, _: PickerKind, _at: Option<usize>, _typed: &str) -> Vec<Effect> {
        Vec::new()
    }
}
