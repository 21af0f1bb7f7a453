//! Configuration: `config.toml` and `keys.toml` of the user's folder, read into the settings and the keymap of the core.
//!
//! Layers: what comes with the program, then the files, then the command line. Both files are TOML 1.0. A file may be missing; what
//! is wrong in one is reported with its line, and the default is used instead. Test with `cargo test tui::config`.

mod chosen;
mod file;
mod paths;

pub(crate) use chosen::{chosen_theme, keep_theme};
pub use file::default_file;
pub(crate) use file::{Problem, problems, read_keys, read_settings, unknown_theme};
pub(crate) use paths::{config_file, keys_file, sessions_folder, themes_folder};
