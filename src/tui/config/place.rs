//! Where configuration and state are: the XDG folders.

use std::path::PathBuf;

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    Some(var(variable).or_else(|| Some(var("HOME")?.join(below_home)))?.join("remold"))
}

/// `$XDG_CONFIG_HOME/remold`; nothing without that variable and without a home.
pub fn config_folder() -> Option<PathBuf> {
    base("XDG_CONFIG_HOME", ".config")
}

/// The settings.
pub fn config_file() -> Option<PathBuf> {
    Some(config_folder()?.join("config.toml"))
}

/// The keys.
pub fn keys_file() -> Option<PathBuf> {
    Some(config_folder()?.join("keys.toml"))
}

/// The user's own themes.
pub fn themes_folder() -> Option<PathBuf> {
    Some(config_folder()?.join("themes"))
}

/// `$XDG_STATE_HOME/remold/session`: where each folder was left.
pub fn sessions_folder() -> Option<PathBuf> {
    Some(base("XDG_STATE_HOME", ".local/state")?.join("session"))
}
