//! Words that lists, forms and files of the tab share.

use crate::tui::core::{Effect, Level, State};

/// An estimated error; blank where there is no estimate.
pub(super) fn decibel(known: Option<Option<f64>>) -> String {
    match known {
        Some(Some(db)) => format!("{db:.1} dB"),
        Some(None) => "exact".to_owned(),
        None => String::new(),
    }
}

/// Says that a key did nothing, and why.
pub(super) fn refuse(state: &mut State, why: impl Into<String>) -> Vec<Effect> {
    state.toast(Level::Warn, why);
    Vec::new()
}
