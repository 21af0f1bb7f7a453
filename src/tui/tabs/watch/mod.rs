//! The Watch tab: folders whose checkpoints are exported.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::{Export, Measured, Point, Source, SourceState, Trend, WatchState, WatcherView, WatcherWish};
