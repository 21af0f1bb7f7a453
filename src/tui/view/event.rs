//! The time and the level of a line of events.

use super::canvas::Canvas;
use crate::tui::core::Level;

/// `12:04:31`, UTC.
pub(in crate::tui) fn clock(t: jiff::Timestamp) -> String {
    t.strftime("%H:%M:%S").to_string()
}

pub(in crate::tui) fn level_style(c: &Canvas<'_>, level: Level) -> Option<ratatui::style::Style> {
    match level {
        Level::Info => None,
        Level::Warn => Some(c.theme().warn),
        Level::Error => Some(c.theme().bad),
    }
}
