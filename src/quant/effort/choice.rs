//! How hard to search.

use std::fmt;

/// How hard a block format's scales and levels are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    /// As the reference does, to its bytes.
    #[default]
    Reference,
    /// Further, to blocks of less noise that every reader of the format reads.
    Max,
}

impl Effort {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Reference, Self::Max];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Max => "max",
        }
    }

    /// Inverse of [`Effort::name`], case-insensitive.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
