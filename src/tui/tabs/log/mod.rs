//! The Log tab: everything that was reported.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::{LogEntry, LogState};
