//! Units that are second names of another: links, and hard links of the same files.

use super::{FileRole, Unit};
use std::collections::HashMap;

/// Marks every unit whose files are all the files of another one. The one that is kept is not a link, and has a step in its name.
pub(super) fn mark(units: &mut [Unit]) {
    let mut first: HashMap<Vec<(u64, u64)>, usize> = HashMap::new();
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|&i| (units[i].link.is_some(), units[i].step.is_none(), i));
    for i in order {
        let key = identity(&units[i]);
        if key.is_empty() {
            continue;
        }
        match first.get(&key) {
            Some(&kept) => units[i].alias_of = Some(units[kept].name.clone()),
            None => {
                first.insert(key, i);
            }
        }
    }
}

/// Device and inode of every file that affects an export, sorted. Units of one file are the same whatever is beside them.
fn identity(unit: &Unit) -> Vec<(u64, u64)> {
    if unit.of(FileRole::Weights).next().is_none() {
        return Vec::new();
    }
    let files = unit.files.iter().filter(|f| f.role != FileRole::Marker);
    let mut ids: Vec<_> = files.map(|f| (f.stamp.dev, f.stamp.ino)).collect();
    ids.sort_unstable();
    ids
}
