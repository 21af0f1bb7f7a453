//! Why a plan is made: what is checked of paths and what is taken from an earlier plan depends on it.

use super::{Plan, PlannedOutput};
use std::path::PathBuf;

/// Why a plan is made.
#[derive(Clone, Copy)]
pub(super) enum Occasion<'a> {
    /// To be carried out.
    New,
    /// For a look at it.
    Rehearsal,
    /// To be compared with an output that is there.
    Comparison,
    /// To be carried out, as planned before.
    Again { planned: &'a Plan, held: &'a [(PathBuf, u64)] },
}

impl<'a> Occasion<'a> {
    /// Output `o` as it was planned before.
    pub(super) fn output(self, o: usize) -> Option<&'a PlannedOutput> {
        match self {
            Self::Again { planned, .. } => planned.outputs.get(o),
            _ => None,
        }
    }
}
