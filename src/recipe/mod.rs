//! The user's words: a [`Recipe`] and how it is parsed, checked and named.
//!
//! Must not know how a recipe is run.

mod types;

pub use types::{Recipe, Source, Step, Target, Validate};
