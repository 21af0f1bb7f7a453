//! The sources of one watcher, folded from its events.

use crate::engine::Metric;
use crate::watch::{Exported, WatchBody, WatchEvent};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;

/// Sources kept, the newest.
const MAX_SOURCES: usize = 10_000;
/// Exports kept of each source, the latest.
const MAX_EXPORTS: usize = 50;
/// Warnings kept, the latest.
const MAX_WARNINGS: usize = 20;
/// Metrics of one export that are kept.
const MAX_METRICS: usize = 100;
/// Reports whose figures are kept.
const MAX_MEASURED: usize = 100_000;

/// What the state of a source means; its words are in [`Source::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Incomplete, or not started.
    Waiting,
    /// A job makes its export.
    Exporting,
    /// Its export is there.
    Exported,
    /// Not exported, and for a good reason.
    Skipped,
    /// Its export failed, or it cannot be read or exported.
    Failed,
}

/// What was measured of the weights of an export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExportQuality {
    /// Signal over error, dB; the lowest of its outputs.
    Db(f64),
    /// Nothing was encoded with loss.
    Lossless,
    /// No report: the job was removed.
    NoReport,
}

/// One export of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// When it ended.
    pub t: jiff::Timestamp,
    /// How it ended.
    pub done: Exported,
    /// What was measured of its outputs with data.
    pub metrics: Vec<Metric>,
    /// Its files were removed since, because newer ones are kept.
    pub removed: bool,
}

impl Export {
    /// True if it succeeded.
    pub(crate) fn ok(&self) -> bool {
        self.done.status == "ok"
    }

    /// True if its outputs were written, whether or not they passed the checks of the recipe.
    pub(crate) fn wrote(&self) -> bool {
        self.ok() || self.done.status == "check_failed"
    }

    /// Seconds from the decision to the end.
    pub(crate) fn seconds(&self) -> f64 {
        (self.done.done - self.done.picked).max(0.0)
    }
}

/// A source and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name relative to the watched folder.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// Who writes such sources; empty if unknown.
    pub family: String,
    /// The training step, if its name says one.
    pub step: Option<u64>,
    /// What the state means.
    pub state: SourceState,
    /// The state in words.
    pub text: String,
    /// Since when it is in this state.
    pub since: jiff::Timestamp,
    /// It was removed after it was exported.
    pub gone: bool,
    /// A user wants it left out.
    pub ignored: bool,
    /// Its exports, oldest first.
    pub exports: VecDeque<Export>,
}

impl Source {
    /// It is in another state, which the watcher writes as a word.
    fn turn(&mut self, state: &str, text: String, t: jiff::Timestamp) {
        let text = lasting(state, text);
        let exported = self.exported().map(|e| e.t).filter(|_| state == "gone");
        self.gone = exported.is_some();
        self.ignored = state == "ignored";
        (self.state, self.text, self.since) = match exported {
            // The export takes precedence.
            Some(t) => (SourceState::Exported, text, t),
            None => (meaning(state), text, t),
        };
    }

    /// A job for it has ended.
    fn export(&mut self, done: Exported, metrics: Vec<Metric>, t: jiff::Timestamp) {
        self.path.clone_from(&done.source);
        let why = done.why.as_deref().unwrap_or("reason unknown");
        (self.state, self.text) = match done.status.as_str() {
            "ok" => (SourceState::Exported, "exported".to_owned()),
            "check_failed" => (SourceState::Failed, format!("check failed: {why}")),
            "cancelled" => (SourceState::Skipped, format!("cancelled: {why}")),
            status => (SourceState::Failed, format!("{status}: {why}")),
        };
        (self.since, self.gone) = (t, false);
        // After a kill at the wrong moment the event comes twice; it is the same export.
        self.exports.retain(|e| e.done.job != done.job || e.done.version != done.version);
        if self.exports.len() >= MAX_EXPORTS {
            self.exports.pop_front();
        }
        self.exports.push_back(Export { t, done, metrics, removed: false });
    }

