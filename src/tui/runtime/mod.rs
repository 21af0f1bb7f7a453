//! The outside of the workbench: terminal, event loop, workers.

mod caps;
mod editor;
pub mod effects;
mod events;
mod measurer;
mod osc;
mod reload;
mod sessions;
mod stalled;
mod terminal;
mod workers;

pub(super) use events::run;
pub use terminal::{Screen, enter, hook_panics, leave};
