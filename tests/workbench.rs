//! The workbench from outside: keys through the pure core, screens as snapshots, the real binary in a pseudo-terminal.
//!
//! New pictures: `INSTA_UPDATE=always cargo test --test workbench`; the key documentation: `BLESS=1`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "workbench/folders.rs"]
mod folders;
#[path = "workbench/keys.rs"]
mod keys;
#[path = "workbench/pty.rs"]
mod pty;
#[path = "workbench/sample.rs"]
mod sample;
#[path = "workbench/screens.rs"]
mod screens;
