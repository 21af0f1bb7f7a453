//! What comes from the files of the user: settings, keys, themes, where the folder was left.

use super::route::go;
use crate::tui::core::action::{Action, Effect};
use crate::tui::core::state::State;
use crate::tui::core::{Level, units};

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Configured(settings) => {
            let theme = settings.theme.clone().unwrap_or_else(|| state.default_theme.clone());
            let other_theme = settings.theme != state.settings.theme && theme != state.theme;
            state.settings = *settings;
            state.toast(Level::Info, "config.toml reloaded");
            let mut effects = vec![Effect::Configure];
            if other_theme {
                state.theme.clone_from(&theme);
                state.theme_chosen = false;
                effects.push(Effect::Theme(theme));
            }
            effects
        }
        Action::Keys(keymap) => {
            let n = units::plural(keymap.own(), "command has", "commands have");
            state.toast(Level::Info, format!("keys.toml reloaded, {n} custom keys"));
            state.keymap = *keymap;
            state.pending = None;
            Vec::new()
        }
        Action::ThemeFiles { names, changed } => {
            // Without colour there is one theme, whatever files there are.
            if state.themes.len() > 1 {
                state.themes = names;
            }
            if !changed.contains(&state.theme) {
                return Vec::new();
            }
            state.toast(Level::Info, format!("{}.toml reloaded", state.theme));
            vec![Effect::Theme(state.theme.clone())]
        }
        Action::ConfigProblems(problems) => {
            let more = problems.len().saturating_sub(1);
            let mut problems = problems.into_iter();
            if let Some(first) = problems.next() {
                let rest = if more > 0 { format!(" (and {more} more: see the log)") } else { String::new() };
                state.toast(Level::Error, format!("{first}{rest}"));
            }
            for p in problems {
                state.note(Level::Error, p);
            }
            Vec::new()
        }
        Action::Restored(session) => {
            session.restore(state);
            go(state, state.tab)
        }
        _ => Vec::new(),
    }
}
