//! The Recipe tab: what is made of a model.

pub(in crate::tui) mod commands;
pub(in crate::tui) mod state;
pub(in crate::tui) mod update;
pub(in crate::tui) mod view;

pub use state::{
    Asking, BUDGET, Budget, Document, EditOutcome, EditPlace, Field, History, LibraryEntry, Origin, Outlook, PRESETS,
    Planned, Preset, PresetSize, RecipePane, RecipeState, Refused, Row, SaveRefusal, Trouble, Types, Wrong, about,
    facts, title, types,
};
