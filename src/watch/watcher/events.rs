//! Events about sources and about the watched folder.

use super::Watcher;
use crate::watch::event::{WatchBody, WatchEvent};
use crate::watch::store::Ended;
use crate::watch::tracked::Tracked;
use crate::watch::{Unit, store};

impl Watcher {
    pub(super) fn emit(&mut self, body: WatchBody) {
        let event = WatchEvent { t: jiff::Timestamp::now(), watch: self.id.clone(), body };
        if let Ok(line) = serde_json::to_vec(&event) {
            // Only the state must survive; a full disk must not end the watcher over a line for display.
            let _ = store::append_event(self.store.folder(), &line);
        }
        (self.options.listener)(&event);
    }

    pub(super) fn emit_warning(&mut self, text: String) {
        self.emit(WatchBody::Warning { text });
    }

    pub(super) fn emit_source(&mut self, name: &str, word: &'static str, text: String) {
        self.emit_source_once(name, word, text.clone(), text);
    }

    /// Reports a state whose text has changing figures: once for each `key`.
    pub(super) fn emit_source_once(&mut self, name: &str, word: &'static str, text: String, key: String) {
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        let Some(text) = tracked.news(word, text, key) else { return };
        let body = source_event(&tracked.unit, word, text);
        self.emit(body);
    }

    pub(super) fn emit_verdict(&mut self, name: &str) {
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        let Some((word, text)) = tracked.news_of_verdict() else { return };
        let body = source_event(&tracked.unit, word, text);
        self.emit(body);
    }

    pub(super) fn emit_gone(&mut self, lost: &Tracked) {
        if lost.own && self.store.exports().latest_of(&lost.unit.name).is_none() {
            return;
        }
        let exports = self.store.exports();
        // A trainer removes file by file: the last version that was seen is not the one that was exported.
        let last = exports.last_of(&lost.unit.name).or_else(|| exports.latest_of(&lost.unit.name));
        let ended = last.map(|e| e.done.as_ref().map(|d| d.status));
        let text = match ended {
            None => None,
            Some(Some(Ended::Ok)) => Some("removed; its export is kept"),
            Some(None) => Some("removed during its export"),
            Some(Some(Ended::Failed | Ended::Passing | Ended::Lost)) => Some("removed; its export had failed"),
            Some(Some(Ended::Cancelled)) => Some("removed; its export was cancelled"),
            Some(Some(Ended::Skipped)) => Some("removed; it was skipped"),
            Some(Some(Ended::Changed)) => None,
        };
        let body = if let Some(text) = text {
            source_event(&lost.unit, "gone", text.to_owned())
        } else if lost.is_complete() {
            let why = "it was removed before it could be exported".to_owned();
            WatchBody::Skipped { source: lost.unit.path.clone(), name: lost.unit.name.clone(), why }
        } else {
            source_event(&lost.unit, "gone", "removed before it was complete".to_owned())
        };
        self.emit(body);
    }

    /// Reports once what the watcher starts with.
    pub(super) fn emit_found(&mut self) {
        let nothing = self.tracked.is_empty() && self.left_out == 0;
        if std::mem::replace(&mut self.found_emitted, true) || nothing {
            return;
        }
        let to_do = self.candidates().len();
        let exported = self.tracked.values().filter(|t| {
            let export = self.store.exports().export_of(&t.unit.name, &t.fingerprint, &self.recipe_hash);
            export.and_then(|e| e.done.as_ref()).is_some_and(|d| d.status == Ended::Ok)
        });
        let exported = exported.count();
        let own = self.tracked.values().filter(|t| t.own).count();
        let (sources, left_out) = (self.tracked.len() - own, self.left_out);
        self.emit(WatchBody::Found { sources, exported, to_do, own, left_out });
    }

    /// Reports what is new about the folder itself.
    pub(super) fn emit_folder(&mut self) {
        let exists = self.tree.exists();
        if self.existed != Some(exists) {
            let root = self.rule.root.display().to_string();
            match self.existed {
                _ if !exists => self.emit_warning(format!("{root} does not exist; waiting for it")),
                Some(false) => self.emit(WatchBody::Note { text: format!("{root} exists now") }),
                _ => {}
            }
            self.existed = Some(exists);
        }
        if let (false, Some(note)) = (self.told_note, self.changes.note().map(str::to_owned)) {
            self.told_note = true;
            self.emit_warning(note);
        }
        let problems: Vec<_> = self.tree.problems().iter().map(|p| (p.path.clone(), p.what.clone())).collect();
        for problem in problems {
            if self.told_problems.insert(problem.clone()) {
                self.emit_warning(format!("{}: {}", problem.0.display(), problem.1));
            }
        }
    }
}

fn source_event(unit: &Unit, state: &'static str, text: String) -> WatchBody {
    WatchBody::Source {
        source: unit.path.clone(),
        name: unit.name.clone(),
        family: unit.family.name.to_owned(),
        step: unit.step,
        state: state.to_owned(),
        text,
    }
}
