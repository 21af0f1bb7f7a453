//! A job is a folder: `recipe.toml`, `plan.json`, `events.jsonl`, `journal`, `report.json`, `log.txt`, `lock`;
//! `threads` where they are limited, `nice` where the job gives way to other processes, `cancel` or `pause` while somebody wishes it to stop or to hold.
//!
//! The process that runs a job holds its lock; everybody else reads the folder, so a job outlives the terminal that started it
//! and several screens can look at one. Must not know screens. `folder` makes and reads job folders, `history` folds a job's
//! events into one state, `summary` and `list` are short forms of it, `attempts` says how often each was begun, `describe` puts events in words, `spawn` starts a detached worker, which waits in the `queue` for its turn (with one of the `tickets`),
//! `runner` carries a job out in this process while an `overseer` looks for `wishes`, `tail` follows the events.

mod attempts;
mod checks;
mod describe;
mod folder;
mod history;
mod list;
mod overseer;
mod queue;
mod runner;
mod spawn;
mod summary;
mod tail;
mod tickets;
mod wishes;

pub use attempts::{Attempt, Attempts};
pub use checks::folder_checks;
pub use describe::{EventLine, Level, Wording, event_lines};
pub use folder::{JobFolder, jobs_root};
pub use history::{JobHistory, JobOutput, JobTensor, TensorState, is_same_output};
pub use list::{JobList, list};
pub use overseer::wait_for_turn;
pub use queue::{JobClass, Turn, at_once, is_full};
pub use runner::{Listener, Outcome, RunJob, failure, remedy, run};
pub use spawn::{create_for_watcher, no_start, queued, resume, spawn, spawn_with, start_queued};
pub use summary::{JobState, JobSummary};
pub use tail::Tail;
pub use wishes::{Cleaned, cancel, clean, pause, proceed, remove};
