//! Requests of users to the running watcher.

use super::Watcher;
use crate::model::Result;
use crate::watch::control::{self, Request};
use crate::watch::event::WatchBody;

impl Watcher {
    /// Carries out the requests made since the last call.
    pub(super) fn handle_requests(&mut self) -> Result<()> {
        for request in control::take(self.store.folder()) {
            self.carry_out(request)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, request: Request) -> Result<()> {
        self.still.set(false);
        match request {
            Request::Pause | Request::Resume => {
                let paused = request == Request::Pause;
                if std::mem::replace(&mut self.control.paused, paused) != paused {
                    self.control.write(self.store.folder())?;
                    self.emit(if paused { WatchBody::Paused } else { WatchBody::Resumed });
                }
            }
            Request::Export { name } => {
                if !self.tracked.contains_key(&name) {
                    self.emit_warning(format!("cannot export {name}: not found in the watched folder"));
                    return Ok(());
                }
                if self.control.ignored.remove(&name) {
                    self.control.write(self.store.folder())?;
                }
                self.forced.insert(name.clone());
                self.wake(&name);
            }
            Request::Ignore { name } => {
                self.forced.remove(&name);
                if self.control.ignored.insert(name.clone()) {
                    self.control.write(self.store.folder())?;
                }
                self.emit_ignored(&name);
            }
            Request::Unignore { name } => {
                if self.control.ignored.remove(&name) {
                    self.control.write(self.store.folder())?;
                    self.emit_considered(&name);
                    self.wake(&name);
                }
            }
        }
        Ok(())
    }

    /// Reports that a source is ignored on request.
    pub(super) fn emit_ignored(&mut self, name: &str) {
        self.emit_source(name, "ignored", "ignored on request".to_owned());
    }

    /// Reports that a source is no longer ignored: an exported version here, any other when it is judged.
    fn emit_considered(&mut self, name: &str) {
        let Some(tracked) = self.tracked.get(name) else { return };
        let (text, word) = match self.store.exports().last_of(name) {
            Some(last) if last.picked.fingerprint == tracked.fingerprint.as_str() => ("exported", "exported"),
            _ => ("no longer ignored", "waiting"),
        };
        self.emit_source(name, word, text.to_owned());
    }

    /// True if the source is exported regardless of its state, because a user requested it.
    pub(super) fn is_forced(&self, name: &str) -> bool {
        self.forced.contains(name)
    }
}
