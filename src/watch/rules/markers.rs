//! Files that prove the end of a checkpoint.

use super::{Outcome, Rule};
use crate::watch::unit::{FileRole, Unit, UnitFile};
use crate::watch::verdict::{Observation, Wait};

/// The user's own marker. It replaces the family's.
pub(super) static DONE: Rule = Rule {
    name: "done marker",
    check: |o| {
        let pattern = o.settings.done_marker.as_deref()?;
        let found = done(o, pattern);
        Some(match found {
            None => Outcome::Wait(Wait::Marker { name: pattern.to_owned() }, None),
            Some((name, ctime_ns)) => match newest(o.unit).filter(|w| w.stamp.ctime_ns > ctime_ns) {
                Some(newer) => Outcome::Careful(format!("{} is newer than {name}", newer.name)),
                None => Outcome::Pass(format!("{name} exists and is newer than the weights")),
            },
        })
    },
};

/// `trainer_state.json` in a folder `checkpoint-N`: the last file that rank 0 of transformers' Trainer writes.
pub(in crate::watch) static TRAINER_STATE: Rule = Rule {
    name: "trainer_state.json",
    check: |o| {
        if o.settings.done_marker.is_some() {
            return None;
        }
        Some(match o.unit.file("trainer_state.json") {
            Some(_) => Outcome::Pass("trainer_state.json exists".to_owned()),
            None => Outcome::Wait(Wait::Marker { name: "trainer_state.json".to_owned() }, None),
        })
    },
};

/// The file beside a checkpoint that names the last iteration whose ranks all finished, relative to the checkpoint.
pub(in crate::watch) const TRACKER_NAME: &str = "../latest_checkpointed_iteration.txt";

/// The tracker exists. Its contents are read with the structure ([`reached`]).
pub(in crate::watch) static TRACKER: Rule = Rule {
    name: "tracker",
    check: |o| {
        if o.settings.done_marker.is_some() {
            return None;
        }
        let name = TRACKER_NAME.trim_start_matches("../").to_owned();
        Some(match o.unit.file(TRACKER_NAME) {
            Some(_) => Outcome::Pass(format!("{name} exists")),
            None => Outcome::Wait(Wait::Marker { name }, None),
        })
    },
};

/// True if a tracker with this text has reached the unit's step.
pub(super) fn reached(unit: &Unit, text: &str) -> bool {
    let text = text.trim();
    text == "release" || text.parse::<u64>().is_ok_and(|at| unit.step.is_none_or(|step| at >= step))
}

/// A marker of any name: it exists and no weights are newer. Writers that overwrite a checkpoint leave the old marker in place meanwhile.
pub(in crate::watch) fn newer(o: &Observation<'_>, name: &str) -> Option<Outcome> {
    if o.settings.done_marker.is_some() {
        return None;
    }
    let Some(marker) = o.unit.file(name).filter(|m| m.stamp.bytes > 0) else {
        return Some(Outcome::Wait(Wait::Marker { name: name.to_owned() }, None));
    };
    let older = |w: &&UnitFile| w.stamp.mtime_ns > marker.stamp.mtime_ns && w.stamp.ctime_ns > marker.stamp.ctime_ns;
    Some(match o.unit.of(FileRole::Weights).find(older) {
        Some(newer) => Outcome::Wait(Wait::StaleMarker { name: name.to_owned(), newer: newer.name.clone() }, None),
        None => Outcome::Pass(format!("{name} exists and is newer than every shard")),
    })
}

/// True if the unit has a marker that was written after `file`.
pub(super) fn after(unit: &Unit, file: &UnitFile) -> bool {
    unit.family.marked && unit.of(FileRole::Marker).any(|m| m.stamp.ctime_ns > file.stamp.ctime_ns)
}

/// The most recently written file of those that affect an export.
fn newest(unit: &Unit) -> Option<&UnitFile> {
    unit.of(FileRole::Weights).max_by_key(|f| f.stamp.ctime_ns)
}

/// A file that matches the pattern: in a folder, any; beside a file, one whose name starts with the file's stem, or any if it has no wildcard.
fn done(o: &Observation<'_>, pattern: &str) -> Option<(String, i128)> {
    let (folder, _) = o.tree.found(&o.unit.folder)?;
    let own = o.unit.path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    let stem = own.rsplit_once('.').map_or(own, |(stem, _)| stem);
    let exact = !pattern.contains(['*', '?']);
    let mine = |name: &str| o.unit.is_folder() || exact || (name.starts_with(stem) && name != own);
    let entries = &o.tree.listing(folder)?.entries;
    let found = entries.iter().filter(|e| matches(pattern, &e.name) && mine(&e.name));
    found.max_by_key(|e| e.stamp.ctime_ns).map(|e| (e.name.clone(), e.stamp.ctime_ns))
}

/// A shell pattern with `*` and `?`, in time that grows with the product of the lengths.
pub(in crate::watch) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, is) in [
            ("DONE", "DONE", true),
            ("DONE", "DONE2", false),
            ("*.done", "a.done", true),
            ("*.done", "a.done.x", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("?_SUCCESS", "x_SUCCESS", true),
            ("*", "", true),
            ("?", "", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
