//! Single files of any format, and numbered sets of them, that do not belong to a folder.

use super::{Family, PLAIN};
use crate::formats::shards::ShardName;
use crate::formats::{self, hf};
use crate::watch::folder::{Claim, Folder};
use crate::watch::unit::FileRole;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) static FAMILY: Family = Family { name: "file", title: "a model file", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut sets = BTreeSet::new();
    for name in folder.names().filter(|n| is_model(n)) {
        match ShardName::parse(Path::new(name)).filter(|s| s.count > 1) {
            None => claims.push(file(folder, name)),
            Some(set) if sets.insert((set.prefix.clone(), set.count, set.ext.clone())) => {
                claims.push(shards(folder, &set))
            }
            Some(_) => {}
        }
    }
    claims
}

/// A single file, with the sidecars that a reader takes from beside it.
pub(super) fn file(folder: &Folder<'_>, name: &str) -> Claim {
    if formats::is_self_contained(name) || !(folder.has("config.json") || folder.has("adapter_config.json")) {
        return Claim::file(name);
    }
    Claim::file(name).with(FileRole::Sidecar, folder.sidecars())
}

fn shards(folder: &Folder<'_>, set: &ShardName) -> Claim {
    let first = set.path(1).to_string_lossy().into_owned();
    let mut claim = Claim { file: Some(first), inside: Some(Vec::new()), ..Claim::default() };
    for name in folder.names() {
        let same = ShardName::parse(Path::new(name))
            .filter(|s| (&s.prefix, s.count, &s.ext) == (&set.prefix, set.count, &set.ext));
        if same.is_some() {
            claim.files.push((name.to_owned(), FileRole::Weights));
        }
    }
    claim
}

/// True for a name that ends like a model and is not the state of a training run.
fn is_model(name: &str) -> bool {
    formats::has_model_extension(name) && !hf::is_training_state(name)
}
