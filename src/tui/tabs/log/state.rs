//! The Log tab: everything that was said, by the workbench and by jobs, narrowed by level, job and words.

use crate::tui::core::filter::Filter;
use crate::tui::core::{Level, LineEdit};
use std::collections::VecDeque;

/// Lines kept.
const MAX_ENTRIES: usize = 5_000;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub t: jiff::Timestamp,
    /// How serious.
    pub level: Level,
    /// The job it is about.
    pub job: Option<String>,
    /// What.
    pub text: String,
}

impl LogEntry {
    /// Its level as a word; empty for plain information.
    pub(crate) fn word(&self) -> &'static str {
        match self.level {
            Level::Info => "",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }

    /// The line for copying.
    pub(crate) fn line(&self) -> String {
        let job = self.job.as_ref().map(|id| format!("  #{id}")).unwrap_or_default();
        let word = if self.word().is_empty() { String::new() } else { format!("  {}", self.word()) };
        format!("{}{word}{job}  {}", self.t.strftime("%Y-%m-%dT%H:%M:%SZ"), self.text)
    }
}

/// The Log tab.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// Oldest first.
    pub entries: VecDeque<LogEntry>,
    /// The selected line, counted from the end of those shown; 0 follows.
    pub up: usize,
    /// Words that a line must have.
    pub filter: String,
    /// The filter being edited.
    pub editing: Option<LineEdit>,
    /// Only lines as serious as this.
    pub least: Option<Level>,
    /// Only lines of this job.
    pub job: Option<String>,
}

impl LogState {
    fn passes(&self, e: &LogEntry) -> bool {
        self.least.is_none_or(|least| e.level >= least) && self.job.as_ref().is_none_or(|id| e.job.as_ref() == Some(id))
    }

    /// The filter of the words, read.
    fn words(&self) -> Filter {
        Filter::parse(&self.filter)
    }

    /// Lines that pass the filters, oldest first.
    pub(crate) fn shown(&self) -> Vec<&LogEntry> {
        let words = self.words();
        self.entries.iter().filter(|e| self.passes(e) && words.passes(&[&e.text], &[])).collect()
    }

    /// Adds a line. An older line that is selected stays selected.
    pub(crate) fn push(&mut self, entry: LogEntry) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        if self.up > 0 && self.passes(&entry) && self.words().passes(&[&entry.text], &[]) {
            self.up += 1;
        }
        self.entries.push_back(entry);
    }

    /// The selected line.
    pub fn current(&self) -> Option<&LogEntry> {
        let shown = self.shown();
        shown.len().checked_sub(1 + self.up).and_then(|at| shown.get(at).copied())
    }

    /// Lines of this level among all.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.entries.iter().filter(|e| e.level == level).count()
    }

    /// True while anything hides lines.
    pub fn is_narrowed(&self) -> bool {
        !self.filter.is_empty() || self.least.is_some() || self.job.is_some()
    }

    /// Shows every line again.
    pub(crate) fn widen(&mut self) {
        self.filter.clear();
        (self.least, self.job, self.up) = (None, None, 0);
    }

    /// All, then warnings and errors, then errors.
    pub(crate) fn turn_level(&mut self) {
        self.least = match self.least {
            None => Some(Level::Warn),
            Some(Level::Warn) => Some(Level::Error),
            Some(_) => None,
        };
        self.up = 0;
    }

    /// The jobs that lines are about, the one heard of last first.
    pub(crate) fn jobs(&self) -> Vec<&String> {
        let mut jobs: Vec<&String> = Vec::new();
        for id in self.entries.iter().rev().filter_map(|e| e.job.as_ref()) {
            if !jobs.contains(&id) {
                jobs.push(id);
            }
        }
        jobs
    }

    /// All jobs, then one after the other.
    pub(crate) fn turn_job(&mut self) {
        let jobs = self.jobs();
        let next = match &self.job {
            None => jobs.first(),
            Some(now) => jobs.iter().position(|id| *id == now).and_then(|at| jobs.get(at + 1)),
        };
        self.job = next.map(|id| (*id).clone());
        self.up = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(level: Level, job: Option<&str>, text: &str) -> LogEntry {
        LogEntry { t: jiff::Timestamp::UNIX_EPOCH, level, job: job.map(str::to_owned), text: text.to_owned() }
    }

    fn texts(log: &LogState) -> Vec<&str> {
        log.shown().iter().map(|e| e.text.as_str()).collect()
    }

    #[test]
    fn lines_are_narrowed_by_level_job_and_words() {
        let mut log = LogState::default();
        log.push(entry(Level::Info, Some("1"), "started"));
        log.push(entry(Level::Warn, Some("2"), "Odd field"));
        log.push(entry(Level::Error, None, "cut off"));
        log.turn_level();
        assert_eq!(texts(&log), ["Odd field", "cut off"]);
        log.turn_level();
        assert_eq!(texts(&log), ["cut off"]);
        log.turn_level();
        log.turn_job();
        assert_eq!((log.job.as_deref(), texts(&log)), (Some("2"), vec!["Odd field"]));
        log.turn_job();
        assert_eq!(texts(&log), ["started"]);
        log.turn_job();
        log.filter = "odd".into();
        assert_eq!(texts(&log), ["Odd field"]);
        assert_eq!((log.count(Level::Error), log.is_narrowed()), (1, true));
        log.widen();
        assert_eq!(log.shown().len(), 3);
    }

    #[test]
    fn a_selected_line_stays_selected_while_others_come() {
        let mut log = LogState::default();
        log.push(entry(Level::Warn, Some("7"), "first"));
        log.push(entry(Level::Info, None, "second"));
        assert_eq!(log.current().unwrap().text, "second", "the end is followed");
        log.up = 1;
        log.push(entry(Level::Info, None, "third"));
        assert_eq!(log.current().unwrap().line(), "1970-01-01T00:00:00Z  warn  #7  first");
        log.least = Some(Level::Warn);
        log.up = 0;
        log.push(entry(Level::Info, None, "hidden"));
        assert_eq!(log.up, 0);
    }
}
