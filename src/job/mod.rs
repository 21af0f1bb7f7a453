//! A job is a folder: `recipe.toml`, `plan.json`, `events.jsonl`, `journal`, `report.json`, `log.txt`, `lock`;
//! `threads` where they are limited, `cancel` while somebody wishes it to stop.
//!
//! The process that runs a job holds its lock; everybody else reads the folder, so a job outlives the terminal that started it
//! and several screens can look at one. Must not know screens. `folder` makes and reads job folders, `runner` carries one out in
//! this process, `spawn` starts a detached worker, `tail` follows the events.

mod folder;
mod runner;
mod spawn;
mod tail;

pub use folder::{JobFolder, JobState, JobSummary, cancel, clean, jobs_root, list};
pub use runner::{Listener, Outcome, RunJob, failure, remedy, run};
pub use spawn::{queued, resume, spawn, spawn_with};
pub use tail::Tail;
