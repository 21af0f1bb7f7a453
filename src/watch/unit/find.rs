//! Every unit of a tree: families claim in the order of their table.

use super::{FileRole, Unfinished, Unit, UnitFile, alias, relative, step::step};
use crate::formats::hf;
use crate::watch::families::{FAMILIES, Family};
use crate::watch::folder::{Claim, Folder};
use crate::watch::temporary::Target;
use crate::watch::tree::{EntryKind, Tree};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// Where `hf download` keeps files until they are complete, below the folder it fills.
const DOWNLOADS: &str = ".cache/huggingface/download";

/// Every unit in the tree, by path. Later families do not see what an earlier family claims. Units may be nested: a model in the root of a
/// run and the checkpoints of that run.
pub fn units(tree: &Tree) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut owned: BTreeSet<PathBuf> = BTreeSet::new();
    for (path, listing) in tree.listings() {
        let below = path.strip_prefix(tree.root()).unwrap_or(Path::new(""));
        if below.components().any(|c| c.as_os_str() == ".cache")
            || (!owned.is_empty() && path.ancestors().any(|a| owned.contains(a)))
        {
            continue;
        }
        // A folder is one unit, and so is a name in it.
        let (mut taken, mut whole) = (HashSet::new(), false);
        for family in FAMILIES {
            let folder = Folder::new(tree, path, listing, &taken);
            let mut claims = (family.claim)(&folder);
            claims.retain(|c| c.file.as_ref().map_or(!whole, |f| !taken.contains(f)));
            units.extend(claims.iter().map(|c| build(tree, family, &folder, c)));
            for claim in claims {
                match claim.inside {
                    None => {
                        owned.insert(path.to_owned());
                    }
                    Some(names) => owned.extend(names.iter().map(|n| path.join(n))),
                }
                whole |= claim.file.is_none();
                taken.extend(claim.file);
                taken.extend(claim.hides);
                taken.extend(claim.files.into_iter().map(|(name, _)| name).filter(|n| !n.contains('/')));
            }
        }
    }
    let seconds: Vec<Unit> = tree.second_names().flat_map(|(link, path)| second(tree, &units, link, path)).collect();
    units.extend(seconds);
    units.sort_by(|a, b| a.path.cmp(&b.path));
    alias::mark(&mut units);
    units
}

fn build(tree: &Tree, family: &'static Family, folder: &Folder<'_>, claim: &Claim) -> Unit {
    let base = folder.path();
    let path = claim.file.as_ref().map_or_else(|| base.to_owned(), |f| base.join(f));
    let name = relative(tree, &path);
    let mut files = Vec::with_capacity(claim.files.len());
    files.extend(claim.files.iter().filter_map(|(name, role)| file(tree, folder, name, *role)));
    let link = match &claim.file {
        Some(file) => folder.file(file).and_then(|e| e.link.as_deref()).map(Path::to_owned),
        None => tree.entry(base).filter(|_| base != tree.root()).and_then(|e| e.link.as_deref()).map(Path::to_owned),
    };
    Unit {
        source: claim.opens.as_ref().map_or_else(|| path.clone(), |o| base.join(o)),
        step: step(&name),
        path,
        folder: base.to_owned(),
        name,
        family,
        files,
        unfinished: unfinished(tree, family, folder, claim),
        link,
        alias_of: None,
        change_times_count: true,
    }
}

fn file(tree: &Tree, folder: &Folder<'_>, name: &str, role: FileRole) -> Option<UnitFile> {
    let base = folder.path();
    if !name.contains('/') {
        // These are most files by far; a lookup in the tree compares whole paths.
        let stamp = folder.any_file(name)?.stamp;
        return Some(UnitFile { name: name.to_owned(), path: base.join(name), role, stamp });
    }
    // A marker may be beside the folder.
    let path = match name.strip_prefix("../") {
        Some(beside) => base.parent()?.join(beside),
        None => base.join(name),
    };
    let (folder, _) = tree.found(path.parent()?)?;
    let entry = tree.listing(folder)?.entry(path.file_name()?.to_str()?).filter(|e| e.kind == EntryKind::File)?;
    Some(UnitFile { name: name.to_owned(), path, role, stamp: entry.stamp })
}

