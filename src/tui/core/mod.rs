//! The pure core: state, actions, effects, and the registry of commands. No terminal, no clock, no files: what happens
//! outside comes in as an [`Action`], what should happen outside goes out as an [`Effect`].

mod action;
mod commands;
mod compare;
mod fuzzy;
mod input;
mod inspect;
mod jobs;
mod key_page;
mod keymap;
mod keys;
mod log;
mod machine;
mod model_info;
mod models;
mod panes;
mod reading;
mod recipe;
mod remedies;
mod search;
mod session;
mod settings;
mod state;
mod toasts;
mod tree;
pub mod units;
mod update;
mod watching;

pub use action::{Action, Effect, ErrorCard, FoundModel, Hit};
pub use commands::{
    Cmd, Command, Hint, Meaning, Scope, all as all_commands, available, continuations, enabled, hint_of, hints,
    key_label, keys_here, lookup, tail_hints,
};
pub use compare::{
    Asking as CompareAsking, Chart, CompareState, Compared, Measure as CompareMeasure, Order, TensorOrder,
};
pub use input::{Completion, LineEdit};
pub use inspect::{Ask, Check, Glance, Inspect, Reading, Told, Tried};
pub use jobs::{
    CellState, Deed, GridCursor, GridRow, JobSection, JobTensor, JobView, JobsState, LogLine, OutputState, PageLine,
    RowKey, Series, kind_order, page,
};
pub use key_page::keys_markdown;
pub use keymap::{Binding, Keymap, Sequence, nearest};
pub use keys::{Code, Key, parse_keys};
pub use log::{LogEntry, LogState};
pub use machine::MachineView;
pub use model_info::{Finding, KindRow, Level, ModelInfo, Share, Summary, TensorRow};
pub use models::{Details, Focus, ModelsState, Node, Row, Section, TensorSort, natural};
pub use panes::panes;
pub use reading::{ReadLine, read_lines};
pub use recipe::{
    Asking, Budget, Document, EditOutcome, EditPlace, Field, History, LibraryEntry, Origin, Outlook, Planned, Preset,
    PresetSize, RecipePane, RecipeState, Refused, Row as RecipeRow, SaveRefusal, Trouble, Types, Wrong, about, facts,
    presets, title, types,
};
pub use search::{Search, current as search_current, edited_words, places, searched, standing as search_standing};
pub use session::Session;
pub use settings::{Notify, SETTINGS, Setting, Settings};
pub use state::{Confirm, Help, LEAST, Layer, Picker, PickerItem, PickerKind, State, Tab};
pub use toasts::Toast;
pub(in crate::tui) use update::running;
pub use update::{farewell, key, update};
pub use watching::{Export, Measured, Point, Source, SourceState, Trend, WatchState, WatcherView, WatcherWish};