    /// The folder of its run, relative to the watched one.
    pub(crate) fn run(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(run, _)| run)
    }

    /// The latest export that succeeded.
    pub(crate) fn exported(&self) -> Option<&Export> {
        self.exports.iter().rev().find(|e| e.ok())
    }

    /// The latest export whose outputs were written.
    pub(crate) fn written(&self) -> Option<&Export> {
        self.exports.iter().rev().find(|e| e.wrote())
    }

    /// The latest export, however it ended.
    pub(crate) fn last(&self) -> Option<&Export> {
        self.exports.back()
    }
}

/// The order of the list, newest first: by step. What has no step comes above the highest step that was known when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    step: Reverse<u64>,
    has_step: bool,
    seen: Reverse<i64>,
    name: String,
}

/// What the events of a watcher say.
#[derive(Clone, Debug, Default)]
pub struct WatcherView {
    sources: BTreeMap<Place, Source>,
    places: HashMap<String, Place>,
    /// The highest step that was reported.
    highest: u64,
    /// Why the folder is polled instead of watched by events, if it is.
    pub note: Option<String>,
    /// What the watcher warned of since it started, oldest first.
    pub warnings: VecDeque<(jiff::Timestamp, String)>,
    /// A user paused it.
    pub paused: bool,
    /// Why it ended, once it has.
    pub stopped: Option<String>,
    /// What reports say, by job.
    measured: HashMap<String, ExportQuality>,
    /// What was measured of the export that ends next, with the path of its source.
    metrics: (PathBuf, Vec<Metric>),
}

