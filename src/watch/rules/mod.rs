//! Rules that several families share. A rule looks at names and times only; checks that open files are in `structure`.
//!
//! [`COMMON`] is checked for every unit, followed by the family's own rules. The rules that a family may name are the other statics here.

pub(super) mod companions;
mod holes;
pub(super) mod in_progress;
pub(super) mod markers;
mod parts;
pub(super) mod ranks;
mod rewrite;
mod same;
mod shape;
mod structure;

pub(crate) use structure::StructureCache;

use super::verdict::{Observation, State, Wait};
use std::time::Duration;

/// How a rule ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; one sentence.
    Pass(String),
    /// It holds, and one clause says why the longer quiet time is needed.
    Careful(String),
    /// It does not hold yet; and the time after which it may without a change on the disk.
    Wait(Wait, Option<Duration>),
    /// It rules out an export.
    Stop(State),
}

/// One thing that must hold before a unit is exported.
pub struct Rule {
    /// Its name in `--explain`.
    pub name: &'static str,
    /// Looks; `None` if the rule does not concern the unit.
    pub check: fn(&Observation<'_>) -> Option<Outcome>,
}

/// Rules for every unit.
pub(super) static COMMON: &[&Rule] = &[
    &same::RULE,
    &parts::RULE,
    &in_progress::RULE,
    &markers::DONE,
    &companions::NEEDED,
    &companions::USUAL,
    &shape::RULE,
    &rewrite::RULE,
];
