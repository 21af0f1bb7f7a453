//! How hard to search.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How hard a block format's scales and levels are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As the reference does, with its bytes.
    #[default]
    Reference,
    /// Further, for blocks of less noise, which every reader of the format can read.
    Max,
}

impl Effort {
    /// Every choice.
    pub(crate) const ALL: [Self; 2] = [Self::Reference, Self::Max];

    /// Its name in recipes.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Max => "max",
        }
    }

    /// Inverse of [`Effort::name`], case-insensitive.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
