//! Lists the folders, finds the sources in them, and judges these.

use super::{LONGEST_LOOK, LOOK_SHARE, MAX_REFRESHES, SHORTEST_LOOK, Watcher};
use crate::watch::store::Ended;
use crate::watch::tracked::Tracked;
use crate::watch::{Dirty, Observation, UnitFile, judge};
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant, SystemTime};

/// When a source is judged again of which nothing is expected.
const FAR: Duration = Duration::from_secs(86_400);

impl Watcher {
    /// Lists what may have changed, and finds the sources in it. A file that is being written sends thousands of events per second, so
    /// listings are a while apart, longer if one takes long.
    pub(super) fn look(&mut self) {
        if !self.until_look().is_zero() {
            return;
        }
        let Some(dirty) = self.changes.take() else { return };
        let begun = Instant::now();
        self.refresh(dirty);
        self.changes.set_absent(!self.tree.exists());
        self.find();
        self.emit_folder();
        self.looked = Some((Instant::now(), begun.elapsed()));
    }

    /// Time until the folders may be listed again.
    pub(super) fn until_look(&self) -> Duration {
        let Some((at, took)) = self.looked else { return Duration::ZERO };
        (took * LOOK_SHARE).clamp(SHORTEST_LOOK, LONGEST_LOOK).saturating_sub(at.elapsed())
    }

    pub(super) fn refresh(&mut self, dirty: Dirty) {
        let mut next = Some(dirty);
        for _ in 0..MAX_REFRESHES {
            let Some(dirty) = next.take() else { return };
            let begun = Instant::now();
            let changes = self.tree.refresh(&dirty);
            if dirty == Dirty::All {
                self.changes.swept(begun.elapsed());
            }
            self.changes.forget(&changes.removed);
            // Setting watches takes long in a large tree.
            let watched = changes.other_folders && self.changes.follow(&self.tree);
            if watched {
                // Changes made before the watch was set are seen now.
                let new = changes.added.into_iter().collect::<BTreeSet<_>>();
                next = Some(if new.is_empty() { Dirty::All } else { Dirty::Folders(new) });
            }
        }
    }

    pub(super) fn find(&mut self) {
        self.still.set(false);
        let mut found = self.rule.units(&self.tree);
        self.structures.retain(&found);
        let all = found.len();
        found.retain(|u| self.rule.covers(&u.name));
        self.left_out = all - found.len();
        self.pass += 1;
        let pass = self.pass;
        if found.iter().any(|u| !self.tracked.contains_key(&u.name)) {
            self.own.update();
        }
        for unit in found {
            let name = unit.name.clone();
            let own = !self.rule.names(&name) && self.own.contain(&unit);
            let known = match self.tracked.entry(name.clone()) {
                Entry::Occupied(known) => {
                    let known = known.into_mut();
                    known.update(unit);
                    known
                }
                Entry::Vacant(new) => new.insert(Tracked::new(unit, !self.changes.is_remote())),
            };
            known.pass = pass;
            let was = std::mem::replace(&mut known.own, own);
            if was && !own {
                known.due = Instant::now();
            }
            // Its manifest came after it.
            if own && !was && known.verdict.is_some() {
                self.emit_source(&name, "ignored", "written by remold, not a source".to_owned());
            }
        }
        let gone: Vec<String> = self.tracked.iter().filter(|(_, t)| t.pass != pass).map(|(n, _)| n.clone()).collect();
        for name in gone {
            if let Some(lost) = self.tracked.remove(&name) {
                self.emit_gone(&lost);
            }
        }
    }

    pub(super) fn judge_due(&mut self) {
        let now = Instant::now();
        let due: Vec<String> = self.tracked.iter().filter(|(_, t)| t.due <= now).map(|(n, _)| n.clone()).collect();
        for name in due {
            self.judge(&name);
        }
    }

    pub(super) fn judge(&mut self, name: &str) {
        self.still.set(false);
        let forced = self.is_forced(name);
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        if tracked.own && !forced {
            tracked.due = Instant::now() + FAR;
            return;
        }
        let previous = self.store.exports().last_of(name).map(|e| e.picked.seen());
        let (family, folder) = tracked.unit.run();
        let run = (family.to_owned(), folder.to_owned());
        let observation = Observation {
            unit: &tracked.unit,
            tree: &self.tree,
            unchanged: tracked.unchanged(),
            now: SystemTime::now(),
            settings: &self.rule.settings,
            previous: previous.as_ref(),
            // Models without a step are not checkpoints of one run: they have nothing in common but their folder.
            sibling: self.shapes.get(&run).filter(|_| tracked.unit.step.is_some()),
        };
        let verdict = judge(&observation, &mut self.structures);
        tracked.due = Instant::now() + verdict.next_look.unwrap_or(FAR).max(Duration::from_millis(10));
        tracked.verdict = Some(verdict);
        if tracked.is_complete() && tracked.unit.step.is_some() {
            let shape = tracked.unit.shape();
            self.shapes.insert(run, shape);
        }
        if self.control.ignored.contains(name) {
            self.emit_ignored(name);
        } else if !self.is_settled_with(name) && !self.is_being_removed(name) {
            self.emit_verdict(name);
        }
    }

    /// True if this version of the source needs no export: it has one that succeeded, failed or is running.
    pub(super) fn is_settled_with(&self, name: &str) -> bool {
        let Some(tracked) = self.tracked.get(name) else { return true };
        if self.control.ignored.contains(name) {
            return true;
        }
        let under_way = self.running.iter().map(|r| &r.picked).chain(&self.adopted);
        if under_way.into_iter().any(|p| p.unit == name && p.fingerprint == tracked.fingerprint.as_str()) {
            return true;
        }
        if self.is_forced(name) {
            return false;
        }
        if tracked.own {
            return true;
        }
        let Some(export) = self.store.exports().export_of(name, &tracked.fingerprint, &self.recipe_hash) else {
            return false;
        };
        match export.done.as_ref().map(|d| d.status) {
            None | Some(Ended::Ok | Ended::Failed | Ended::Cancelled | Ended::Skipped) => true,
            Some(Ended::Passing | Ended::Changed | Ended::Lost) => false,
        }
    }

    /// True for a source that was exported and now has fewer files and no new ones: its trainer is deleting it.
    pub(super) fn is_being_removed(&self, name: &str) -> bool {
        let (Some(tracked), Some(export)) = (self.tracked.get(name), self.store.exports().last_of(name)) else {
            return false;
        };
        let before = export.picked.seen().files;
        let same =
            |f: &UnitFile| before.get(&f.name).is_some_and(|b| b.ino == f.stamp.ino && b.mtime_ns == f.stamp.mtime_ns);
        tracked.unit.files.len() < before.len() && tracked.unit.files.iter().all(same)
    }
}
