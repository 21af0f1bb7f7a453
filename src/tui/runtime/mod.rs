//! The outside of the workbench: terminal, event loop, workers.

mod caps;
mod comparer;
pub mod effects;
mod events;
mod measurer;
mod terminal;
mod workers;

pub(super) use events::run;
