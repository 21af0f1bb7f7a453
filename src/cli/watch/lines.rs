//! A watcher's events as lines for people.

use super::super::text::{self, Style};
use crate::job;
use crate::units;
use crate::watch::{Exported, WatchBody, WatchEvent};
use std::path::{Path, PathBuf};

/// Columns of a source's name, where it has no more.
const NAME_WIDTH: usize = 28;

/// Columns of the folder's name, where several are watched.
const FOLDER_WIDTH: usize = 14;

/// Most characters of a reason: an error that names every missing tensor has thousands.
const REASON_CHARS: usize = 400;

/// A reason, cut where it is very long; the events have all of it.
fn short_reason(why: &str) -> String {
    match why.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => format!("{}… (all of it: `remold watch attach --all --json`)", why[..end].trim_end()),
        None => why.to_owned(),
    }
}

/// True for what is said even if only errors are asked for: warnings, and exports that failed.
pub(crate) fn is_trouble(event: &WatchEvent) -> bool {
    match &event.body {
        WatchBody::Warning { .. } => true,
        WatchBody::Exported(e) => e.status != "ok",
        _ => false,
    }
}

/// Writes events as lines.
pub(crate) struct Lines {
    style: Style,
    /// The watched folder, where there are several.
    folder: Option<String>,
}

impl Lines {
    /// With these styles.
    pub(crate) fn new(style: Style) -> Self {
        Self { style, folder: None }
    }

    /// With the name of the watched folder on each line.
    pub(crate) fn of_folder(style: Style, root: &Path) -> Self {
        Self { style, folder: root.file_name().map(|n| n.to_string_lossy().into_owned()) }
    }

    /// The line of an event; empty for what only programs want to know.
    pub(crate) fn line(&self, event: &WatchEvent) -> String {
        // The export begins in the same moment, or the queue is full.
        if matches!(&event.body, WatchBody::Source { state, .. } if state == "complete") {
            return String::new();
        }
        let time = event.t.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
        let text = match &event.body {
            WatchBody::Started { root, output, recipe, note, .. } => {
                let note = note.as_ref().map(|n| format!("\n          {}", self.style.warning(n))).unwrap_or_default();
                format!("watching {} → {recipe} → {}{note}", root.display(), output.display())
            }
            WatchBody::Source { name, text, .. } => self.about(name, &self.style.dim(text)),
            WatchBody::Exported(e) => self.exported(e),
            WatchBody::Metric { source, metric } => {
                let name = source.file_name().unwrap_or_default().to_string_lossy();
                self.about(&name, &self.style.dim(&job::metric_text(metric)))
            }
            WatchBody::Skipped { name, why, .. } => self.about(name, &format!("skipped: {why}")),
            WatchBody::Removed { name, files, why, .. } => {
                let files = text::plural(files.len(), "file");
                let why = why.as_deref().unwrap_or("newer ones are kept");
                let what = format!("export removed ({files}): {why}");
                self.about(name, &self.style.dim(&what))
            }
            WatchBody::Found { sources, exported, to_do, own, left_out } => {
                found(*sources, *exported, *to_do, *own, *left_out)
            }
            WatchBody::Note { text } => text.clone(),
            WatchBody::Recipe { text } => text.clone(),
            WatchBody::Hold { text: Some(text), pauses: true } => format!("exports are paused: {text}"),
            WatchBody::Hold { text: Some(text), pauses: false } => format!("no exports start: {text}"),
            WatchBody::Hold { text: None, .. } => "exports resumed".to_owned(),
            WatchBody::Paused => "paused; continue with `remold watch resume`".to_owned(),
            WatchBody::Resumed => "resumed".to_owned(),
            WatchBody::Warning { text } => format!("{} {text}", self.style.warning("warning:")),
            WatchBody::Stopped { why } => format!("stopped: {why}"),
        };
        match &self.folder {
            Some(folder) => {
                let shown = text::cut(&text::safe(folder), FOLDER_WIDTH);
                format!("{}  {shown:FOLDER_WIDTH$}  {text}\n", self.style.dim(&time))
            }
            None => format!("{}  {text}\n", self.style.dim(&time)),
        }
    }

    /// The line of an export that has ended.
    fn exported(&self, e: &Exported) -> String {
        let why = || short_reason(e.why.as_deref().unwrap_or("reason unknown"));
        // The outputs of an export that failed a check are there.
        let is_there = matches!(e.status.as_str(), "ok" | "check_failed");
        if !is_there {
            let why = why();
            // Nothing waits any more.
            let why = why.strip_prefix("waiting for ").map_or_else(|| why.clone(), |what| format!("no {what}"));
            return self.about(&e.name, &format!("{} {why}", self.style.error(&format!("{}:", e.status))));
        }
        let failed = match e.status.as_str() {
            "check_failed" => format!("; {} {}", self.style.error("check failed:"), why()),
            _ => String::new(),
        };
        let name =
            |p: &PathBuf| p.file_name().map_or_else(|| p.display().to_string(), |n| n.to_string_lossy().into_owned());
        let names: Vec<String> = e.outputs.iter().map(name).collect();
        let took = text::seconds((e.done - e.picked).max(0.0));
        let quality = e.weights_db.map_or_else(String::new, |db| format!(", weights {db:.1} dB"));
        let what = format!("exported in {took}: {}, {}{quality}", names.join(", "), units::bytes(e.bytes));
        let fell = e.regression.as_ref().map_or_else(String::new, |r| {
            let text = format!("{} fell from {:.1} to {:.1} dB", r.tensor, r.before_db, r.now_db);
            format!("; {}", self.style.warning(&text))
        });
        let config = match e.config_changes.as_slice() {
            [] => String::new(),
            [only] => format!("; config.json: {only}"),
            [first, rest @ ..] => format!("; config.json: {first} and {} more", rest.len()),
        };
        let config = self.style.warning(&text::safe(&config));
        self.about(&e.name, &format!("{}{failed}{fell}{config}", self.style.good(&what)))
    }

    /// A name is never cut: those of checkpoints differ in their ends.
    fn about(&self, name: &str, text: &str) -> String {
        let shown = text::safe(name);
        format!("{shown:NAME_WIDTH$}  {text}")
    }
}

/// What the first listing found.
fn found(sources: usize, exported: usize, to_do: usize, own: usize, left_out: usize) -> String {
    let sources_text = text::plural(sources, "source");
    let waits = match sources.saturating_sub(exported + to_do) {
        0 => String::new(),
        n => format!(", {n} waiting or skipped"),
    };
    let own = match own {
        0 => String::new(),
        n => format!("; {} written by remold left out", text::plural(n, "model")),
    };
    let left_out = match left_out {
        0 => String::new(),
        n => format!("; {} left out by --include and --exclude", text::plural(n, "source")),
    };
    format!("{sources_text}: {exported} already exported, {to_do} to export{waits}{own}{left_out}")
}
