//! The pure core: state, actions, effects, and the registry of commands. No terminal, no clock, no files: what happens
//! outside comes in as an [`Action`], what should happen outside goes out as an [`Effect`].

mod action;
mod commands;
mod fuzzy;
mod input;
mod inspect;
mod jobs;
mod key_page;
mod keys;
mod model_info;
mod models;
mod recipe;
mod remedies;
mod state;
mod tree;
pub mod units;
mod update;

pub use action::{Action, Effect, ErrorCard, FoundModel, Hit};
pub use commands::{Cmd, Command, Meaning, Scope, all as all_commands, available, enabled, hints, key_label, lookup};
pub use input::{Completion, LineEdit};
pub use inspect::{Ask, Check, Glance, Inspect, Reading, Told, Tried};
pub use jobs::{CellState, GridRow, JobSection, JobTensor, JobView, JobsState, LogLine, OutputState, Series};
pub use key_page::keys_markdown;
pub use keys::{Code, Key, parse_keys};
pub use model_info::{Finding, KindRow, Level, ModelInfo, Share, Summary, TensorRow};
pub use models::{Details, Focus, ModelsState, Node, Row, Section, TensorSort, natural};
pub use recipe::{BUDGET, Budget, Field, Outlook, PRESETS, Preset, PresetSize, RecipePane, RecipeState, Types};
pub use state::{Confirm, Help, Layer, LogEntry, LogState, Picker, PickerItem, PickerKind, State, Tab, Toast};
pub use update::{key, update};
