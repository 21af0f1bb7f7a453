//! The workbench: one screen on a folder of models.
//!
//! `core` is pure: `update(&mut State, Action) -> Vec<Effect>`. `tabs` has a folder for each tab: its part of the state, its
//! commands, its updates and its views. `view` has what the views share. `runtime` has the terminal, the event loop and the
//! workers, and is the only part that touches the world: `runtime/events/apply` carries effects out. `config` reads the user's
//! settings and keys, `look` has themes and glyphs. Must not know how anything is computed. Test with
//! `cargo test tui:: && cargo test --test workbench`.

pub(crate) mod config;
pub(crate) mod core;
pub(crate) mod look;
pub(crate) mod runtime;
pub(crate) mod tabs;
pub(crate) mod view;

use std::path::PathBuf;

/// What the workbench is started with.
#[derive(Clone, Debug)]
pub(crate) struct TuiOptions {
    /// The folder (or model) to look at.
    pub dir: PathBuf,
    /// Theme by name, before the configured one; by default `dark`, or `mono` without colour.
    pub theme: Option<String>,
    /// Show ASCII only, also where the locale and the terminal could show more.
    pub ascii: bool,
    /// Leave the mouse to the terminal.
    pub no_mouse: bool,
    /// Do not restore the last session of the folder.
    pub fresh: bool,
    /// No key writes, deletes, or starts work.
    pub read_only: bool,
    /// Where jobs live.
    pub jobs_root: PathBuf,
}

impl TuiOptions {
    /// The defaults for a folder.
    #[cfg(test)]
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        let jobs_root = crate::job::jobs_root();
        Self { dir: dir.into(), theme: None, ascii: false, no_mouse: false, fresh: false, read_only: false, jobs_root }
    }

    /// The settings with what the command line says over them.
    pub(crate) fn over(&self, settings: core::Settings) -> core::Settings {
        core::Settings {
            theme: self.theme.clone().or(settings.theme),
            ascii: if self.ascii { Some(true) } else { settings.ascii },
            mouse: settings.mouse && !self.no_mouse,
            ..settings
        }
    }
}

/// Why the workbench could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TuiError {
    /// Standard input or output is not a terminal.
    #[error("the workbench needs a terminal; `remold --help` lists the commands that do not")]
    NoTerminal,
    /// The requested theme does not exist or is invalid.
    #[error(transparent)]
    Theme(#[from] look::ThemeError),
    /// The terminal or the runtime said no.
    #[error("terminal: {}", crate::units::system_error(.0))]
    Io(#[from] std::io::Error),
}

/// What the doctor finds of the terminal, the jobs' folders and the machine.
pub(crate) fn checks() -> Vec<crate::monitor::Check> {
    let mut all = runtime::terminal_checks();
    all.extend(runtime::effects::checks());
    all
}

/// Runs the workbench until the user leaves. Jobs started here keep running. The exit status of a screen ended by a
/// signal is set by leaving the process.
///
/// # Errors
/// No terminal, an unknown theme, or a terminal that cannot be set up.
pub(crate) fn run(options: TuiOptions) -> Result<(), TuiError> {
    runtime::run(options)
}
