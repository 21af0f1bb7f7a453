//! Carries a Plan out: chunks, threads, memory budget, journal, events, cancel.
//!
//! Must not know screens. The type that matters to everybody else: [`Event`].

mod event;

pub use event::{Event, EventBody, Failure, Sample, TensorDone, TensorStart};
