//! A source as the watcher follows it from one listing to the next.

use super::verdict::{State, Verdict};
use super::{Fingerprint, Unit, Wait, state_text};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source and what is known about it.
#[derive(Debug)]
pub(crate) struct Tracked {
    /// The unit as it was last found.
    pub unit: Unit,
    /// The fingerprint of the unit.
    pub fingerprint: Fingerprint,
    activity: Fingerprint,
    /// When it last changed, as far as was observed.
    changed: Instant,
    /// The last verdict; `None` before the first.
    pub verdict: Option<Verdict>,
    /// When to judge it again.
    pub due: Instant,
    /// The last state that was reported: its word and its text.
    reported: (&'static str, String),
    /// True for a model that remold wrote: it is exported on request only.
    pub own: bool,
    /// The search that found it last.
    pub pass: u64,
    /// Consecutive temporary failures.
    pub failures: u32,
    /// It is not tried again before this moment.
    pub retry: Option<Instant>,
}

impl Tracked {
    /// A source that was just found. On a local disk its times say how long it has been quiet; a server's clock may differ.
    pub(crate) fn new(unit: Unit, trust_times: bool) -> Self {
        let now = Instant::now();
        let age = if trust_times { age(&unit) } else { Duration::ZERO };
        Self {
            fingerprint: unit.fingerprint(),
            activity: unit.activity(),
            changed: now.checked_sub(age).unwrap_or(now),
            verdict: None,
            due: now,
            reported: ("", String::new()),
            own: false,
            pass: 0,
            failures: 0,
            retry: None,
            unit,
        }
    }

    /// Stores what was found now; true if something changed.
    pub(crate) fn update(&mut self, unit: Unit) -> bool {
        if !is_other(&unit, &self.unit) {
            self.unit = unit;
            return false;
        }
        let activity = unit.activity();
        let changed = activity != self.activity || unit.alias_of != self.unit.alias_of;
        if changed {
            self.changed = Instant::now();
            self.due = self.changed;
            self.activity = activity;
            let fingerprint = unit.fingerprint();
            if fingerprint != self.fingerprint {
                self.fingerprint = fingerprint;
                (self.failures, self.retry) = (0, None);
            }
        }
        self.unit = unit;
        changed
    }

    /// Time since the last change.
    pub(crate) fn unchanged(&self) -> Duration {
        self.changed.elapsed()
    }

    /// True if it is complete.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(&self.verdict, Some(v) if v.state == State::Complete)
    }

    /// True if it may become complete by waiting.
    pub(crate) fn is_settling(&self) -> bool {
        match &self.verdict {
            None => true,
            Some(v) => matches!(v.state, State::Settling { .. }),
        }
    }

    /// The state to report: `None` if it was already reported.
    pub(crate) fn news(&mut self, word: &'static str, text: String, key: String) -> Option<String> {
        if self.reported == (word, key.clone()) {
            return None;
        }
        self.reported = (word, key);
        Some(text)
    }

    /// The verdict to report, with its word; `None` if it was already reported or there is none.
    pub(crate) fn news_of_verdict(&mut self) -> Option<(&'static str, String)> {
        let state = self.verdict.as_ref().map(|v| v.state.clone())?;
        let word = word(&state);
        let text = state_text::state(&state);
        let key = match &state {
            // States with a running time are reported once.
            State::Settling { why, .. } => why.clone().unwrap_or_default(),
            State::Waiting { what: Wait::Shape { names, .. } } => names.join(", "),
            _ => text.clone(),
        };
        self.news(word, text, key).map(|text| (word, text))
    }
}

/// True if something changed in a unit that affects its hashes or its state. Hashing every unit at every listing takes long in a large
/// tree.
fn is_other(one: &Unit, other: &Unit) -> bool {
    let same_files = one.files.len() == other.files.len()
        && one.files.iter().zip(&other.files).all(|(a, b)| a.name == b.name && a.role == b.role && a.stamp == b.stamp);
    !same_files || one.unfinished != other.unfinished || one.alias_of != other.alias_of
}

/// The word of a verdict in events.
fn word(state: &State) -> &'static str {
    match state {
        State::Settling { .. } => "settling",
        State::Waiting { .. } => "waiting",
        State::Complete => "complete",
        State::Leftover { .. } => "leftover",
        State::Alias { .. } => "alias",
        State::CannotExport { .. } => "cannot",
        State::Unreadable { .. } => "unreadable",
    }
}

/// Time since a file of the unit last changed, by the files' change times.
fn age(unit: &Unit) -> Duration {
    let stamps = unit.files.iter().map(|f| &f.stamp).chain(unit.unfinished.iter().map(|f| &f.stamp));
    let newest = stamps.map(|s| s.ctime_ns).max().unwrap_or(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128);
    u64::try_from(now - newest).map_or(Duration::ZERO, Duration::from_nanos)
}
