//! The outside of the workbench: terminal, event loop, workers.

mod caps;
mod doctor;
pub mod effects;
mod events;
mod follower;
mod machine;
mod measurer;
mod multiplexer;
mod terminal;
mod workers;

pub(super) use doctor::terminal_checks;
pub(super) use events::run;
