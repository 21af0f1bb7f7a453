//! Help, the palette and the picker of themes: what opens them and what they list.

use crate::tui::core::commands;
use crate::tui::core::{Cmd, Command, Help, Layer, LineEdit, Picker, PickerItem, PickerKind, State};

/// Opens help, palette or theme picker.
pub(super) fn open(state: &mut State, cmd: Cmd) {
    let (kind, items, row) = match cmd {
        Cmd::Palette => (PickerKind::Palette, palette(state), 0),
        Cmd::Theme => {
            let item = |t: &String| PickerItem { title: t.clone(), detail: String::new(), cmd: None };
            let row = state.themes.iter().position(|t| *t == state.theme).unwrap_or(0);
            (PickerKind::Themes, state.themes.iter().map(item).collect(), row)
        }
        _ => {
            state.layer = Some(Layer::Help(Help { glossary: cmd == Cmd::Glossary, ..Help::default() }));
            return;
        }
    };
    let before = state.theme.clone();
    state.layer = Some(Layer::Picker(Picker { kind, input: LineEdit::default(), items, row, before }));
}

fn palette(state: &State) -> Vec<PickerItem> {
    let mut seen = Vec::new();
    let mut item = |c: &Command| {
        if seen.contains(&c.cmd) || c.cmd == Cmd::Palette {
            return None;
        }
        seen.push(c.cmd);
        let keys: Vec<&str> = commands::keys_here(state, c).map(|s| s.text.as_str()).take(2).collect();
        Some(PickerItem { title: format!("{}: {}", c.name, c.help), detail: keys.join("  "), cmd: Some(c.cmd) })
    };
    commands::all().filter(|c| commands::enabled(state, c)).filter_map(&mut item).collect()
}
