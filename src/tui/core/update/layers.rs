//! Keys and clicks for overlays: help, pickers, questions.

use super::commands::run;
use crate::tui::core::{
    Code, Completion, Effect, Help, Hit, Key, Layer, LineEdit, Picker, PickerItem, PickerKind, State,
};
use crate::tui::tabs;

/// A key for the overlay; `layer` was taken out of the state and is put back unless it closes.
pub(super) fn key(state: &mut State, layer: Layer, key: Key) -> Vec<Effect> {
    match layer {
        Layer::Help(h) => help(state, h, key),
        Layer::Picker(p) => picker(state, p, key),
        Layer::Leave => super::leave::key(state, key),
        Layer::Unsaved => super::leave::unsaved_key(state, key),
        Layer::Confirm(c) => match key.code {
            Code::Enter if c.destroys => Vec::new(),
            Code::Enter | Code::Char('y') => {
                if matches!(c.effect, Effect::Spawn(..) | Effect::SpawnBatch(..)) {
                    state.recipe.starting = true;
                }
                vec![c.effect]
            }
            Code::Esc | Code::Char('n' | 'q') => Vec::new(),
            _ => {
                state.layer = Some(Layer::Confirm(c));
                Vec::new()
            }
        },
    }
}

fn help(state: &mut State, mut h: Help, key: Key) -> Vec<Effect> {
    let page = state.page();
    match (key.code, key.ctrl) {
        (Code::Esc, _) if !h.input.text.is_empty() => h.input = LineEdit::default(),
        (Code::Esc | Code::Enter | Code::F(1), _) => return Vec::new(),
        (Code::Char('?' | 'q'), false) if h.input.text.is_empty() => return Vec::new(),
        (Code::Tab | Code::BackTab, _) => (h.glossary, h.scroll) = (!h.glossary, 0),
        (Code::Down, _) => h.scroll += 1,
        (Code::Up, _) => h.scroll = h.scroll.saturating_sub(1),
        (Code::PageDown, _) | (Code::Char('d'), true) => h.scroll += page,
        (Code::PageUp, _) => h.scroll = h.scroll.saturating_sub(page),
        (Code::Home, _) => h.scroll = 0,
        _ => {
            h.input.key(key);
            h.scroll = 0;
        }
    }
    state.layer = Some(Layer::Help(h));
    Vec::new()
}

fn picker(state: &mut State, mut p: Picker, key: Key) -> Vec<Effect> {
    let len = p.matches().len();
    match (key.code, key.ctrl) {
        (Code::Down, _) | (Code::Char('n' | 'j'), true) | (Code::Tab, _) => {
            p.row = (p.row + 1).min(len.saturating_sub(1))
        }
        (Code::Up, _) | (Code::Char('p' | 'k'), true) | (Code::BackTab, _) => p.row = p.row.saturating_sub(1),
        _ => match p.input.key(key) {
            // Nothing that could be taken: the list stays, and says so.
            Completion::Accepted if picked(&p).is_none() && p.kind != PickerKind::Recipes => {}
            Completion::Accepted => return accept(state, &p),
            Completion::Dropped => {
                let back = (p.kind == PickerKind::Themes && p.before != state.theme).then(|| p.before.clone());
                return back.map(|t| use_theme(state, t)).unwrap_or_default();
            }
            Completion::Editing => p.row = 0,
            Completion::Ignored => {}
        },
    }
    let preview = (p.kind == PickerKind::Themes).then(|| picked(&p).map(|i| i.title.clone())).flatten();
    state.layer = Some(Layer::Picker(p));
    match preview {
        Some(theme) if theme != state.theme => use_theme(state, theme),
        _ => Vec::new(),
    }
}

fn picked(p: &Picker) -> Option<&PickerItem> {
    p.items.get(*p.matches().get(p.row)?)
}

fn use_theme(state: &mut State, theme: String) -> Vec<Effect> {
    state.theme.clone_from(&theme);
    vec![Effect::Theme(theme)]
}

fn accept(state: &mut State, p: &Picker) -> Vec<Effect> {
    let place = p.matches().get(p.row).copied();
    match (p.kind, picked(p)) {
        (PickerKind::Palette, Some(PickerItem { cmd: Some(cmd), .. })) => run(state, *cmd),
        (PickerKind::Themes, Some(item)) => {
            state.theme_chosen = true;
            let mut effects = use_theme(state, item.title.clone());
            effects.push(Effect::KeepTheme(item.title.clone()));
            effects
        }
        (kind, _) => kind.tab().map(|t| tabs::of(t).picked(state, kind, place, &p.input.text)).unwrap_or_default(),
    }
}

/// A click while an overlay is open: on a line it picks, elsewhere it closes.
pub(super) fn click(state: &mut State, layer: Layer, hit: Hit) -> Vec<Effect> {
    match (layer, hit) {
        (Layer::Picker(mut p), Hit::Layer(at)) => {
            p.row = at;
            accept(state, &p)
        }
        (layer, Hit::Layer(_)) => {
            state.layer = Some(layer);
            Vec::new()
        }
        (Layer::Picker(p), _) => key(state, Layer::Picker(p), Key::plain(Code::Esc)),
        _ => Vec::new(),
    }
}
