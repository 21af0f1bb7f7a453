//! What happens when a newer version is complete while an export runs (`--on-busy`).

use super::Watcher;
use crate::job;
use crate::model::Result;
use crate::watch::event::WatchBody;
use crate::watch::rule::{OnBusy, Policy};
use crate::watch::store::{Ended, Picked};

/// Why a running export is cancelled.
#[derive(Debug)]
pub(super) enum Restart {
    /// Another version of the same source is complete.
    Changed,
    /// A newer checkpoint of the same run is complete, and only the newest is exported.
    Superseded(String),
}

impl Watcher {
    /// After an export that succeeded, skips the sources that became complete while it ran (`--on-busy ignore`). Otherwise they are
    /// exported.
    pub(super) fn skip_ignored(&mut self, picked: &Picked, succeeded: bool) -> Result<()> {
        let ignored = std::mem::take(&mut self.ignored);
        if !succeeded {
            return Ok(());
        }
        let ready = self.candidates();
        for name in ignored.into_iter().filter(|name| ready.contains(name)) {
            let what = if name == picked.unit { "its previous version" } else { picked.unit.as_str() };
            self.skip(&name, format!("{what} was being exported when it was complete (--on-busy ignore)"))?;
        }
        Ok(())
    }

    /// Looks for what replaces the running export: a new version of its source or, if only the newest is exported, a newer checkpoint of
    /// its run.
    pub(super) fn settle_busy(&mut self) {
        if self.rule.on_busy == OnBusy::Queue || self.restarting.is_some() {
            return;
        }
        let Some(picked) = self.running.as_ref().map(|r| r.picked.clone()) else { return };
        let run = |name: &str| self.tracked.get(name).map(|t| t.unit.run());
        let newer = |name: &String| {
            let step = self.tracked.get(name).and_then(|t| t.unit.step);
            *name != picked.unit
                && self.rule.policy == Policy::Newest
                && step > picked.step
                && (run(name) == run(&picked.unit)
                    || self.tracked.get(name).is_some_and(|t| t.unit.path.parent() == picked.source.parent()))
        };
        let rivals: Vec<String> =
            self.candidates().into_iter().filter(|name| *name == picked.unit || newer(name)).collect();
        for name in rivals {
            if self.rule.on_busy == OnBusy::Ignore {
                self.ignored.insert(name);
            } else if job::cancel(&self.options.jobs_root.join(&picked.job)).is_ok() {
                let same = name == picked.unit;
                self.restarting = Some(if same { Restart::Changed } else { Restart::Superseded(name) });
                return;
            }
        }
    }

    /// The running export was cancelled for a newer one.
    pub(super) fn restarted(&mut self, picked: &Picked, why: Restart) -> Result<()> {
        let (status, why) = match why {
            Restart::Changed => (Ended::Changed, "it changed during the export; the export starts over".to_owned()),
            Restart::Superseded(by) => (Ended::Skipped, format!("superseded by {by} while it was exported")),
        };
        let (source, name) = (picked.source.clone(), picked.unit.clone());
        self.emit(WatchBody::Skipped { source, name, why: why.clone() });
        self.wake(&picked.unit);
        self.finish(picked, status, Some(why))
    }
}
