//! A unit that was exported before and is being written again, file after file.
//!
//! Old and new files together pass every other check. If all weights changed, the writer got through them. If only some changed, it may be
//! between two files, or only one file was meant to change; waiting decides.

use super::{Outcome, Rule};
use crate::watch::unit::{FileRole, UnitFile};

pub(super) static RULE: Rule = Rule {
    name: "written again",
    check: |o| {
        let previous = o.previous?;
        let old = |f: &&UnitFile| previous.files.get(&f.name) == Some(&f.stamp);
        let counts = |f: &&UnitFile| matches!(f.role, FileRole::Weights | FileRole::Index);
        let parts: Vec<&UnitFile> = o.unit.files.iter().filter(counts).collect();
        let (kept, new): (Vec<&UnitFile>, Vec<&UnitFile>) = parts.into_iter().partition(|f| old(f));
        let changed = o.unit.files.iter().any(|f| f.role != FileRole::Marker && !old(&f));
        let stale = || o.unit.of(FileRole::Marker).find(|m| o.unit.family.marked && old(m));
        Some(match (new.as_slice(), kept.as_slice()) {
            _ if !changed => Outcome::Pass("it is unchanged since its export".to_owned()),
            ([], _) => Outcome::Careful("the weights are unchanged since the last export".to_owned()),
            ([new, ..], [kept, ..]) => {
                Outcome::Careful(format!("{} is new, but {} is unchanged since the last export", new.name, kept.name))
            }
            (_, []) => match stale() {
                Some(marker) => Outcome::Careful(format!(
                    "the weights are new, but {} is unchanged since the last export",
                    marker.name
                )),
                None => Outcome::Pass("all weights were rewritten".to_owned()),
            },
        })
    },
};