impl WatcherView {
    /// Its sources, newest first.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// How many of them are not exported because something failed.
    pub(crate) fn failed(&self) -> usize {
        self.sources().filter(|s| s.state == SourceState::Failed).count()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// What the report of a job says, once it was looked for.
    pub(crate) fn measured(&self, job: &str) -> Option<ExportQuality> {
        self.measured.get(job).copied()
    }

    /// Takes what the report of a job says.
    pub(crate) fn measure(&mut self, job: String, quality: ExportQuality) {
        if self.measured.len() < MAX_MEASURED {
            self.measured.insert(job, quality);
        }
    }

    /// Takes one event in.
    pub(crate) fn apply(&mut self, event: WatchEvent) {
        let t = event.t;
        match event.body {
            WatchBody::Started { note, .. } => {
                (self.note, self.stopped, self.paused) = (note, None, false);
                self.warnings.clear();
                // Incomplete sources are reported again, or are gone. The result of a job comes when it ends.
                self.sources.retain(|_, s| s.state != SourceState::Waiting);
                let sources = &self.sources;
                self.places.retain(|_, place| sources.contains_key(place));
            }
            WatchBody::Source { source, name, family, step, state, text } => {
                let entry = self.source(name, step, t);
                (entry.path, entry.family) = (source, family);
                entry.turn(&state, text, t);
            }
            WatchBody::Exported(done) => {
                if let Some(db) = done.weights_db.filter(|db| db.is_finite()) {
                    self.measure(done.job.clone(), ExportQuality::Db(db));
                }
                let (source, metrics) = std::mem::take(&mut self.metrics);
                let metrics = if source == done.source { metrics } else { Vec::new() };
                self.source(done.name.clone(), done.step, t).export(done, metrics, t);
            }
            WatchBody::Metric { source, metric } => {
                if self.metrics.0 != source {
                    self.metrics = (source, Vec::new());
                }
                if self.metrics.1.len() < MAX_METRICS {
                    self.metrics.1.push(metric);
                }
            }
            WatchBody::Skipped { source, name, why } => {
                let entry = self.source(name, None, t);
                entry.path = source;
                (entry.state, entry.text, entry.since) = (SourceState::Skipped, format!("skipped: {why}"), t);
            }
            WatchBody::Removed { name, files, .. } => {
                let entry = self.source(name, None, t);
                for e in entry.exports.iter_mut().filter(|e| e.done.outputs.iter().any(|o| files.contains(o))) {
                    e.removed = true;
                }
            }
            // Each source that waits for it says so.
            WatchBody::Hold { .. } | WatchBody::Found { .. } | WatchBody::Recipe { .. } | WatchBody::Note { .. } => {}
            WatchBody::Paused => self.paused = true,
            WatchBody::Resumed => self.paused = false,
            WatchBody::Warning { text } => {
                if self.warnings.len() >= MAX_WARNINGS {
                    self.warnings.pop_front();
                }
                self.warnings.push_back((t, text));
            }
            WatchBody::Stopped { why } => self.stopped = Some(why),
        }
        while self.sources.len() > MAX_SOURCES {
            if let Some((_, last)) = self.sources.pop_last() {
                self.places.remove(&last.name);
            }
        }
    }

    /// The source of this name; a new one waits.
    fn source(&mut self, name: String, step: Option<u64>, t: jiff::Timestamp) -> &mut Source {
        self.highest = self.highest.max(step.unwrap_or(0));
        let known = self.places.get(&name).filter(|place| step.is_none() || place.has_step).cloned();
        let place = known.unwrap_or_else(|| Place {
            step: Reverse(step.unwrap_or(self.highest)),
            has_step: step.is_some(),
            seen: Reverse(if step.is_some() { 0 } else { t.as_millisecond() }),
            name: name.clone(),
        });
        if let Some(old) = self.places.insert(name.clone(), place.clone()).filter(|old| *old != place)
            && let Some(moved) = self.sources.remove(&old)
        {
            self.sources.insert(place.clone(), Source { step, ..moved });
        }
        self.sources.entry(place).or_insert_with(|| Source {
            name,
            path: PathBuf::new(),
            family: String::new(),
            step,
            state: SourceState::Waiting,
            text: String::new(),
            since: t,
            gone: false,
            ignored: false,
            exports: VecDeque::new(),
        })
    }
}

/// What a word of `watch.source` means. Words of a later version wait.
fn meaning(word: &str) -> SourceState {
    match word {
        "exporting" | "paused" => SourceState::Exporting,
        "exported" => SourceState::Exported,
        "skipped" | "alias" | "leftover" | "ignored" | "gone" => SourceState::Skipped,
        "failed" | "cannot" | "unreadable" => SourceState::Failed,
        _ => SourceState::Waiting,
    }
}

/// The text of a state without the time that had passed: it is reported once and shown as long as the state lasts.
fn lasting(word: &str, text: String) -> String {
    match word {
        "settling" => {
            let rest = text.strip_prefix("settling ").and_then(|t| t.split_once(" of "));
            rest.map(|(_, needed)| format!("settling until unchanged for {needed}")).unwrap_or(text)
        }
        "waiting" if text.ends_with(" more") => {
            text.rsplit_once("; waiting ").map(|(what, _)| what.to_owned()).unwrap_or(text)
        }
        "complete" if text == word => "complete, waiting in the queue".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, json: &str) -> WatchEvent {
        let t = jiff::Timestamp::from_second(at).unwrap();
        let json = format!(r#"{{"t":"{t}","watch":"1","kind":{json}}}"#);
        crate::engine::from_json(json.as_bytes()).unwrap()
    }

    fn source(at: i64, name: &str, step: &str, state: &str, text: &str) -> WatchEvent {
        let step = if step.is_empty() { String::new() } else { format!(r#","step":{step}"#) };
        let text = format!(
            r#""watch.source","source":"/r/{name}","name":"{name}","family":"f"{step},"state":"{state}","text":"{text}""#
        );
        event(at, &text)
    }

    fn exported(at: i64, name: &str, step: u64, job: &str, version: &str, status: &str) -> WatchEvent {
        event(
            at,
            &format!(
                r#""watch.exported","source":"/r/{name}","name":"{name}","step":{step},"version":"{version}","job":"{job}",
                "picked":10.0,"done":14.5,"outputs":["/o/{name}.gguf"],"bytes":5,"status":"{status}","why":"disk full""#
            ),
        )
    }

    fn names(view: &WatcherView) -> Vec<&str> {
        view.sources().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn sources_are_newest_first_and_a_new_start_forgets_what_only_waited() {
        let mut view = WatcherView::default();
        for e in [
            source(1, "c-500", "500", "waiting", "waiting: a is missing"),
            source(1, "c-1000", "1000", "exporting", "exporting"),
            source(1, "old.ckpt", "", "alias", "another name of c-500"),
            source(2, "last.ckpt", "", "settling", "settling 0.0 s of 3 s: b may come"),
        ] {
            view.apply(e);
        }
        assert_eq!(names(&view), ["last.ckpt", "old.ckpt", "c-1000", "c-500"]);
        assert_eq!(view.sources().next().unwrap().text, "settling until unchanged for 3 s: b may come");
        view.apply(event(3, r#""watch.started","root":"/r","output":"/o","recipe":"q","pid":1,"note":"polls""#));
        assert_eq!(names(&view), ["old.ckpt", "c-1000"]);
        assert_eq!(view.note.as_deref(), Some("polls"));
        view.apply(source(4, "c-500", "500", "waiting", "waiting: the previous checkpoint had x; waiting 9:58 more"));
        assert_eq!(view.sources().last().unwrap().text, "waiting: the previous checkpoint had x");
    }

    #[test]
    fn an_export_told_twice_is_one_and_one_that_was_removed_says_so() {
        let mut view = WatcherView::default();
        for job in ["7", "7"] {
            view.apply(exported(5, "c-500", 500, job, "a", "ok"));
        }
        view.apply(exported(6, "c-500", 500, "8", "b", "failed"));
        let s = view.sources().next().unwrap();
        assert_eq!((s.exports.len(), s.state, s.text.as_str()), (2, SourceState::Failed, "failed: disk full"));
        assert_eq!((s.exported().unwrap().done.job.as_str(), s.exported().unwrap().seconds()), ("7", 4.5));
        let removed = r#""watch.removed","source":"/r/c-500","name":"c-500","files":["/o/c-500.gguf"]"#;
        view.apply(event(7, removed));
        assert!(view.sources().next().unwrap().exports[0].removed);
        assert_eq!(view.sources().count(), 1, "an event without a step finds the source that has one");
        view.apply(exported(7, "c-500", 500, "9", "c", "ok"));
        view.apply(source(8, "c-500", "500", "gone", "removed; its export is kept"));
        let s = view.sources().next().unwrap();
        assert_eq!((s.state, s.gone, s.since.as_second()), (SourceState::Exported, true, 7), "its export counts");
        view.apply(event(8, r#""watch.skipped","source":"/r/x","name":"x","why":"superseded by y""#));
        view.apply(source(9, "x", "20", "settling", "settling 1 s of 3 s"));
        assert_eq!(names(&view), ["c-500", "x"], "its step is known now");
    }

    #[test]
    fn metrics_go_to_the_export_they_came_before_and_the_worst_output_counts() {
        let mut view = WatcherView::default();
        let metric = |at: i64, source: &str, name: &str, value: f64, output: usize| {
            let text = format!(
                r#""metric","source":"/r/{source}","name":"{name}","value":{value},"model":"m{output}","output":{output}"#
            );
            event(at, &text)
        };
        view.apply(metric(1, "c-500", "kld_mean", 0.002, 0));
        view.apply(metric(1, "c-500", "kld_mean", 0.004, 1));
        view.apply(metric(1, "c-500", "cosine_mean", 0.99, 0));
        view.apply(metric(1, "c-500", "cosine_mean", 0.98, 1));
        view.apply(exported(2, "c-500", 500, "7", "a", "ok"));
        // Another source ends without figures of its own; the next has some and fails a check.
        view.apply(metric(3, "c-900", "kld_mean", 1.0, 0));
        view.apply(exported(4, "c-1000", 1000, "8", "b", "ok"));
        view.apply(metric(5, "c-1500", "kld_mean", 0.5, 0));
        view.apply(exported(6, "c-1500", 1500, "9", "c", "check_failed"));
        let trend = super::super::Trend::of(&view, "");
        let values = |name: &str| -> Vec<(f64, f64, bool)> {
            trend.metric(name).iter().map(|v| (v.step, v.value, v.failed)).collect()
        };
        assert_eq!(values("kld_mean"), [(500.0, 0.004, false), (1500.0, 0.5, true)]);
        assert_eq!(values("cosine_mean"), [(500.0, 0.98, false)]);
        assert_eq!((trend.points.len(), trend.failed()), (3, 1));
        let names: Vec<&str> = trend.metrics().map(|m| m.name).collect();
        assert_eq!(names, ["kld_mean", "cosine_mean"]);
    }
}
