//! What `remold doctor` says: one fact, how it stands, and what to do where it is not fine.

use serde::Serialize;

/// How a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nothing to do.
    Fine,
    /// remold works, something is less than it could be.
    Note,
    /// remold cannot work like this.
    Wrong,
}

/// One line of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Of what: `terminal`, `jobs`, `machine`.
    pub area: &'static str,
    /// Which fact.
    pub what: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// The fact.
    pub fact: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// All is well.
    pub fn fine(area: &'static str, what: &'static str, fact: impl Into<String>) -> Self {
        Self { area, what, standing: Standing::Fine, fact: fact.into(), remedy: None }
    }

    /// Less than it could be.
    pub fn note(area: &'static str, what: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { area, what, standing: Standing::Note, fact: fact.into(), remedy: Some(remedy.into()) }
    }

    /// In the way of any work.
    pub fn wrong(area: &'static str, what: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { standing: Standing::Wrong, ..Self::note(area, what, fact, remedy) }
    }
}
