//! The two files as text: entries with their lines, what is wrong with them, and the default file.

use crate::files::{self, ReadError};
use crate::tui::core::{Binding, Keymap, SETTINGS, Settings, nearest};
use crate::tui::look::{Depth, Theme, ThemeError, line};
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file is a page; one above this size is something else.
const MAX_BYTES: u64 = 1 << 20;

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; 0 when it cannot be read at all.
    pub line: usize,
    /// The fact.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        match self.line {
            0 => write!(f, "{name}: {}", self.message),
            line => write!(f, "{name}:{line}: {}", self.message),
        }
    }
}

/// What a file says, and what is wrong in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read<T> {
    /// The sound part over the defaults.
    pub value: T,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Reads `config.toml`; a missing file is all defaults.
pub(crate) fn read_settings(file: &Path) -> Read<Settings> {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(problem) => return Read { value: Settings::default(), problems: vec![problem] },
    };
    let (value, wrong) = settings(&text);
    Read { value, problems: at_lines(file, wrong) }
}

/// Reads `keys.toml`; a missing file is the keys of the registry.
pub(crate) fn read_keys(file: &Path) -> Read<Keymap> {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(problem) => return Read { value: Keymap::default(), problems: vec![problem] },
    };
    let (bindings, mut wrong) = bindings(&text);
    let (value, more) = Keymap::with(&bindings);
    wrong.extend(more);
    wrong.sort();
    Read { value, problems: at_lines(file, wrong) }
}

/// Everything that is wrong in the user's files.
pub(crate) fn problems() -> Vec<Problem> {
    let (config, keys) = (super::config_file().unwrap_or_default(), super::keys_file().unwrap_or_default());
    let settings = read_settings(&config);
    let mut all = settings.problems;
    let themes = super::themes_folder();
    if let Some(name) = settings.value.theme.filter(|name| !Theme::names(themes.as_deref()).contains(name)) {
        all.extend(Theme::load(&name, themes.as_deref(), Depth::True).err().map(|e| unknown_theme(&config, &e)));
    }
    all.extend(read_keys(&keys).problems);
    all.extend(theme_problems());
    all
}

/// A theme that `config.toml` names and does not exist, with its line.
pub(crate) fn unknown_theme(config: &Path, e: &ThemeError) -> Problem {
    let text = text_of(config).unwrap_or_default();
    let line = text.lines().position(|l| l.trim_start().starts_with("theme")).map_or(0, |at| at + 1);
    Problem { file: config.to_owned(), line, message: e.to_string() }
}

/// What is wrong in the user's themes.
fn theme_problems() -> Vec<Problem> {
    let Some(folder) = super::themes_folder() else { return Vec::new() };
    let own = Theme::names(Some(&folder)).into_iter().map(|name| (folder.join(format!("{name}.toml")), name));
    own.filter(|(file, _)| file.exists())
        .filter_map(|(file, name)| {
            let e = Theme::load(&name, Some(&folder), Depth::True).err()?;
            Some(Problem { file, line: e.line, message: e.message })
        })
        .collect()
}

/// A `config.toml` with everything at its default, and what each key is for.
pub fn default_file() -> String {
    let mut out = String::from(
        "# The configuration of remold's workbench: $XDG_CONFIG_HOME/remold/config.toml (usually ~/.config/remold).\n\
         # Every value here is the default; keep only what you change. A running workbench applies changes immediately.\n\
         # `remold config check` reports problems. Keys are in keys.toml next to this file: `remold config keys`.\n",
    );
    for s in &SETTINGS {
        out.push_str(&format!("\n# {}\n{} = {}\n", s.help, s.key, s.default));
    }
    out
}

fn at_lines(file: &Path, wrong: Vec<(usize, String)>) -> Vec<Problem> {
    wrong.into_iter().map(|(line, message)| Problem { file: file.to_owned(), line, message }).collect()
}

fn text_of(file: &Path) -> Result<String, Problem> {
    let problem = |message: String| Problem { file: file.to_owned(), line: 0, message };
    match files::read_text(file, MAX_BYTES) {
        Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|e| problem(format!("cannot be read: {e}"))),
    }
}

fn table(text: &str) -> Result<Spanned<DeTable<'_>>, (usize, String)> {
    DeTable::parse(text).map_err(|e| {
        let at = e.span().map_or(0, |s| s.start);
        (line(text, at), format!("invalid TOML: {}", e.message().replace('\n', " ")))
    })
}

