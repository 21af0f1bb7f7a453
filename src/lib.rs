//! remold turns a model as it was trained into the files it must run from.
//!
//! The rooms, ground floor first; a module imports only from rooms above its own line (`ARCHITECTURE.md`, `tests/layering.rs`).
#![deny(unsafe_code)]

#[cfg(not(unix))]
compile_error!(
    "remold runs on Unix only (Linux and macOS): it needs file locks, signals and positioned reads of Unix. On Windows, use WSL."
);

pub mod units;

pub mod task;

pub mod files;

pub mod tensor;

pub mod quant;

pub mod model;

pub mod formats;

pub mod arch;

pub mod transform;

pub mod forecast;

pub mod recipe;

pub mod plan;

pub mod evaluate;

pub mod monitor;

pub mod engine;

pub mod job;

pub mod watch;

pub mod tui;

pub mod cli;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod skip;
