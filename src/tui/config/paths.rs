//! Where configuration and state are: the XDG folders.

use crate::files::paths;
use std::path::PathBuf;

/// `$XDG_CONFIG_HOME/remold`; nothing without that variable and without a home.
pub(crate) fn config_folder() -> Option<PathBuf> {
    paths::config()
}

/// The settings.
pub(crate) fn config_file() -> Option<PathBuf> {
    Some(config_folder()?.join("config.toml"))
}

/// The keys.
pub(crate) fn keys_file() -> Option<PathBuf> {
    Some(config_folder()?.join("keys.toml"))
}

/// The user's own themes.
pub(crate) fn themes_folder() -> Option<PathBuf> {
    Some(config_folder()?.join("themes"))
}

/// `$XDG_STATE_HOME/remold/session`: where each folder was left.
pub(crate) fn sessions_folder() -> Option<PathBuf> {
    Some(paths::state()?.join("session"))
}
