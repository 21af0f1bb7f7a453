//! Names of unfinished work that do not belong to a unit: files that a writer works on, or left when it was stopped.
//!
//! They are never exported. They are units so that they are reported instead of silently ignored.

use super::{Exports, Family, PLAIN, Reading};
use crate::formats;
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::in_progress;
use crate::watch::temporary::Temporary;
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "unfinished",
    title: "an unfinished write",
    claim,
    rules: &[&in_progress::LEFT],
    exports: Exports::No { why: "it is not complete", what_to_run: "" },
    reading: Reading::NOTHING,
    common: false,
    ..PLAIN
};

fn is_model(name: &str) -> bool {
    formats::has_model_extension(name) || name.ends_with(".keras")
}

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let lone = |temporary: Temporary<'_>| match temporary {
        Temporary::Name(n) | Temporary::Control(n) => !folder.exists(n) && is_model(n),
        Temporary::Unknown => true,
    };
    let found = folder.unfinished().filter(|(_, t)| lone(*t));
    found.map(|(e, _)| Claim { files: vec![(e.name.clone(), FileRole::Marker)], ..Claim::file(&e.name) }).collect()
}
