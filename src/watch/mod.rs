//! Watched folders: what is in them, which of it is a checkpoint or a model, and whether that is complete.
//!
//! The flow is [`Tree::refresh`] (lists folders) → [`units()`] (families claim what they know) → [`judge`] (rules give a [`Verdict`]). All
//! three are plain functions of the disk and of the caller's earlier state: no threads, no file system events, no jobs. Events only say
//! which folder to list again; the listing decides.
//!
//! The watcher itself builds on that: `rule` (what a user asks for), `changes` (how changed folders are noticed), `tracked` (a source from one
//! listing to the next), `export` (from a complete source to a job), `store` (the state on disk) and `watcher` (the loop that joins them and
//! reports [`WatchEvent`]s). `keep` decides which exports are kept, `pin` holds a checkpoint that its trainer may delete, `care` decides when
//! exports wait.
//!
//! A family is one file in `families` and one line in [`FAMILIES`]; checks that several families share are in `rules`. The wording of every
//! state is in `words`. Must not know screens. Test: `cargo test --lib watch::`.

mod care;
mod changes;
mod config_changes;
mod control;
mod event;
mod explain;
mod export;
mod families;
mod folder;
mod hooks;
mod keep;
mod known;
mod mount;
mod pin;
mod prune;
mod rule;
mod rules;
mod same;
mod store;
mod template;
mod temporary;
mod tracked;
mod tree;
mod trend;
mod unit;
mod verdict;
mod watcher;
pub mod words;

pub use care::{Active, Care};
pub use changes::Backend;
pub use control::{Control, Request, ask};
pub use event::{Exported, WatchBody, WatchEvent};
pub use explain::{Explained, explain};
pub use families::{Exports, FAMILIES, Family};
pub use folder::{Claim, Folder};
pub use keep::{METRICS, Metric};
pub use known::{EventTail, KnownWatcher, Watchers, known};
pub use pin::Pin;
pub use rule::{OnBusy, OnChange, Policy, Rule};
pub use rules::{Outcome, StructureCache};
pub use template::DEFAULT as DEFAULT_NAME;
pub use temporary::{Target, Temporary};
pub use tree::{Changes, Dirty, Entry, EntryKind, Listing, Problem, Tree};
pub use trend::Regression;
pub use unit::{FileRole, Fingerprint, Seen, Shape, Unfinished, Unit, UnitFile, units};
pub use verdict::{Observation, RuleOutcome, RuleResult, Settings, State, Verdict, Wait, judge};
pub use watcher::{RecipeSource, Tally, WatchOptions, not_there, state_folder, watch};

#[cfg(test)]
mod tests;
