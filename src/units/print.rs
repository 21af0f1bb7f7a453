//! The one place that writes to stdout and stderr.
//!
//! Names in models, metadata, recipes and file names are text from outside: control characters in all output are escaped here, except line
//! ends, so that no caller can forget it. remold's own styles pass because [`Style`] marks them with a word that is random for each
//! process, so that no file can contain it. `tests/layering.rs` looks for writes that bypass this file.

use super::{escape, escape_json, escape_lines, system_error};
use serde::Serialize;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much is printed for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors, warnings, progress and results.
    #[default]
    Normal,
    /// Details too.
    Verbose,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// On terminals, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

static SETTINGS: OnceLock<(Verbosity, ColorChoice)> = OnceLock::new();

/// Set while the process does work that must not end when the reader of stdout is gone.
static OUTLIVES_READER: AtomicBool = AtomicBool::new(false);

/// Set when nothing more can be written to stdout.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Set when something that was to be written to stdout was not.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Chooses how much is printed, and in which colours. The first call counts.
pub(crate) fn configure(verbosity: Verbosity, color: ColorChoice) {
    let _ = SETTINGS.set((verbosity, color));
}

fn settings() -> (Verbosity, ColorChoice) {
    SETTINGS.get().copied().unwrap_or_default()
}

/// True if only errors are printed for people.
pub(crate) fn is_quiet() -> bool {
    settings().0 == Verbosity::Quiet
}

/// True if details are printed for people.
pub(crate) fn is_verbose() -> bool {
    settings().0 == Verbosity::Verbose
}

/// From now on a closed pipe on stdout (`| head`) does not end the process: what would be written is dropped, and the work goes on.
pub(crate) fn outlive_reader() {
    OUTLIVES_READER.store(true, Ordering::Relaxed);
}

/// Writes to stdout. A closed pipe (`| head`) ends the program quietly instead of failing it, unless [`outlive_reader`] was called.
pub(crate) fn out(text: &str) {
    write_out(rendered(text).as_bytes());
}

/// Writes an error or an answer to stderr; a missing reader is not an error.
pub(crate) fn err(text: &str) {
    write_err(rendered(text).as_bytes());
}

/// Writes to stderr what is of interest but no error: warnings, progress, what was done. Nothing if the user asked for quiet.
pub(crate) fn note(text: &str) {
    if !is_quiet() {
        err(text);
    }
}

/// Writes a value to stdout as one line of JSON.
pub(crate) fn json(value: &impl Serialize) {
    if let Some(text) = serialized(value) {
        json_lines(&text);
    }
}

/// A value as JSON. What cannot be JSON is an error, and nothing is written: an empty line would be no answer.
fn serialized(value: &impl Serialize) -> Option<String> {
    let error = match serde_json::to_string(value) {
        Ok(text) => return Some(text),
        Err(e) => e,
    };
    if !FAILED.swap(true, Ordering::Relaxed) {
        let text = format!("the answer cannot be written as JSON: {error}");
        err(&format!("{} {}\n", Style::stderr().error("error:"), escape(&text)));
    }
    None
}

/// True if something could not be written to stdout, other than because its reader is gone.
pub(crate) fn has_failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

/// Writes a value to stdout as one line of JSON; false if the reader is gone.
pub(crate) fn try_json(value: &impl Serialize) -> bool {
    let Some(text) = serialized(value) else { return true };
    std::io::stdout().lock().write_all(format!("{}\n", escape_json(&text)).as_bytes()).is_ok()
}

/// Waits until stdout is a pipe whose reader is gone; false if that cannot happen.
pub(crate) fn until_reader_closes() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = std::io::stdout();
    loop {
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.is_ok() && fds[0].revents().contains(PollFlags::ERR),
        }
    }
}

/// Writes lines of JSON to stdout.
pub(crate) fn json_lines(text: &str) {
    write_out(format!("{}\n", escape_json(text.trim_end_matches('\n'))).as_bytes());
}

/// Writes clap's output from the table of commands to stdout: a script or a page, without values from outside.
pub(crate) fn generated(bytes: &[u8]) {
    write_out(bytes);
}

/// Replaces the last `drawn` lines of stderr, a terminal, with these.
pub(crate) fn redraw(drawn: usize, lines: &[String]) {
    let mut text = if drawn > 0 { format!("\x1b[{drawn}A\r\x1b[J") } else { String::new() };
    for line in lines {
        text.push_str(&rendered(line));
        text.push_str("\r\n");
    }
    write_err(text.as_bytes());
}