fn settings(text: &str) -> (Settings, Vec<(usize, String)>) {
    let mut out = Settings::default();
    let table = match table(text) {
        Ok(table) => table,
        Err(e) => return (out, vec![e]),
    };
    let mut wrong = Vec::new();
    for (key, value) in table.get_ref() {
        let (name, at) = (key.get_ref().as_ref(), line(text, key.span().start));
        match SETTINGS.iter().find(|s| s.key == name) {
            Some(setting) => {
                if let Err(e) = (setting.set)(&mut out, value.get_ref()) {
                    wrong.push((at, format!("{name} {e}")));
                }
            }
            None => {
                let near = nearest(name, SETTINGS.iter().map(|s| s.key));
                let advice = match name {
                    "keys" => "keys go in keys.toml".to_owned(),
                    _ => format!("did you mean {near}?"),
                };
                wrong.push((at, format!("there is no setting {name}; {advice}")));
            }
        }
    }
    wrong.sort();
    (out, wrong)
}

/// The entries of `keys.toml`: `"recipe.start" = ["r", "alt-r"]`, a lone key without brackets, or tables instead of dots.
fn bindings(text: &str) -> (Vec<Binding>, Vec<(usize, String)>) {
    let (mut out, mut wrong) = (Vec::new(), Vec::new());
    match table(text) {
        Ok(table) => collect(text, "", table.get_ref(), &mut out, &mut wrong),
        Err(e) => wrong.push(e),
    }
    (out, wrong)
}

fn collect(text: &str, before: &str, table: &DeTable<'_>, out: &mut Vec<Binding>, wrong: &mut Vec<(usize, String)>) {
    // No name of a command has more parts.
    const DEEPEST: usize = 3;
    for (key, value) in table {
        let name = if before.is_empty() { key.get_ref().to_string() } else { format!("{before}.{}", key.get_ref()) };
        let at = line(text, key.span().start);
        let keys = match value.get_ref() {
            DeValue::String(one) => Some(vec![one.to_string()]),
            DeValue::Array(many) => many.iter().map(|k| k.get_ref().as_str().map(str::to_owned)).collect(),
            DeValue::Table(inner) if name.split('.').count() < DEEPEST => {
                collect(text, &name, inner, out, wrong);
                continue;
            }
            _ => None,
        };
        match keys {
            Some(keys) => out.push(Binding { name, keys, line: at }),
            None => {
                wrong.push((at, format!("{name} is a list of keys: [\"r\", \"alt-r\"]; [] removes all of its keys")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::core::Notify;

    #[test]
    fn the_default_file_says_the_defaults_and_every_key() {
        let text = default_file();
        assert_eq!(settings(&text), (Settings::default(), Vec::new()));
        for s in &SETTINGS {
            assert!(text.contains(&format!("\n{} = ", s.key)), "{}", s.key);
        }
    }

    #[test]
    fn values_are_taken_and_wrong_ones_leave_their_default() {
        let text = "theme = 'light'\nascii = true\nmouse = false\nssh_fps = 2\nnotify = 'bell'\nnotify_after = 0\nrestore = false\n\
            ask_purpose = false\ngpu_memory = '24GiB'\n";
        let expected = Settings {
            theme: Some("light".into()),
            ascii: Some(true),
            mouse: false,
            ssh_fps: 2,
            notify: Notify::Bell,
            notify_after: 0,
            restore: false,
            ask_purpose: false,
            gpu_memory: Some(24 << 30),
        };
        assert_eq!(settings(text), (expected, Vec::new()));
        let (kept, wrong) = settings("# a line\nmouse = 3\nssh_fps = 0\nthem = 'x'\nnotify = 'loud'\n");
        assert_eq!(kept, Settings::default());
        let wrong: Vec<String> = wrong.into_iter().map(|(line, what)| format!("{line} {what}")).collect();
        assert_eq!(
            wrong,
            [
                "2 mouse must be true or false",
                "3 ssh_fps must be a whole number from 1 to 30",
                "4 there is no setting them; did you mean theme?",
                "5 notify must be \"auto\", \"osc9\", \"osc777\", \"bell\" or \"off\"",
            ]
        );
        assert_eq!(settings("mouse = true\nmouse = ").1[0].0, 2, "the line of what is no TOML");
    }

    #[test]
    fn keys_are_read_in_every_spelling() {
        let (own, wrong) = bindings("\"recipe.start\" = ['r', 'alt-r']\nzoom = 'Z'\n[tab]\nlog = []\nwatch = 5\n");
        let own: Vec<_> = own.iter().map(|b| (b.name.as_str(), b.keys.join(" "), b.line)).collect();
        assert!(own.contains(&("recipe.start", "r alt-r".into(), 1)), "{own:?}");
        assert!(own.contains(&("zoom", "Z".into(), 2)) && own.contains(&("tab.log", String::new(), 4)), "{own:?}");
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].1.starts_with("tab.watch is a list of keys") && wrong[0].0 == 5);
    }

    #[test]
    fn a_file_that_is_not_there_is_all_defaults_and_one_that_cannot_be_read_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_keys(&dir.path().join("keys.toml")), Read { value: Keymap::default(), problems: Vec::new() });
        let problems = read_settings(dir.path()).problems;
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().ends_with("it is a folder, not a regular file"), "{}", problems[0]);
    }
}
