//! Who writes what: one file a family, one table.
//!
//! A family says which files of a folder are one unit and which rules hold for it beside the common ones. To add one: a file with a static
//! [`Family`] and a line in [`FAMILIES`], before every family that would claim the same names.

mod hf_folder;
mod hf_trainer;
mod lone;

use super::folder::{Claim, Folder};
use super::rules::Rule;
use std::fmt;

/// Whether what a family writes can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exports {
    /// It is opened; what the reader refuses is told with the reader's hint.
    Yes,
    /// Nothing here reads it.
    No {
        /// One clause.
        why: &'static str,
        /// One sentence.
        what_to_run: &'static str,
    },
}

/// What is read of a unit to know that it is whole.
#[derive(Clone, Copy)]
pub enum Reading {
    /// It is opened as a model: every header, every shard.
    Model,
    /// The end records of the archives among its weights that this function picks by name.
    Zip(fn(&str) -> bool),
    /// Nothing but what the common rules read.
    Nothing,
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
    /// True if its weights are files of ranks, the same names in every checkpoint.
    pub by_rank: bool,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every family, in the order in which they claim.
pub static FAMILIES: &[&Family] = &[&hf_trainer::FAMILY, &hf_folder::FAMILY, &lone::FAMILY];
