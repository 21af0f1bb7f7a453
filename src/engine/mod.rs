//! Carries a Plan out: chunks, threads, journal, events, cancel.
//!
//! Workers pull chunks of source rows, or of one row where it is long ([`run`]); each chunk is read once, encoded for every output it feeds, compared with what
//! the encoding decodes to, and written to its planned place. Must not know screens or what a recipe is. The types that matter to
//! everybody else: [`Event`] and [`Report`].

mod check;
mod earlier;
mod encode;
mod event;
mod gate;
mod journal;
#[cfg(test)]
mod kill_tests;
mod left;
pub mod manifest;
mod metrics;
mod part_file;
mod publish;
mod read_back;
mod rebuild;
mod report;
mod report_rows;
mod reuse;
#[cfg(test)]
mod reuse_tests;
mod row_facts;
mod run;
mod sink;
mod source_hash;
mod stage;
mod state;
mod stop;
mod unchanged;
mod verify;
mod work;

pub use event::{Event, EventBody, Failure, Metric, Sample, TensorDone, TensorStart, from_json};
pub use gate::Gate;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use journal::read as read_journal;
pub use left::{discard, held, published};
pub use manifest::Origin;
pub use metrics::ErrorStats;
pub use part_file::{Identity, is_part_name};
pub use rebuild::{RebuildOptions, Rebuilt, TensorDifference, rebuild};
pub use report::{OutputReport, Report, Worst};
pub use reuse::plan_reuse;
pub use run::{RunError, RunOptions, run};
pub use sink::EventSink;
pub use source_hash::{Hash128, SourceHash};
pub use stop::{Stop, StopReason};
