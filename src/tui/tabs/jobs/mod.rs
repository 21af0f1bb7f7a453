//! The Jobs tab: what is being made.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::{
    CellState, Deed, GridCursor, GridRow, JobSection, JobTensor, JobView, JobsState, LogLine, OutputState, PageLine,
    RowKey, page,
};
