//! Whether the weights exist, and every file of a numbered set.

use super::{Outcome, Rule};
use crate::formats::shards::ShardName;
use crate::watch::unit::{FileRole, Unit};
use crate::watch::verdict::Wait;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Missing names that are shown at most.
const SHOWN: usize = 4;

pub(super) static RULE: Rule = Rule {
    name: "all files",
    check: |o| {
        let wait = |what| Some(Outcome::Wait(what, None));
        let mut weights = 0;
        for file in o.unit.of(FileRole::Weights) {
            if file.stamp.bytes == 0 {
                return wait(Wait::Empty { file: file.name.clone() });
            }
            weights += 1;
        }
        if weights == 0 {
            return wait(Wait::NoWeights);
        }
        if let Some(what) = shards(o.unit) {
            return wait(what);
        }
        let what = if weights == 1 {
            "the weights file exists".to_owned()
        } else {
            format!("all {weights} weights files exist")
        };
        Some(Outcome::Pass(what))
    },
};

/// The missing files of the set that the names describe. If there are two sets, one of them is a leftover of another count, and the index
/// says which.
fn shards(unit: &Unit) -> Option<Wait> {
    let mut sets: BTreeMap<(String, u64, String), BTreeSet<u64>> = BTreeMap::new();
    for file in unit.of(FileRole::Weights) {
        let name = ShardName::parse(Path::new(&file.name))?;
        sets.entry((name.prefix.to_string_lossy().into_owned(), name.count, name.ext)).or_default().insert(name.index);
    }
    if sets.len() != 1 {
        return None;
    }
    let ((prefix, count, ext), there) = sets.pop_first()?;
    let missing = usize::try_from(count).ok()?.checked_sub(there.len()).filter(|m| *m > 0)?;
    let absent = (1..=count).filter(|i| !there.contains(i)).take(SHOWN);
    let names = absent.map(|i| format!("{prefix}-{i:05}-of-{count:05}.{ext}")).collect();
    Some(Wait::MissingFiles { names, missing, of: usize::try_from(count).unwrap_or(usize::MAX) })
}
