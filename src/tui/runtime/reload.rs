//! Takes in what changes in the user's files while the workbench runs: settings, keys, themes.
//!
//! Twice a second the files are looked at, not read. One that has changed is read when it has stayed the same for one look, so
//! that a file being written, or missing for the moment in which an editor puts the new one in its place, is not taken for what it says.

use super::threads::Outbox;
use crate::tui::TuiOptions;
use crate::tui::config::{self, Problem};
use crate::tui::core::Action;
use crate::tui::look::Theme;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Multiplexer two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Theme files looked at, at most.
const MAX_THEMES: usize = 256;

/// Identifies a state of a file: time, length and identity (an editor may replace the file).
type Stamp = Option<(i64, i64, u64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let m = std::fs::metadata(path).ok()?;
    Some((m.mtime(), m.mtime_nsec(), m.len(), m.ino()))
}

/// The states of everything looked at.
#[derive(Clone, Debug, Default, PartialEq)]
struct FileStates {
    config: Stamp,
    keys: Stamp,
    themes: BTreeMap<PathBuf, Stamp>,
}

/// The files, and how they were when they were last read.
pub(super) struct Files {
    config: Option<PathBuf>,
    keys: Option<PathBuf>,
    themes: Option<PathBuf>,
    read: FileStates,
    before: FileStates,
}

impl Files {
    /// The user's files, as they are now; [`Files::follow`] reports changes after this call.
    pub(super) fn find() -> Self {
        let mut files = Self {
            config: config::config_file(),
            keys: config::keys_file(),
            themes: config::themes_folder(),
            read: FileStates::default(),
            before: FileStates::default(),
        };
        files.read = files.look();
        files.before = files.read.clone();
        files
    }

    fn look(&self) -> FileStates {
        let folder = self.themes.as_ref().and_then(|f| std::fs::read_dir(f).ok());
        let themes = folder.into_iter().flatten().flatten().take(MAX_THEMES).map(|e| e.path());
        FileStates {
            config: self.config.as_deref().and_then(stamp),
            keys: self.keys.as_deref().and_then(stamp),
            themes: themes
                .filter(|p| p.extension().is_some_and(|e| e == "toml"))
                .map(|p| (p.clone(), stamp(&p)))
                .collect(),
        }
    }

    /// Loops until the receiver is gone.
    pub(super) fn follow(mut self, options: &TuiOptions, out: &Outbox) {
        loop {
            std::thread::sleep(LOOK);
            let mut actions = self.changes(options).into_iter();
            if actions.any(|action| out.send(action).is_err()) || out.is_closed() {
                return;
            }
        }
    }

    /// What has changed and come to rest.
    fn changes(&mut self, options: &TuiOptions) -> Vec<Action> {
        let now = self.look();
        let (before, mut out) = (std::mem::replace(&mut self.before, now.clone()), Vec::new());
        if now.config == before.config && now.config != self.read.config {
            self.read.config = now.config;
            let read = config::read_settings(self.config.as_deref().unwrap_or(Path::new("")));
            out.push(match read.problems.is_empty() {
                true => Action::Configured(Box::new(options.over(read.value))),
                false => wrong(&read.problems, "The settings are unchanged"),
            });
        }
        if now.keys == before.keys && now.keys != self.read.keys {
            self.read.keys = now.keys;
            let read = config::read_keys(self.keys.as_deref().unwrap_or(Path::new("")));
            out.push(match read.problems.is_empty() {
                true => Action::Keys(Box::new(read.value)),
                false => wrong(&read.problems, "The keys are unchanged"),
            });
        }
        if now.themes == before.themes && now.themes != self.read.themes {
            let old = std::mem::replace(&mut self.read.themes, now.themes);
            let all = old.keys().chain(self.read.themes.keys());
            let changed = all.filter(|p| old.get(*p) != self.read.themes.get(*p));
            let mut changed: Vec<String> = changed.filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned())).collect();
            changed.dedup();
            out.push(Action::ThemeFiles { names: Theme::names(self.themes.as_deref()), changed });
        }
        out
    }
}

/// Problems as the screen shows them; the first says what happened to the rest of the file.
pub(super) fn wrong(problems: &[Problem], and: &str) -> Action {
    let mut lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    if let Some(first) = lines.first_mut() {
        let stop = if first.ends_with('?') { "" } else { "." };
        *first = format!("{first}{stop} {and}.");
    }
    Action::ConfigProblems(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_has_come_to_rest() {
        let dir = tempfile::tempdir().unwrap();
        let options = TuiOptions { theme: Some("light".into()), ..TuiOptions::new(dir.path()) };
        let at = |name: &str| Some(dir.path().join(name));
        let mut files = Files {
            config: at("config.toml"),
            keys: at("keys.toml"),
            themes: at("themes"),
            read: FileStates::default(),
            before: FileStates::default(),
        };
        assert!(files.changes(&options).is_empty());
        std::fs::write(dir.path().join("config.toml"), "theme = 'dark'\nmouse = false\n").unwrap();
        assert!(files.changes(&options).is_empty(), "it may still be written");
        let actions = files.changes(&options);
        let [Action::Configured(s)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((s.mouse, s.theme.as_deref()), (false, Some("light")), "the command line goes before the file");
        assert!(files.changes(&options).is_empty());
        std::fs::write(dir.path().join("keys.toml"), "\nzoom = 'z z z'\nzom = 'z'\n").unwrap();
        std::fs::create_dir(dir.path().join("themes")).unwrap();
        std::fs::write(dir.path().join("themes/mine.toml"), "").unwrap();
        files.changes(&options);
        let actions = files.changes(&options);
        let [Action::ConfigProblems(lines), Action::ThemeFiles { names, changed }] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert!(lines[0].starts_with("keys.toml:2: zoom: ") && lines[0].ends_with(". The keys are unchanged."));
        assert!(lines[1].contains("keys.toml:3: there is no command zom; did you mean zoom?"), "{lines:?}");
        assert!(names.contains(&"mine".to_owned()) && changed == &["mine"]);
    }
}
