//! Configuration: `config.toml` and `keys.toml` of the user's folder, read into the settings and the keymap of the core.
//!
//! Layers: what comes with the program, then the files, then the command line. Both files are TOML 1.0. A file may be missing; what
//! is wrong in one is told with its line, and the default kept in its place. Test with `cargo test tui::config`.

mod file;
mod place;

pub use file::{Problem, Read, default_file, problems, read_keys, read_settings, unknown_theme};
pub use place::{config_file, config_folder, keys_file, sessions_folder, themes_folder};
