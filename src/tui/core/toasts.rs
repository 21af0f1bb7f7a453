//! Messages in the corner, and when they go. Information goes at the next key that does something, or after a while; errors stay
//! until esc. Both go when another tab is opened: that is out of date there. The log has all of them.

use super::Level;
use super::action::Effect;
use super::state::State;

/// How long an informational message stays.
const STAY: jiff::SignedDuration = jiff::SignedDuration::from_secs(4);
/// How long no key removes a message: it would never be seen while a key is held down.
const MIN_AGE: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);
/// Messages shown at a time.
const MAX_TOASTS: usize = 3;

/// A short message in the corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How serious.
    pub level: Level,
    /// What.
    pub text: String,
    /// When it came.
    pub since: jiff::Timestamp,
}

impl Toast {
    /// True if only esc takes it away, or leaving the tab.
    pub(crate) fn stays(&self) -> bool {
        self.level == Level::Error
    }
}

impl State {
    /// Shows a message in the corner and keeps it in the log.
    pub(crate) fn toast(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.note(level, text.clone());
        self.flash(level, text);
    }

    /// Shows a message in the corner; the log has it from elsewhere. One that says the same is out of date.
    pub(crate) fn flash(&mut self, level: Level, text: impl Into<String>) {
        let toast = Toast { level, text: text.into(), since: self.now };
        self.toasts.retain(|t| t.text != toast.text);
        if self.toasts.len() >= MAX_TOASTS {
            self.toasts.remove(0);
        }
        self.toasts.push(toast);
    }

    /// Sends a text to the terminal's clipboard and says so by its name.
    pub(in crate::tui) fn copy(&mut self, name: &str, text: String) -> Vec<Effect> {
        self.toast(Level::Info, format!("sent to the terminal's clipboard: {name}"));
        vec![Effect::Copy(text)]
    }

    /// The time has gone on.
    pub(in crate::tui) fn age_toasts(&mut self) {
        let now = self.now;
        self.toasts.retain(|t| t.stays() || now.duration_since(t.since) < STAY);
    }

    /// Does what a key or a click asks for, and removes earlier information.
    pub(in crate::tui) fn outdating_toasts<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.tab;
        let old = std::mem::take(&mut self.toasts);
        let done = act(self);
        let (now, moved) = (self.now, self.tab != before);
        let keeps = |t: &Toast| !moved && (t.stays() || now.duration_since(t.since) < MIN_AGE);
        let new = std::mem::take(&mut self.toasts);
        self.toasts = old.into_iter().filter(keeps).filter(|t| new.iter().all(|n| n.text != t.text)).collect();
        self.toasts.extend(new);
        let many = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..many);
        done
    }
}
