//! Watched folders: what lies there, what of it is a checkpoint or a model, and whether that is whole.
//!
//! The flow is [`Tree::refresh`] (lists folders) → [`units()`] (families claim what they know) → [`judge`] (rules give a
//! [`Verdict`]). All three are plain functions of the disk and of what the caller remembers: no threads, no file system events, no jobs.
//! Events only say which folder to list again; the listing decides.
//!
//! A family is one file in `families` and one line in [`FAMILIES`]; what several families check is in `rules`. The wording of every state
//! is in `words`. Must not know screens. Test: `cargo test --lib watch::`.

mod families;
mod folder;
mod rules;
mod temporary;
mod tree;
mod unit;
mod verdict;
pub mod words;

pub use families::{Exports, FAMILIES, Family};
pub use folder::{Claim, Folder};
pub use rules::{Outcome, Rule, StructureCache};
pub use temporary::{Target, Temporary};
pub use tree::{Changes, Dirty, Entry, EntryKind, Listing, Problem, Tree};
pub use unit::{FileRole, Fingerprint, Seen, Shape, Unfinished, Unit, UnitFile, units};
pub use verdict::{Observation, RuleOutcome, RuleResult, Settings, State, Verdict, Wait, judge};

#[cfg(test)]
mod tests;
