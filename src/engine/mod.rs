//! Carries a Plan out: chunks, threads, journal, events, cancel.
//!
//! Workers pull chunks of source rows, or of one row where it is long ([`run()`]); each chunk is read once, encoded for every output it feeds, compared with what
//! the encoding decodes to, and written to its planned place. Must not know screens or what a recipe is. The types that matter to
//! everybody else: [`Event`] and [`Report`].

mod check;
mod earlier;
mod encode;
mod evaluate;
mod evaluate_graphs;
mod event;
mod gate;
mod journal;
#[cfg(test)]
mod kill_tests;
mod left;
pub(crate) mod manifest;
mod metrics;
mod part_file;
mod publish;
mod read_back;
mod rebuild;
mod register;
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
mod staged;
mod state;
mod stop;
#[cfg(test)]
mod thread_tests;
mod unchanged;
mod verify;
mod work;

pub(crate) use event::{Check, Coverage, MeasureProgress, Metric, Sample, TensorDone, TensorStart, number};
pub use event::{Event, EventBody, Failure, from_json};
pub use gate::Gate;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use journal::read as read_journal;
pub(crate) use left::{discard, held, published};
pub(crate) use manifest::Origin;
pub(crate) use metrics::ErrorStats;
pub(crate) use part_file::Identity;
pub use part_file::is_part_name;
pub(crate) use rebuild::{RebuildOptions, Rebuilt, rebuild};
pub(crate) use report::OutputEvaluation;
pub(crate) use report::Worst;
pub use report::{OutputReport, Report};
pub(crate) use reuse::plan_reuse;
pub(crate) use run::RunError;
pub use run::{RunOptions, run};
pub use sink::EventSink;
pub use source_hash::Hash128;
pub(crate) use stage::being_written;
pub use stop::Stop;
pub(crate) use stop::StopReason;
