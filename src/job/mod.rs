//! A job is a folder: `recipe.toml`, `plan.json`, `events.jsonl`, `journal`, `report.json`, `log.txt`, `lock`. A job that measures (`kind`, `measure`)
//! has `request.json` in place of recipe, plan and journal;
//! `threads` where they are limited, `nice` where the job yields to other processes, `cancel` or `pause` while such a request is pending.
//!
//! The process that runs a job holds its lock; all others read the folder, so a job outlives the terminal that started it
//! and several screens can look at one. Must not know screens. `folder` makes and reads job folders, `number` gives them their numbers, `command` says how a job is carried out again, `history` folds a job's
//! events into one state, `summary` and `list` are short forms of it, `attempts` says how often each was begun, `describe` puts events in words, `spawn` starts a detached worker, which waits in the `queue` for its turn (with one of the `tickets`),
//! `runner` carries a job out in this process while an `overseer` watches for requests (`control`), `tail` follows the events, `made_from` says what an output was made from, `owner` whose a job is in a folder of jobs that several users or machines share.

mod attempts;
mod checks;
mod command;
mod control;
mod describe;
mod folder;
mod history;
mod kind;
mod list;
mod made_from;
mod measure;
mod number;
mod outputs;
mod overseer;
mod owner;
mod queue;
mod runner;
mod spawn;
mod summary;
mod tail;
mod tickets;

pub(crate) use attempts::{Attempt, Attempts};
pub(crate) use checks::folder_checks;
pub(crate) use control::{cancel, clean, pause, proceed, remove};
pub use describe::Level;
pub(crate) use describe::{SUMMARY_METRICS, Wording, check_text, event_lines, metric_text};
pub use folder::JobFolder;
pub(crate) use folder::{check_root, jobs_root};
pub(crate) use history::{JobHistory, JobOutput, JobTensor, TensorState, is_same_output};
pub use kind::JobKind;
pub(crate) use list::{JobList, list};
pub(crate) use made_from::{WithBaseline, with_baseline};
pub(crate) use measure::{
    EvaluationReport, EvaluationRequest, ImatrixReport, MeasuredModel, MeasuredResult, MeasuredSet, Measurement,
    MeasurementReport, PreparedMeasurement, TextRecord, measured, run_measurement, unfinished,
};
pub(crate) use outputs::OutputsWithoutManifest;
pub(crate) use overseer::wait_for_turn;
pub(crate) use owner::Owner;
pub(crate) use queue::{JobClass, Turn, at_once, is_full, unused_at_once};
pub(crate) use runner::{Listener, Outcome, RunJob, failure, remedy, run};
pub(crate) use spawn::{
    create_for_watcher, create_measurement, no_start, queued, resume, spawn, spawn_evaluation, spawn_imatrix,
    spawn_measurement, spawn_with, start_queued,
};
pub use summary::{JobState, JobSummary};
pub(crate) use tail::Tail;
