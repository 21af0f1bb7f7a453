//! Passes: small changes of a graph that keep what it computes.
//!
//! A pass is a function from a graph to [`Changes`], named in [`PASSES`]. It can be run again without a further change. Names and types of inputs and outputs stay. Each is
//! proven by the reference evaluation: outputs before and after are equal. Must not know formats or models. Tests: `cargo test --lib graph::passes`.

mod dead;
mod fold;
mod identity;
mod transpose;

#[cfg(test)]
mod tests;

use super::{Graph, ValueId};
use std::collections::HashSet;

/// What a pass changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Nodes and constants that were removed.
    pub removed: usize,
    /// Values that come from something else now.
    pub replaced: usize,
}

impl Changes {
    /// True if nothing changed.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    fn and(self, other: Self) -> Self {
        Self { removed: self.removed + other.removed, replaced: self.replaced + other.replaced }
    }
}

/// A pass.
pub(crate) struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// The change.
    pub run: fn(&mut Graph) -> Changes,
}

/// Every pass, in the order in which they are best run.
pub(crate) static PASSES: &[Pass] = &[
    Pass { name: "fold", about: "computes integers that are known without running the graph", run: fold::run },
    Pass { name: "identity", about: "removes nodes that give their input", run: identity::run },
    Pass { name: "transpose", about: "joins transpositions that follow each other", run: transpose::run },
    Pass { name: "dead", about: "removes what no output needs", run: dead::run },
];

/// How often a list of passes is run again at most: each may make room for another.
const ROUNDS: usize = 10;

/// Runs passes in order, again and again until nothing changes. Returns what each changed.
pub(crate) fn run(g: &mut Graph, passes: &[&Pass]) -> Vec<(&'static str, Changes)> {
    let mut all: Vec<(&'static str, Changes)> = passes.iter().map(|p| (p.name, Changes::default())).collect();
    for _ in 0..ROUNDS {
        let mut changed = false;
        for (pass, (_, sum)) in passes.iter().zip(&mut all) {
            let changes = (pass.run)(g);
            changed |= !changes.is_none();
            *sum = sum.and(changes);
        }
        if !changed {
            break;
        }
    }
    all
}

/// Values that are outputs of regions: their names are those of the outputs, so nothing else can stand for them.
fn outputs(g: &Graph) -> HashSet<ValueId> {
    g.regions.iter().flat_map(|(_, r)| r.outputs.iter().map(|p| p.value)).collect()
}
