//! Files of ranks: their numbers have no gap, and if a name gives the number of ranks, all are there.
//!
//! Names without a count do not show whether the last ranks are missing. If the previous checkpoint is known, its names do (`shape`);
//! otherwise the longer quiet time is used.

use super::{Outcome, Rule};
use crate::watch::unit::{FileRole, Unit};
use crate::watch::verdict::Wait;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Missing names that are shown at most.
const SHOWN: usize = 4;

/// More ranks than any run has: a larger number in a name is not a rank.
const MAX_RANK: usize = 1 << 20;

/// Combinations of ranks that are checked for gaps.
const MAX_GRID: usize = 1 << 20;

pub(in crate::watch) static RULE: Rule = Rule {
    name: "files of all ranks",
    check: |o| {
        let sets = Sets::of(o.unit);
        let missing = sets.missing();
        if !missing.is_empty() {
            let of = missing.len() + sets.found;
            let names = missing.iter().take(SHOWN).cloned().collect();
            return Some(Outcome::Wait(Wait::MissingFiles { names, missing: missing.len(), of }, None));
        }
        Some(match sets.counted || o.sibling.is_some() {
            true => Outcome::Pass(format!("all {} rank files exist", sets.found)),
            false => {
                Outcome::Careful(format!("{} rank files exist, and no name says how many there should be", sets.found))
            }
        })
    },
};

/// A rank in a name; `of` and `size` are the number of ranks, if the name gives it.
static RANK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:world_size_(?<size>\d{1,7})_)?(?:rank[-_]?)(?<rank>\d{1,7})(?:-of-(?<of>\d{1,7}))?").ok()
});

/// Names with the ranks cut out, each with the ranks that were found in them.
#[derive(Default)]
struct Sets {
    /// Pieces of the name around the ranks → combinations of ranks found, the number of digits of each rank, and the counts that names
    /// give.
    sets: BTreeMap<Vec<String>, Set>,
    found: usize,
    counted: bool,
}

#[derive(Default)]
struct Set {
    there: BTreeSet<Vec<usize>>,
    digits: Vec<usize>,
    counts: Vec<Option<usize>>,
}

impl Sets {
    fn of(unit: &Unit) -> Self {
        let mut all = Self { counted: true, ..Self::default() };
        let Some(pattern) = RANK.as_ref() else { return all };
        for file in unit.of(FileRole::Weights) {
            let (mut pieces, mut ranks, mut digits, mut counts, mut end) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
            for found in pattern.captures_iter(&file.name) {
                let Some(rank) = found.name("rank") else { continue };
                // A stage of nanotron's pipeline has its own modules.
                if file.name[..found.get(0).map_or(0, |m| m.start())].ends_with("pp-") {
                    continue;
                }
                let number = |name: &str| found.name(name).and_then(|m| m.as_str().parse::<usize>().ok());
                let Some(value) = number("rank").filter(|r| *r < MAX_RANK) else { continue };
                pieces.push(file.name[end..rank.start()].to_owned());
                end = rank.end();
                ranks.push(value);
                digits.push(rank.as_str().len());
                counts.push(number("size").or_else(|| number("of")).filter(|n| *n <= MAX_RANK));
            }
            if ranks.is_empty() {
                continue;
            }
            pieces.push(file.name[end..].to_owned());
            all.found += 1;
            all.counted &= counts.iter().all(Option::is_some);
            let set = all.sets.entry(pieces).or_default();
            set.there.insert(ranks);
            set.digits = digits;
            set.counts = counts;
        }
        all
    }

    /// Missing names, at most a few more than are shown.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (pieces, set) in &self.sets {
            let largest = |i: usize| set.there.iter().filter_map(|r| r.get(i)).max().map_or(0, |m| m + 1);
            let sizes: Vec<usize> =
                (0..set.digits.len()).map(|i| set.counts[i].unwrap_or_else(|| largest(i))).collect();
            let grid = sizes.iter().try_fold(1usize, |n, s| n.checked_mul(*s)).filter(|n| *n <= MAX_GRID);
            let Some(grid) = grid else { continue };
            let absent = (0..grid).map(|at| place(at, &sizes)).filter(|ranks| !set.there.contains(ranks));
            missing.extend(absent.map(|ranks| name(pieces, &ranks, &set.digits)));
        }
        missing
    }
}

/// The combination number `at`.
fn place(mut at: usize, sizes: &[usize]) -> Vec<usize> {
    let mut ranks: Vec<usize> = sizes
        .iter()
        .rev()
        .map(|size| {
            let r = at % size;
            at /= size;
            r
        })
        .collect();
    ranks.reverse();
    ranks
}

fn name(pieces: &[String], ranks: &[usize], digits: &[usize]) -> String {
    let mut text = String::new();
    for (i, piece) in pieces.iter().enumerate() {
        text.push_str(piece);
        if let (Some(rank), Some(width)) = (ranks.get(i), digits.get(i)) {
            text.push_str(&format!("{rank:0width$}"));
        }
    }
    text
}
