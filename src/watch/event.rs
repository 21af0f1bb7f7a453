//! The events of a watcher: one JSON object per line, the same on stdout (`--json`) and in `events.jsonl`, and as text for people.

use super::Regression;
use crate::engine::Metric;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchEvent {
    /// When, RFC 3339.
    pub t: jiff::Timestamp,
    /// The watcher's rule.
    pub watch: String,
    /// What.
    #[serde(flatten)]
    pub body: WatchBody,
}

/// The kinds. The `kind` strings are stable; readers ignore kinds they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum WatchBody {
    /// The watcher has started watching the folder.
    #[serde(rename = "watch.started")]
    Started {
        /// The watched folder.
        root: PathBuf,
        /// Where exports go.
        output: PathBuf,
        /// The recipe's name.
        recipe: String,
        /// Its process.
        pid: u32,
        /// Why the folder is polled instead of watched by events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The state of a source changed.
    #[serde(rename = "watch.source")]
    Source {
        /// Path of the source.
        source: PathBuf,
        /// Its name relative to the watched folder.
        name: String,
        /// The family of the source: which program writes it.
        family: String,
        /// The training step, if the name says one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u64>,
        /// A word: `settling`, `waiting`, `complete`, `queued`, `exporting`, `paused`, `exported`, `failed`, `skipped`, `alias`, `cannot`, `unreadable`,
        /// `leftover`, `ignored`, `gone`.
        state: String,
        /// The state in words.
        text: String,
    },
    /// An export ended.
    #[serde(rename = "watch.exported")]
    Exported(Exported),
    /// A value that was measured of an export on a text. It comes before the end of the export.
    #[serde(rename = "metric")]
    Metric {
        /// Path of the source.
        source: PathBuf,
        /// The value.
        #[serde(flatten)]
        metric: Metric,
    },
    /// A source is not exported.
    #[serde(rename = "watch.skipped")]
    Skipped {
        /// Path of the source.
        source: PathBuf,
        /// Its name relative to the watched folder.
        name: String,
        /// Why.
        why: String,
    },
    /// An older export was removed, because only some are to be kept.
    #[serde(rename = "watch.removed")]
    Removed {
        /// Path of the source that it was made from.
        source: PathBuf,
        /// The source's name relative to the watched folder.
        name: String,
        /// What was removed.
        files: Vec<PathBuf>,
        /// Why it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What the watcher starts with.
    #[serde(rename = "watch.found")]
    Found {
        /// Sources in the folder.
        sources: usize,
        /// Those that were exported before.
        exported: usize,
        /// Those that are complete and are exported now.
        to_do: usize,
        /// Models that remold wrote, which are no sources.
        #[serde(default)]
        own: usize,
        /// Sources that `--include` and `--exclude` leave out.
        #[serde(default)]
        left_out: usize,
    },
    /// The recipe was edited.
    #[serde(rename = "watch.recipe")]
    Recipe {
        /// What follows from that.
        text: String,
    },
    /// Exports are held, or continue.
    #[serde(rename = "watch.hold")]
    Hold {
        /// The limit that is crossed and the value; absent when exports continue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// True if a running export is paused too; false if only new ones wait.
        pauses: bool,
    },
    /// A user paused the watcher: no export is started.
    #[serde(rename = "watch.paused")]
    Paused,
    /// Exports are started again.
    #[serde(rename = "watch.resumed")]
    Resumed,
    /// Something about the watched folder that is no problem.
    #[serde(rename = "watch.note")]
    Note {
        /// What.
        text: String,
    },
    /// A problem with the watched folder that a person should know about.
    #[serde(rename = "warning")]
    Warning {
        /// What.
        text: String,
    },
    /// The watcher ends.
    #[serde(rename = "watch.stopped")]
    Stopped {
        /// Why.
        why: String,
    },
}

/// How an export ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Path of the source.
    pub source: PathBuf,
    /// Its name relative to the watched folder.
    pub name: String,
    /// The training step, if the name says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// Which version of the source, a hash over the identities and times of its files.
    pub version: String,
    /// The job that made it.
    pub job: String,
    /// When the source was found whole and the export was decided on, seconds since 1970.
    pub picked: f64,
    /// When it ended, seconds since 1970.
    pub done: f64,
    /// What was published.
    pub outputs: Vec<PathBuf>,
    /// Size of the outputs in bytes.
    pub bytes: u64,
    /// Signal to quantization noise over all tensors that were re-encoded with loss, dB: the lowest of the outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_db: Option<f64>,
    /// The tensor whose quality fell most since the previous checkpoint, if it fell by more than 3 dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regression: Option<Regression>,
    /// What changed in config.json since the previous checkpoint, as `key: before → now`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_changes: Vec<String>,
    /// `ok`, `check_failed` (the outputs are there, but a check of the recipe failed), `failed` or `cancelled`.
    pub status: String,
    /// Why, for anything but `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
