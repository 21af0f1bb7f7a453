//! The theme that the user chose in the picker, for all folders: a name in `$XDG_STATE_HOME/remold/theme`. Of the choice and
//! `config.toml`, the later one counts.

use crate::files::{self, paths};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// No name of a theme is longer.
const MAX_BYTES: u64 = 256;

fn file() -> Option<PathBuf> {
    Some(paths::state()?.join("theme"))
}

fn changed(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|m| m.modified()).ok()
}

/// The theme that was chosen. If `config.toml` has one too (`configured`), it counts if the file was changed since.
pub(crate) fn chosen_theme(configured: bool) -> Option<String> {
    newer(&file()?, super::config_file().filter(|_| configured).as_deref())
}

fn newer(file: &Path, config: Option<&Path>) -> Option<String> {
    let when = changed(file)?;
    if config.and_then(changed).is_some_and(|config| config > when) {
        return None;
    }
    let name = files::read_text(file, MAX_BYTES).ok()?;
    Some(name.trim().to_owned()).filter(|n| !n.is_empty())
}

/// Remembers the choice.
///
/// # Errors
/// Those of the disk.
pub(crate) fn keep_theme(name: &str) -> io::Result<()> {
    let Some(file) = file() else { return Ok(()) };
    keep(&file, name)
}

fn keep(file: &Path, name: &str) -> io::Result<()> {
    files::create_private_folder(file.parent().unwrap_or(Path::new(".")))?;
    let part = file.with_extension(format!("{}.part", std::process::id()));
    let written = files::write_private(&part, format!("{name}\n").as_bytes());
    written.and_then(|()| std::fs::rename(&part, file)).inspect_err(|_| drop(std::fs::remove_file(&part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_choice_and_configuration_counts() {
        let dir = tempfile::tempdir().unwrap();
        let (file, config) = (dir.path().join("state/theme"), dir.path().join("config.toml"));
        assert_eq!(newer(&file, Some(&config)), None);
        keep(&file, "light").unwrap();
        assert_eq!(newer(&file, Some(&config)).as_deref(), Some("light"));
        std::fs::write(&config, "theme = \"dark\"\n").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        std::fs::File::options().append(true).open(&config).unwrap().set_modified(later).unwrap();
        assert_eq!(newer(&file, Some(&config)), None);
    }
}
