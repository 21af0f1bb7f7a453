//! remold turns a model as it was trained into the files it must run from.
//!
//! The rooms, ground floor first; a module imports only from rooms above its own line (`ARCHITECTURE.md`, `tests/layering.rs`).
#![deny(unsafe_code)]
#![warn(unreachable_pub)]

#[cfg(not(unix))]
compile_error!(
    "remold runs on Unix only (Linux and macOS): it needs file locks, signals and positioned reads of Unix. On Windows, use WSL."
);

mod units;

mod task;

mod files;

mod tensor;

mod quant;

mod graph;

mod model;

mod formats;

mod arch;

mod transform;

mod forward;

mod quality;

mod calibrate;

mod forecast;

mod recipe;

mod plan;

mod evaluate;

mod monitor;

mod engine;

mod job;

mod watch;

mod tui;

mod cli;

pub use cli::main;

#[doc(hidden)]
pub mod testing;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod skip;