/// Replaces the line of stderr, a terminal, that the cursor is on.
pub(crate) fn status(line: &str) {
    write_err(format!("\r\x1b[K{}", rendered(line)).as_bytes());
}

fn write_out(bytes: &[u8]) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut stdout = std::io::stdout().lock();
    let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) else { return };
    CLOSED.store(true, Ordering::Relaxed);
    let closed = error.kind() == ErrorKind::BrokenPipe;
    if !closed {
        let text = format!("writing to standard output: {}", system_error(&error));
        err(&format!("{} {text}\n", Style::stderr().error("error:")));
        FAILED.store(true, Ordering::Relaxed);
    }
    if !OUTLIVES_READER.load(Ordering::Relaxed) {
        std::process::exit(i32::from(!closed));
    }
}

fn write_err(bytes: &[u8]) {
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// The text before a style's number.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        // The keys of the standard library's hasher come from the system's random numbers.
        let word = || RandomState::new().build_hasher().finish();
        format!("\x1b{:016x}{:016x}[", word(), word())
    })
}

/// Escapes everything but line ends; marks become terminal sequences.
fn rendered(text: &str) -> String {
    let mut parts = text.split(mark());
    let mut out = escape_lines(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        match part.split_once('m') {
            Some((code, rest)) => {
                out.push_str(&format!("\x1b[{code}m"));
                out.push_str(&escape_lines(rest));
            }
            None => out.push_str(&escape_lines(part)),
        }
    }
    out
}

/// Columns a text takes, without its styles.
pub(crate) fn width(text: &str) -> usize {
    use unicode_width::UnicodeWidthStr;
    let mut parts = text.split(mark());
    let first = parts.next().unwrap_or_default().width();
    first + parts.map(|p| p.split_once('m').map_or(p, |(_, rest)| rest).width()).sum::<usize>()
}

/// Styles for the terminal, or none where [`ColorChoice`] and the environment want no colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    on: bool,
    /// The stream is a terminal.
    terminal: bool,
}

/// Whether a stream gets colours. `NO_COLOR`: <https://no-color.org>; `CLICOLOR_FORCE`, `CLICOLOR`: <https://bixense.com/clicolors>.
pub(crate) fn has_color(choice: ColorChoice, terminal: bool, var: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let given = |name: &str| var(name).filter(|v| !v.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if given("NO_COLOR").is_some() => false,
        ColorChoice::Auto if given("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
        ColorChoice::Auto => {
            terminal && given("CLICOLOR").is_none_or(|v| v != "0") && var("TERM").is_none_or(|v| v != "dumb")
        }
    }
}

impl Style {
    fn new(terminal: bool) -> Self {
        Self { on: has_color(settings().1, terminal, &|name| std::env::var_os(name)), terminal }
    }

    /// True if there are colours.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// Columns of the terminal; `None` for pipes and files, whose lines have no end.
    pub(crate) fn columns(self) -> Option<usize> {
        self.terminal.then(|| crossterm::terminal::size().ok()).flatten().map(|(width, _)| usize::from(width))
    }

    /// For what is written to stdout.
    pub(crate) fn stdout() -> Self {
        Self::new(std::io::stdout().is_terminal())
    }

    /// For what is written to stderr.
    pub(crate) fn stderr() -> Self {
        Self::new(std::io::stderr().is_terminal())
    }

    /// Without colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { on: false, terminal: false }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        let mark = mark();
        if self.on { format!("{mark}{code}m{text}{mark}0m") } else { text.to_owned() }
    }

    /// Something is wrong.
    pub(crate) fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Something to know.
    pub(crate) fn warning(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Done.
    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Less important.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_styles_pass_and_nothing_else_does() {
        let style = Style { on: true, terminal: false };
        let text = format!("{} a\x1b[31mb\u{9b}0m\u{202e}\r\n{}", style.bold("x\x1b]0;t\x07"), style.dim("y"));
        assert_eq!(
            rendered(&text),
            "\x1b[1mx\\u{1b}]0;t\\u{7}\x1b[0m a\\u{1b}[31mb\\u{9b}0m\\u{202e}\\r\n\x1b[2my\x1b[0m"
        );
        assert_eq!(Style { on: false, terminal: false }.bold("x"), "x");
        assert_eq!(width(&style.error("wide")), 4);
    }

    #[test]
    fn the_flag_comes_before_the_environment_and_the_environment_before_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, terminal, vars, on) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
            assert_eq!(has_color(choice, terminal, &var), on, "{choice:?} {terminal} {vars:?}");
        }
    }
}
