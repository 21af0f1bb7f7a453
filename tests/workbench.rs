//! The workbench from outside: keys through the pure core, screens as snapshots, the real binary in a pseudo-terminal.
//!
//! New pictures: `INSTA_UPDATE=always cargo test --test workbench`; the key documentation: `BLESS=1`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "workbench/budgets.rs"]
mod budgets;
#[path = "workbench/bytes.rs"]
mod bytes;
#[path = "workbench/compare.rs"]
mod compare;
#[path = "workbench/compare_pages.rs"]
mod compare_pages;
#[path = "workbench/docs.rs"]
mod docs;
#[path = "workbench/folders.rs"]
mod folders;
#[path = "workbench/habits.rs"]
mod habits;
#[path = "workbench/jobs.rs"]
mod jobs;
#[path = "workbench/keys.rs"]
mod keys;
#[path = "workbench/many.rs"]
mod many;
#[path = "workbench/numbers.rs"]
mod numbers;
#[path = "workbench/paths.rs"]
mod paths;
#[path = "workbench/plans.rs"]
mod plans;
#[path = "workbench/pty.rs"]
mod pty;
#[path = "workbench/pty_jobs.rs"]
mod pty_jobs;
#[path = "workbench/recipe.rs"]
mod recipe;
#[path = "workbench/sample.rs"]
mod sample;
#[path = "workbench/screens.rs"]
mod screens;
#[path = "workbench/search.rs"]
mod search;
#[path = "workbench/session.rs"]
mod session;
#[path = "workbench/terminal.rs"]
mod terminal;
#[path = "workbench/untrue.rs"]
mod untrue;
#[path = "workbench/walked.rs"]
mod walked;
#[path = "workbench/walked_again.rs"]
mod walked_again;
#[path = "workbench/watching.rs"]
mod watching;
