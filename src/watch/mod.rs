//! Watched folders: what is in them, which of it is a checkpoint or a model, and whether that is complete.
//!
//! The flow is [`Tree::refresh`] (lists folders) → [`units()`] (families claim what they know) → [`judge`] (rules give a `Verdict`). All
//! three are plain functions of the disk and of the caller's earlier state: no threads, no file system events, no jobs. Events only say
//! which folder to list again; the listing decides.
//!
//! The watcher itself builds on that: `rule` (what a user asks for), `changes` (how changed folders are noticed), `tracked` (a source from one
//! listing to the next), `export` (from a complete source to a job), `store` (the state on disk) and `watcher` (the loop that joins them and
//! reports [`WatchEvent`]s). `own` knows the models that remold wrote, `keep` decides which exports are kept, `pin` holds a checkpoint that its trainer may delete, `care` decides when
//! exports wait.
//!
//! A family is one file in `families` and one line in `FAMILIES`; checks that several families share are in `rules`. The wording of every
//! state is in `words`. Must not know screens. Test: `cargo test --lib watch::`.

mod changes;
mod config_changes;
mod control;
mod event;
mod explain;
mod export;
mod families;
mod folder;
mod hooks;
mod limits;
mod mount;
mod own;
mod pin;
mod prune;
mod retention;
mod rule;
mod rules;
mod same;
pub(crate) mod state_text;
mod store;
mod template;
mod temporary;
mod tracked;
mod tree;
mod trend;
mod unit;
mod verdict;
mod watcher;
mod watchers;

pub(crate) use changes::Backend;
pub use control::Request;
pub(crate) use control::{Control, ask};
pub(crate) use event::Exported;
pub use event::{WatchBody, WatchEvent};
pub(crate) use explain::explain;
pub(crate) use limits::{Active, Limits};
pub(crate) use pin::Pin;
pub(crate) use retention::{METRICS, Metric};
pub(crate) use rule::{OnBusy, OnChange, Policy, Rule, check_recipe};
pub(crate) use rules::StructureCache;
pub(crate) use template::{DEFAULT as DEFAULT_NAME, check as check_name};
pub use tree::{Dirty, Tree};
pub(crate) use trend::Regression;
pub use unit::units;
pub(crate) use unit::{ExportedState, FileRole, Fingerprint, Shape, Unit, UnitFile};
pub(crate) use verdict::{Observation, Settings, Wait, judge};
pub(crate) use watcher::{RecipeSource, Tally, WatchOptions, not_there, state_folder, watch};
pub(crate) use watchers::{EventTail, Watchers, folder_of as watchers_folder};
pub use watchers::{WatcherInfo, WatcherStart, list_watchers};

#[cfg(test)]
mod tests;
