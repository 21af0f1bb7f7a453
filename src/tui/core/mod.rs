//! The pure core: the state, actions, effects, and what all tabs share. No terminal, no clock, no files: what happens outside
//! comes in as an [`Action`], what is to happen outside goes out as an [`Effect`]. What belongs to one tab is in
//! [`crate::tui::tabs`].

pub(in crate::tui) mod action;
pub(in crate::tui) mod commands;
pub(in crate::tui) mod fuzzy;
pub(in crate::tui) mod input;
pub(in crate::tui) mod key_page;
pub(in crate::tui) mod keymap;
pub(in crate::tui) mod keys;
pub(in crate::tui) mod kinds;
pub(in crate::tui) mod level;
pub(in crate::tui) mod lists;
pub(in crate::tui) mod machine;
pub(in crate::tui) mod natural;
pub(in crate::tui) mod panes;
pub(in crate::tui) mod remedies;
pub(in crate::tui) mod request;
pub(in crate::tui) mod search;
pub(in crate::tui) mod series;
pub(in crate::tui) mod session;
pub(in crate::tui) mod settings;
pub(in crate::tui) mod state;
pub(in crate::tui) mod toasts;
pub mod units;
pub(in crate::tui) mod update;

pub use action::{Action, Effect, ErrorCard, FoundModel, Hit};
pub use commands::{
    Cmd, Command, Hint, Meaning, Scope, all as all_commands, available, continuations, enabled, hint_of, hints,
    key_label, keys_here, lookup, tail_hints,
};
pub use input::{Completion, LineEdit};
pub use key_page::keys_markdown;
pub use keymap::{Binding, Keymap, Sequence, nearest};
pub use keys::{Code, Key, parse_keys};
pub use kinds::kind_order;
pub use level::Level;
pub(in crate::tui) use lists::moved;
pub use machine::MachineView;
pub(in crate::tui) use natural::natural;
pub use panes::{Focus, panes};
pub use request::TabRequest;
pub use search::{Search, current as search_current, edited_words, places, searched, standing as search_standing};
pub use series::Series;
pub use session::Session;
pub use settings::{Notify, SETTINGS, Setting, Settings};
pub use state::{Confirm, Help, LEAST, Layer, Picker, PickerItem, PickerKind, State, Tab};
pub use toasts::Toast;
pub(in crate::tui) use update::{edited_line, running};
pub use update::{farewell, key, update};
