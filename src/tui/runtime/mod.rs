//! The outside of the workbench: terminal, event loop, workers.

mod caps;
pub mod effects;
mod events;
mod inspector;
mod measurer;
mod soundness;
mod terminal;
mod workers;

pub(super) use events::run;
