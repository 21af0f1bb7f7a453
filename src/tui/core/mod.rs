//! The pure core: the state, actions, effects, and what all tabs share. No terminal, no clock, no files: what happens outside
//! comes in as an [`Action`], what is to happen outside goes out as an [`Effect`]. What belongs to one tab is in
//! [`crate::tui::tabs`].

pub(in crate::tui) mod action;
pub(in crate::tui) mod commands;
pub(in crate::tui) mod dead;
pub(in crate::tui) mod filter;
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
pub(crate) mod units;
pub(in crate::tui) mod update;

pub(crate) use action::ForecastSource;
pub use action::{Action, Effect, ErrorCard, FoundModel, Hit, Outside};
pub use commands::{Cmd, all as all_commands, hints, tail_hints};
pub(crate) use commands::{Command, Hint, Scope, continuations, enabled, hint_of, keys_here};
pub(crate) use dead::DeadLine;
pub(crate) use input::{Completion, LineEdit};
pub use key_page::keys_markdown;
pub(crate) use keymap::nearest;
pub use keymap::{Binding, Keymap};
pub use keys::parse_keys;
pub(crate) use keys::{Code, Key};
pub(crate) use kinds::kind_order;
pub use level::Level;
pub(in crate::tui) use lists::moved;
pub(in crate::tui) use natural::natural;
pub use panes::{Focus, panes};
pub(crate) use request::TabRequest;
pub(crate) use search::current as search_current;
pub(crate) use search::{Search, match_positions};
pub use search::{edited_words, search_position, searched};
pub(crate) use series::Series;
pub use session::Session;
pub(crate) use settings::SETTINGS;
pub use settings::{Notify, Settings};
pub(crate) use state::{Confirm, Help, MIN_SIZE, Picker, PickerItem, PickerKind};
pub use state::{Layer, State, Tab};
pub use toasts::Toast;
pub(in crate::tui) use update::{edited_line, running};
pub use update::{farewell, update};
