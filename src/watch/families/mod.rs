//! Which program writes which files: one file per family, one table.
//!
//! A family says which files of a folder are one unit and which rules apply to it besides the common ones. To add one: a file with a static
//! [`Family`] and a line in [`FAMILIES`], before every family that would claim the same names.

mod accelerate;
mod composer;
mod dcp;
mod deepspeed;
mod hf_folder;
mod hf_trainer;
mod keras;
mod kohya;
mod lerobot;
mod lightning;
mod lone;
mod megatron;
mod mlx;
mod nanotron;
mod olmo_core;
mod peft;
mod torchtune;
mod ultralytics;
mod unfinished;
mod verl;
mod xtuner;

use super::folder::{Claim, Folder};
use super::rules::Rule;
use std::fmt;

/// Whether what a family writes can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exports {
    /// It is opened; if the reader refuses it, its error is shown with its hint.
    Yes,
    /// remold does not read it.
    No {
        /// One clause.
        why: &'static str,
        /// One sentence.
        what_to_run: &'static str,
    },
}

/// What is read of a unit to know that it is complete, besides what the common rules read.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Picks the zip archives among the weights, by name: their end records are looked for.
    pub zips: fn(&str) -> bool,
    /// It is opened as a model: every header, every shard.
    pub model: bool,
}

impl Reading {
    /// It is opened as a model.
    pub const MODEL: Self = Self { zips: |_| false, model: true };
    /// Nothing.
    pub const NOTHING: Self = Self { zips: |_| false, model: false };
}

/// A kind of checkpoint.
pub struct Family {
    /// A word for tables and `--json`.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Finds its units in one folder.
    pub claim: fn(&Folder<'_>) -> Vec<Claim>,
    /// Its own rules.
    pub rules: &'static [&'static Rule],
    /// Whether it can be exported.
    pub exports: Exports,
    /// What is read.
    pub reading: Reading,
    /// True if it writes a marker after everything else.
    pub marked: bool,
    /// True if the rules for models apply to it.
    pub common: bool,
    /// True if its weights are files of ranks, the same names in every checkpoint.
    pub by_rank: bool,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every family, in the order in which they claim: those that recognize a folder by unique contents, then model folders, then files.
pub(crate) static FAMILIES: &[&Family] = &[
    &olmo_core::FAMILY,
    &megatron::FAMILY,
    &nanotron::FAMILY,
    &verl::FAMILY,
    &deepspeed::FAMILY,
    &dcp::FAMILY,
    &accelerate::FAMILY,
    &mlx::FAMILY,
    &hf_trainer::FAMILY,
    &peft::FAMILY,
    &torchtune::FAMILY,
    &lerobot::FAMILY,
    &hf_folder::FAMILY,
    &composer::SHARDED,
    &composer::FAMILY,
    &lightning::FAMILY,
    &ultralytics::FAMILY,
    &xtuner::FAMILY,
    &keras::FAMILY,
    &kohya::FAMILY,
    &lone::FAMILY,
    &unfinished::FAMILY,
];

/// The message for a folder or file that is opened as a model and has no marker.
const PLAIN: Family = Family {
    name: "",
    title: "",
    claim: |_| Vec::new(),
    rules: &[],
    exports: Exports::Yes,
    reading: Reading::MODEL,
    marked: false,
    common: true,
    by_rank: false,
};

/// The digits behind `prefix`, if there is nothing else.
fn numbered<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let digits = name.strip_prefix(prefix)?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// Paths, relative to `folder`, of the files below it whose name fits; folders are entered `depth` levels deep.
fn below(folder: &Folder<'_>, depth: usize, fits: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = folder.names().filter(|n| fits(n)).map(str::to_owned).collect();
    if depth > 0 {
        for inner in folder.folders() {
            found.extend(below(&inner, depth - 1, fits).into_iter().map(|n| format!("{}/{n}", inner.name())));
        }
    }
    found
}
