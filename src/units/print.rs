//! The one place that writes to stdout and stderr.
//!
//! Names in models, metadata, recipes and file names are text from outside: control characters in all output are escaped here, except line
//! ends, so that no caller can forget it. remold's own styles pass because [`Style`] marks them with a word that is random for each
//! process, so that no file can contain it. `tests/layering.rs` looks for writes that bypass this file.

use super::{escape_json, escape_lines};
use serde::Serialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

/// Writes to stdout; a closed pipe (`| head`) ends the program quietly instead of failing it.
pub(crate) fn out(text: &str) {
    write_out(rendered(text).as_bytes());
}

/// Writes to stderr; a missing reader is not an error.
pub(crate) fn err(text: &str) {
    write_err(rendered(text).as_bytes());
}

/// Writes a value to stdout as one line of JSON.
pub(crate) fn json(value: &impl Serialize) {
    json_lines(&serde_json::to_string(value).unwrap_or_default());
}

/// Writes a value to stdout as one line of JSON; false if the reader is gone.
pub(crate) fn try_json(value: &impl Serialize) -> bool {
    let text = serde_json::to_string(value).unwrap_or_default();
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
    if std::io::stdout().lock().write_all(bytes).is_err() {
        std::process::exit(0);
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

/// Styles for the terminal, or none when the stream is not a terminal or `NO_COLOR` is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    on: bool,
}

impl Style {
    fn new(terminal: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self { on: terminal && !no_color && !dumb }
    }

    /// For what is written to stdout.
    pub(crate) fn stdout() -> Self {
        Self::new(std::io::stdout().is_terminal())
    }

    /// For what is written to stderr.
    pub(crate) fn stderr() -> Self {
        Self::new(std::io::stderr().is_terminal())
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
        let style = Style { on: true };
        let text = format!("{} a\x1b[31mb\u{9b}0m\u{202e}\r\n{}", style.bold("x\x1b]0;t\x07"), style.dim("y"));
        assert_eq!(
            rendered(&text),
            "\x1b[1mx\\u{1b}]0;t\\u{7}\x1b[0m a\\u{1b}[31mb\\u{9b}0m\\u{202e}\\r\n\x1b[2my\x1b[0m"
        );
        assert_eq!(Style { on: false }.bold("x"), "x");
        assert_eq!(width(&style.error("wide")), 4);
    }
}
