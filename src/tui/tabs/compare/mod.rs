//! The Compare tab: models side by side.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::{Asking, Chart, CompareState, Compared, Measure, Order, TensorOrder};