/// Names of unfinished work that may concern the unit: for a folder all names in the folders that contain its files and in the cache
/// of `hf download`; for a file those that become it.
fn unfinished(tree: &Tree, family: &Family, folder: &Folder<'_>, claim: &Claim) -> Vec<Unfinished> {
    let mut found = Vec::new();
    if claim.file.is_some() && !folder.is_unfinished() {
        return found;
    }
    let mut add = |prefix: &str, inner: &Folder<'_>| {
        for (entry, temporary) in inner.unfinished() {
            let mut target = temporary.to_target();
            if let Target::Name(name) | Target::Control(name) = &mut target {
                *name = format!("{prefix}{name}");
            }
            found.push(Unfinished { name: format!("{prefix}{}", entry.name), stamp: entry.stamp, target });
        }
    };
    add("", folder);
    if claim.file.is_some() {
        let own = |name: &String| claim.files.iter().any(|(n, _)| n == name) || claim.file.as_ref() == Some(name);
        found.retain(|f| matches!(&f.target, Target::Name(n) | Target::Control(n) if own(n)));
        return found;
    }
    let inner: BTreeSet<&str> = claim.files.iter().filter_map(|(n, _)| Some(n.rsplit_once('/')?.0)).collect();
    for prefix in inner {
        if let Some(inner) = folder.folder(prefix) {
            add(&format!("{prefix}/"), &inner);
        }
    }
    downloads(tree, folder, &mut found);
    found.retain(|f| family.by_rank || !state(&f.target));
    found
}

/// True for a name that becomes state of a training run: an export does not wait for an optimizer that is still being copied.
fn state(target: &Target) -> bool {
    let (Target::Name(name) | Target::Control(name)) = target else { return false };
    let name = name.rsplit('/').next().unwrap_or(name);
    name != "trainer_state.json" && hf::is_training_state(name)
}

/// What `hf download` works on.
fn downloads(tree: &Tree, folder: &Folder<'_>, found: &mut Vec<Unfinished>) {
    let cache = folder.path().join(DOWNLOADS);
    for (path, listing) in tree.below(&cache) {
        let inner = path.strip_prefix(&cache).map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let prefix = if inner.is_empty() { inner } else { format!("{inner}/") };
        for entry in listing.entries.iter().filter(|e| e.kind == EntryKind::File && e.name.ends_with(".incomplete")) {
            // `NAME.ETAG.incomplete`, or a hash instead of the name since huggingface_hub 0.24.
            let stem = entry.name.trim_end_matches(".incomplete");
            let name = stem.rsplit_once('.').map_or(stem, |(name, _)| name);
            let known = listing.entry(&format!("{name}.lock")).or_else(|| listing.entry(&format!("{name}.metadata")));
            let target = match known {
                Some(_) => Target::Name(format!("{prefix}{name}")),
                None => Target::Unknown,
            };
            let name = format!("{DOWNLOADS}/{prefix}{}", entry.name);
            found.push(Unfinished { name, stamp: entry.stamp, target });
        }
    }
}

/// The units of a folder under the path of a link to it.
fn second(tree: &Tree, units: &[Unit], link: &Path, path: &Path) -> Option<Unit> {
    let unit = units.iter().find(|u| u.path == path)?;
    let moved = |old: &Path| {
        old.strip_prefix(path).map_or_else(
            |_| old.to_owned(),
            |rest| if rest.as_os_str().is_empty() { link.to_owned() } else { link.join(rest) },
        )
    };
    let mut second = unit.clone();
    second.path = link.to_owned();
    second.folder = link.to_owned();
    second.source = moved(&unit.source);
    second.name = relative(tree, link);
    second.step = step(&second.name);
    second.files.iter_mut().for_each(|f| f.path = moved(&f.path));
    second.link = tree.listing(path).map(|l| l.real.clone());
    second.alias_of = Some(unit.name.clone());
    Some(second)
}
