//! remold turns a model as it was trained into the files it must run from.
//!
//! The rooms, ground floor first; a module imports only from rooms above its own line (`ARCHITECTURE.md`, `tests/layering.rs`).
#![deny(unsafe_code)]

pub mod units;

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

pub mod cli;

pub mod tui;
