//! Messages of the status line, and when they go. Information goes at the next key that does something, or after a while; errors
//! stay until the next key. All go when another tab is opened: they are out of date there. The log has all of them but those that say why a
//! key does nothing.

use super::Level;
use super::action::Effect;
use super::state::State;
use crate::tui::tabs::{self, log::LogEntry};
use crate::tui::view::canvas::{cut_lines, wrap};

/// How long an informational message stays.
const STAY: jiff::SignedDuration = jiff::SignedDuration::from_secs(4);
/// How long no key removes a message: it would never be seen while a key is held down.
const MIN_AGE: jiff::SignedDuration = jiff::SignedDuration::from_millis(300);
/// Messages kept for the line.
const MAX_TOASTS: usize = 3;
/// Rows of the longest message; the rest of it is in the log.
const MAX_ROWS: usize = 3;
/// Columns of the line that are not for the text: the glyph, blanks.
const AROUND: u16 = 4;

/// A short message of the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How serious.
    pub level: Level,
    /// What.
    pub text: String,
    /// When it came.
    pub since: jiff::Timestamp,
    /// The log has it, too. What a key without a meaning says is only here, and goes at the next key.
    pub logged: bool,
}

impl Toast {
    /// True if only a key takes it away, or leaving the tab.
    pub(crate) fn stays(&self) -> bool {
        self.level == Level::Error
    }
}

impl State {
    /// Shows a message in the status line and keeps it in the log.
    pub(crate) fn toast(&mut self, level: Level, text: impl Into<String>) {
        let text = self.with_short_paths(&text.into());
        self.note(level, text.clone());
        self.flash(level, text);
    }

    /// Shows a message in the status line; the log has it from elsewhere.
    pub(crate) fn flash(&mut self, level: Level, text: impl Into<String>) {
        let text = self.with_short_paths(&text.into());
        self.show(Toast { level, text, since: self.now, logged: true });
    }

    /// As [`Self::toast`], of a text that went elsewhere as it is.
    fn toast_as_is(&mut self, level: Level, text: String) {
        self.log.push(LogEntry { t: self.now, level, job: None, text: text.clone() });
        self.show(Toast { level, text, since: self.now, logged: true });
    }

    /// Says why a key does nothing. The log is not for that, and the latest such key is the only one that counts.
    pub(crate) fn refuse_key(&mut self, text: impl Into<String>) {
        self.toasts.retain(|t| t.logged);
        self.show(Toast { level: Level::Warn, text: text.into(), since: self.now, logged: false });
    }

    /// Adds a message. One that says the same is out of date.
    fn show(&mut self, toast: Toast) {
        self.toasts.retain(|t| t.text != toast.text);
        if self.toasts.len() >= MAX_TOASTS {
            self.toasts.remove(0);
        }
        self.toasts.push(toast);
    }

    /// The message that is shown: the newest error, else the newest.
    pub(in crate::tui) fn message(&self) -> Option<&Toast> {
        self.toasts.iter().rev().find(|t| t.stays()).or(self.toasts.last())
    }

    /// The message that is shown, in the rows of the status line.
    pub(in crate::tui) fn message_rows(&self) -> Vec<String> {
        let Some(message) = self.message() else { return Vec::new() };
        let columns = usize::from(self.size.0.saturating_sub(AROUND));
        // Good news is not missed.
        let others = self.toasts.iter().filter(|t| *t != message && t.logged);
        let more = others.filter(|t| t.level != Level::Info).count();
        let more = if more > 0 { format!(" (and {more} more in Log)") } else { String::new() };
        let mut rows = wrap(&format!("{}{more}", message.text), columns);
        cut_lines(&mut rows, MAX_ROWS, columns);
        rows
    }

    /// Rows of the status line: one, more only for a message that is too long for it, or above a line that is being edited.
    pub(in crate::tui) fn status_rows(&self) -> u16 {
        let rows = self.message_rows().len().max(1) as u16;
        rows + u16::from(self.complains_beside_prompt())
    }

    /// True if a line is being edited below a message that says what is wrong, such as why the line was not taken.
    pub(in crate::tui) fn complains_beside_prompt(&self) -> bool {
        let prompt = self.dead.is_none() && tabs::shown(self).prompt(self).is_some();
        prompt && self.message().is_some_and(|m| m.level != Level::Info)
    }

    /// Sends a text of one line to the terminal's clipboard and says so by its name. Control characters are escaped: a shell that the text is pasted
    /// into would act on them.
    pub(in crate::tui) fn copy(&mut self, name: &str, text: String) -> Vec<Effect> {
        self.toast_as_is(Level::Info, format!("sent to the terminal's clipboard: {name}"));
        vec![Effect::Copy(crate::units::escape(&text).into_owned())]
    }

    /// As [`Self::copy`], for a text that has lines: they stay, other control characters are escaped.
    pub(in crate::tui) fn copy_lines(&mut self, name: &str, text: &str) -> Vec<Effect> {
        self.toast_as_is(Level::Info, format!("sent to the terminal's clipboard: {name}"));
        let lines: Vec<_> = text.split('\n').map(crate::units::escape).collect();
        vec![Effect::Copy(lines.join("\n"))]
    }

    /// The time has gone on.
    pub(in crate::tui) fn age_toasts(&mut self) {
        let now = self.now;
        self.toasts.retain(|t| t.stays() || now.duration_since(t.since) < STAY);
    }

    /// Does what a key or a click asks for, and removes earlier messages.
    pub(in crate::tui) fn outdating_toasts<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let prompts = |s: &Self| tabs::shown(s).prompt(s).is_some();
        let (before, prompted) = (self.tab, prompts(self));
        let old = std::mem::take(&mut self.toasts);
        let done = act(self);
        // A line that is opened has no message of what was before it.
        let (now, moved) = (self.now, self.tab != before || (!prompted && prompts(self)));
        let keeps = |t: &Toast| !moved && t.logged && now.duration_since(t.since) < MIN_AGE;
        let new = std::mem::take(&mut self.toasts);
        self.toasts = old.into_iter().filter(keeps).filter(|t| new.iter().all(|n| n.text != t.text)).collect();
        self.toasts.extend(new);
        let many = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..many);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_has_no_control_characters() {
        let mut state = State::new("/".into(), jiff::Timestamp::UNIX_EPOCH);
        let effects = state.copy("x", "runs/a\ntouch pwned\n\u{9b}".to_owned());
        assert_eq!(effects, [Effect::Copy("runs/a\\ntouch pwned\\n\\u{9b}".to_owned())]);
    }
}
