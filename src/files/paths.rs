//! Where the user's files are: the XDG base directories, and the folders of remold in them.
//!
//! A base directory that is not an absolute path is ignored, as the XDG Base Directory Specification requires.

use crate::units::quoted;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A kind of file that the user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Config,
    State,
    Cache,
}

impl Base {
    /// The variable that names the folder, and the folder below the home folder where it is not set.
    const fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Config => ("XDG_CONFIG_HOME", ".config"),
            Self::State => ("XDG_STATE_HOME", ".local/state"),
            Self::Cache => ("XDG_CACHE_HOME", ".cache"),
        }
    }
}

/// Reads variables of the environment.
trait Environment: Fn(&str) -> Option<OsString> {}
impl<F: Fn(&str) -> Option<OsString>> Environment for F {}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A variable that names a folder, which may be relative.
fn folder(name: &str, env: &impl Environment) -> Option<PathBuf> {
    env(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn absolute(name: &str, env: &impl Environment) -> Option<PathBuf> {
    folder(name, env).filter(|path| path.is_absolute())
}

fn base(base: Base, env: &impl Environment) -> Option<PathBuf> {
    let (variable, below_home) = base.place();
    Some(absolute(variable, env).or_else(|| Some(absolute("HOME", env)?.join(below_home)))?.join("remold"))
}

fn base_or_temporary(kind: Base, env: &impl Environment) -> PathBuf {
    base(kind, env).unwrap_or_else(|| std::env::temp_dir().join("remold"))
}

/// A path as it is shortest from a folder: relative if it is below it or not far from it, else as it is. Both are absolute.
pub(crate) fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    /// Most steps up: more are harder to read than an absolute path.
    const MAX_UP: usize = 2;
    for (up, above) in folder.ancestors().take(MAX_UP + 1).enumerate() {
        // From the root everything is near.
        let Some(below) = path.strip_prefix(above).ok().filter(|_| above.parent().is_some()) else { continue };
        let shown: PathBuf = std::iter::repeat_n(Path::new(".."), up).chain([below]).collect();
        return if shown.as_os_str().is_empty() { PathBuf::from(".") } else { shown };
    }
    path.to_owned()
}

/// [`from_folder`] for the folder that the process runs in.
pub(crate) fn from_here(path: &Path) -> PathBuf {
    match std::env::current_dir() {
        Ok(here) if path.is_absolute() => from_folder(&here, path),
        _ => path.to_owned(),
    }
}

/// The home folder.
pub(crate) fn home() -> Option<PathBuf> {
    absolute("HOME", &environment)
}

/// Settings, keys, themes and recipes: `$XDG_CONFIG_HOME/remold`, else `~/.config/remold`.
pub(crate) fn config() -> Option<PathBuf> {
    base(Base::Config, &environment)
}

/// What is kept from one run to the next: `$XDG_STATE_HOME/remold`, else `~/.local/state/remold`.
pub(crate) fn state() -> Option<PathBuf> {
    base(Base::State, &environment)
}

/// What can be made again: `$REMOLD_CACHE`, else `$XDG_CACHE_HOME/remold`, else `~/.cache/remold`.
pub(crate) fn cache() -> PathBuf {
    cache_in(&environment)
}

fn cache_in(env: &impl Environment) -> PathBuf {
    folder("REMOLD_CACHE", env).unwrap_or_else(|| base_or_temporary(Base::Cache, env))
}

/// The folder of all jobs that the user chose, with [`set_jobs`] or `$REMOLD_JOBS`.
pub(crate) fn chosen_jobs() -> Option<PathBuf> {
    JOBS.get().cloned().or_else(|| folder("REMOLD_JOBS", &environment))
}

/// The folder of jobs that this process was given.
static JOBS: OnceLock<PathBuf> = OnceLock::new();

/// Sets the folder of all jobs for this process, before anything asks for it. The first time counts.
pub(crate) fn set_jobs(root: PathBuf) {
    let _ = JOBS.set(root);
}

/// A command of remold about jobs or watchers, as it is to be typed: `remold jobs attach 6`. It has the folder of jobs, if that was an option
/// of this process, since a number means another job in another folder.
pub(crate) fn on_jobs(words: &str) -> String {
    on_jobs_in(JOBS.get().map(PathBuf::as_path), words)
}

fn on_jobs_in(root: Option<&Path>, words: &str) -> String {
    let option = root.map(|root| format!("--jobs-root {} ", quoted(&root.to_string_lossy())));
    format!("remold {}{words}", option.unwrap_or_default())
}

/// The folder of all jobs: that of [`set_jobs`], else `$REMOLD_JOBS`, else `$XDG_STATE_HOME/remold/jobs`, else `~/.local/state/remold/jobs`.
pub(crate) fn jobs() -> PathBuf {
    JOBS.get().cloned().unwrap_or_else(|| jobs_in(&environment))
}

fn jobs_in(env: &impl Environment) -> PathBuf {
    folder("REMOLD_JOBS", env).unwrap_or_else(|| base_or_temporary(Base::State, env).join("jobs"))
}

/// The path as the file system will take it: links and `..` of the part that exists are followed.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known = full.ancestors().find_map(|a| Some((a, std::fs::canonicalize(a).ok()?)));
    let Some((ancestor, mut real)) = known else { return full };
    for part in full.strip_prefix(ancestor).unwrap_or(Path::new("")).components() {
        match part {
            // Folders that are not there yet are made as they are named: `new/..` is where `new` will be.
            std::path::Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_a_folder_that_is_near() {
        let from = |folder: &str, path: &str| from_folder(Path::new(folder), Path::new(path)).display().to_string();
        assert_eq!(from("/home/me/models", "/home/me/models/a/x.gguf"), "a/x.gguf");
        assert_eq!(from("/home/me/models", "/home/me/models"), ".");
        assert_eq!(from("/home/me/models", "/home/me/exports/x.gguf"), "../exports/x.gguf");
        assert_eq!(from("/home/me/models", "/data/x.gguf"), "/data/x.gguf");
        assert_eq!(from("/home/me/models/a/b", "/home/me/x.gguf"), "/home/me/x.gguf");
        assert_eq!(from("/", "/x.gguf"), "/x.gguf");
    }

    fn env(set: &'static [(&str, &str)]) -> impl Environment {
        move |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
    }

    #[test]
    fn variables_come_before_the_home_folder() {
        let home = env(&[("HOME", "/h")]);
        let all = [Base::Config, Base::State, Base::Cache].map(|b| base(b, &home).unwrap());
        assert_eq!(all, ["/h/.config/remold", "/h/.local/state/remold", "/h/.cache/remold"].map(PathBuf::from));
        assert_eq!(jobs_in(&home), PathBuf::from("/h/.local/state/remold/jobs"));
        let set = env(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "/k")]);
        assert_eq!(base(Base::Config, &set), Some("/c/remold".into()));
        assert_eq!((jobs_in(&set), cache_in(&set)), ("/s/remold/jobs".into(), "/k/remold".into()));
        let own = env(&[("HOME", "/h"), ("REMOLD_JOBS", "jobs"), ("REMOLD_CACHE", "/k")]);
        assert_eq!((jobs_in(&own), cache_in(&own)), ("jobs".into(), "/k".into()));
    }

    #[test]
    fn commands_about_jobs_name_the_folder_that_was_given() {
        assert_eq!(on_jobs_in(None, "jobs attach 6"), "remold jobs attach 6");
        let text = on_jobs_in(Some(Path::new("/s/a b")), "watch stop 1a");
        assert_eq!(text, "remold --jobs-root '/s/a b' watch stop 1a");
    }

    #[test]
    fn what_is_empty_or_relative_is_ignored() {
        for value in [&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")], &[("XDG_CONFIG_HOME", "c"), ("HOME", "/h")]] {
            assert_eq!(base(Base::Config, &env(value)), Some("/h/.config/remold".into()));
        }
        assert_eq!(base(Base::Config, &env(&[("HOME", "")])), None);
        assert_eq!(jobs_in(&env(&[("REMOLD_JOBS", "")])), std::env::temp_dir().join("remold/jobs"));
    }
}
