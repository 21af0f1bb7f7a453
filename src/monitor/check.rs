//! The results of `remold doctor`: one fact, its status, and what to do if it is not fine.

use serde::Serialize;

/// The status of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Nothing to do.
    Fine,
    /// remold works, but something is less than it could be.
    Note,
    /// remold cannot work this way.
    Wrong,
}

/// One line of the doctor's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The group: `terminal`, `jobs`, `machine`.
    pub area: &'static str,
    /// The name of the fact.
    pub what: &'static str,
    /// Its status.
    #[serde(rename = "standing")]
    pub status: CheckStatus,
    /// The text.
    pub fact: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// A fact that is fine.
    pub fn fine(area: &'static str, what: &'static str, fact: impl Into<String>) -> Self {
        Self { area, what, status: CheckStatus::Fine, fact: fact.into(), remedy: None }
    }

    /// A fact that is less than it could be.
    pub fn note(area: &'static str, what: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { area, what, status: CheckStatus::Note, fact: fact.into(), remedy: Some(remedy.into()) }
    }

    /// A fact that prevents any work.
    pub fn wrong(area: &'static str, what: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: CheckStatus::Wrong, ..Self::note(area, what, fact, remedy) }
    }
}
