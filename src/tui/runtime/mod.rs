//! The outside of the workbench: terminal, event loop, workers.

mod background;
mod caps;
mod comparer;
mod doctor;
mod editor;
pub(crate) mod effects;
mod events;
mod follower;
mod inspector;
mod machine;
mod measurer;
mod multiplexer;
mod osc;
mod pages;
mod reload;
mod sessions;
mod soundness;
mod stalled;
mod terminal;
mod threads;
mod watchers;
mod workers;

pub(super) use doctor::terminal_checks;
pub(super) use events::run;
pub use terminal::{Screen, enter, hook_panics};
