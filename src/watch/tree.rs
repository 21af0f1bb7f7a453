//! What is under a watched folder, as it was last listed.
//!
//! A listing stats every entry of one folder once. Links are followed: a link to a folder outside the tree is a folder of the tree, a link
//! to a folder inside is recorded as a second name of it. No folder is entered twice (device and inode), none deeper than [`MAX_DEPTH`],
//! and none whose name says that it is unfinished or private (`.git`, `tmp-checkpoint-5`).

mod list;

pub(crate) use list::{Entry, EntryKind, Listing};

use crate::files::FileStamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Folders below the root that are entered, counted in levels.
pub(crate) const MAX_DEPTH: usize = 8;

/// Folders entered at most: accidentally watching `/` must end.
const MAX_FOLDERS: usize = 20_000;

/// What to list again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dirty {
    /// Everything.
    All,
    /// The folders named, by their path in the tree or by their real path. A path that is not a folder of the tree means the nearest folder
    /// above it that is.
    Folders(BTreeSet<PathBuf>),
}

/// Entries kept at most, over all folders: about 300 MB of memory.
const MAX_ENTRIES: usize = 1_000_000;

/// Folders that were added and removed by a refresh; absolute paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Listed for the first time. Changes in them between their listing and the caller's watch on them are unknown: watch them, then
    /// refresh them once more.
    pub added: Vec<PathBuf>,
    /// No longer there.
    pub removed: Vec<PathBuf>,
    /// True if [`Tree::folders`] may have changed.
    pub other_folders: bool,
}

/// Something under the root that is skipped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Absolute path.
    pub path: PathBuf,
    /// One clause.
    pub what: String,
}

/// The folders under a root, each with its entries.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    listings: BTreeMap<PathBuf, Listing>,
    /// Links to folders that are in the tree under another path: link → that path.
    second_names: BTreeMap<PathBuf, PathBuf>,
    problems: Vec<Problem>,
}

impl Tree {
    /// A tree that is not listed yet. The root need not exist yet. A relative path is taken from the current folder.
    pub fn new(root: &Path) -> Self {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { root, listings: BTreeMap::new(), second_names: BTreeMap::new(), problems: Vec::new() }
    }

    /// The watched folder, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// True if the root was a folder when it was last listed.
    pub(crate) fn exists(&self) -> bool {
        self.listings.contains_key(&self.root)
    }

    /// Lists the dirty folders again, and every folder that is new or that its parent shows to have changed.
    pub fn refresh(&mut self, dirty: &Dirty) -> Changes {
        let stale = match dirty {
            Dirty::All => None,
            Dirty::Folders(paths) => Some(self.stale(paths)),
        };
        let mut walk = Walk::new(&self.root, std::mem::take(&mut self.listings), stale);
        walk.run();
        let Walk { done, second_names, problems, old, gone, mut added, other_folders, .. } = walk;
        added.sort();
        (self.listings, self.second_names, self.problems) = (done, second_names, problems);
        let mut removed: Vec<PathBuf> = old.into_keys().chain(gone).collect();
        removed.sort();
        let other_folders = other_folders || !added.is_empty() || !removed.is_empty();
        Changes { added, removed, other_folders }
    }

    /// True if these folders, by their paths in the tree, have not changed since they were last listed.
    pub(crate) fn is_current<'p>(&self, folders: impl IntoIterator<Item = &'p Path>) -> bool {
        folders.into_iter().all(|path| {
            let known = self.listings.get(path);
            known.is_some_and(|known| Listing::read(path, &known.real).as_ref() == Some(known))
        })
    }

    /// Absolute paths of the folders to watch: every folder listed, its real path where a link led to it, and the folders that hold the
    /// targets of linked files.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        let mut seen = BTreeSet::new();
        let all = self.listings.iter().flat_map(|(path, l)| {
            [path.as_path(), l.real.as_path()].into_iter().chain(l.targets.iter().map(PathBuf::as_path))
        });
        all.filter(move |p| seen.insert(*p))
    }

    /// What is skipped: folders that cannot be listed, that are too deep or too many, names that are not UTF-8.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The listing of a folder, by its path in the tree.
    pub(crate) fn listing(&self, path: &Path) -> Option<&Listing> {
        self.listings.get(path)
    }

    /// The listing of a folder with the tree's own copy of its path. A second name of a folder finds that folder.
    pub(super) fn found(&self, path: &Path) -> Option<(&Path, &Listing)> {
        let path = self.second_names.get(path).map_or(path, PathBuf::as_path);
        self.listings.get_key_value(path).map(|(p, l)| (p.as_path(), l))
    }

    /// Every listing by path, parents before their contents.
    pub(crate) fn listings(&self) -> impl Iterator<Item = (&Path, &Listing)> {
        self.listings.iter().map(|(p, l)| (p.as_path(), l))
    }

    /// Listings of a folder and of those in it.
    pub(crate) fn below<'t>(&'t self, folder: &'t Path) -> impl Iterator<Item = (&'t Path, &'t Listing)> {
        let from = self.listings.range::<Path, _>((Bound::Included(folder), Bound::Unbounded));
        from.take_while(move |(p, _)| p.starts_with(folder)).map(|(p, l)| (p.as_path(), l))
    }

    /// Links to folders that the tree holds under another path: the link, and that path.
    pub(crate) fn second_names(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.second_names.iter().map(|(link, path)| (link.as_path(), path.as_path()))
    }

    /// An entry by its path in the tree.
    pub(crate) fn entry(&self, path: &Path) -> Option<&Entry> {
        self.listing(path.parent()?)?.entry(path.file_name()?.to_str()?)
    }

    fn stale(&self, paths: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut stale = BTreeSet::new();
        for path in paths {
            let by_target = self.listings.iter().filter(|(_, l)| l.real == *path || l.targets.contains(path));
            let before = stale.len();
            stale.extend(by_target.map(|(p, _)| p.clone()));
            let known = path.ancestors().find(|p| self.listings.contains_key(*p));
            match known {
                Some(known) if known == path || stale.len() == before => {
                    stale.insert(known.to_owned());
                }
                Some(_) => {}
                None if stale.len() == before => {
                    stale.insert(self.root.clone());
                }
                None => {}
            }
        }
        stale
    }
}

/// A folder to list.
struct PendingFolder {
    path: PathBuf,
    real: PathBuf,
    depth: usize,
    /// The folder's entry in its parent's listing.
    shown: Option<FileStamp>,
}

/// One pass over the folders.
struct Walk {
    /// The root with links resolved.
    real: PathBuf,
    old: BTreeMap<PathBuf, Listing>,
    /// `None`: everything is listed again.
    stale: Option<BTreeSet<PathBuf>>,
    done: BTreeMap<PathBuf, Listing>,
    entered: HashMap<(u64, u64), PathBuf>,
    second_names: BTreeMap<PathBuf, PathBuf>,
    problems: Vec<Problem>,
    /// Folders of `old` that were looked up and do not exist.
    gone: Vec<PathBuf>,
    /// Folders that were not there before.
    added: Vec<PathBuf>,
    /// True if link targets changed.
    other_folders: bool,
    /// Entries in all listings of `done`.
    kept: usize,
    folders: VecDeque<PendingFolder>,
    /// Links wait until every real folder is entered, so that a folder of the tree has its own path and not a link's.
    links: BTreeMap<PathBuf, PendingFolder>,
}

impl Walk {
    fn new(root: &Path, old: BTreeMap<PathBuf, Listing>, stale: Option<BTreeSet<PathBuf>>) -> Self {
        let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        Self {
            real: real.clone(),
            old,
            stale,
            done: BTreeMap::new(),
            entered: HashMap::new(),
            second_names: BTreeMap::new(),
            problems: Vec::new(),
            gone: Vec::new(),
            added: Vec::new(),
            other_folders: false,
            kept: 0,
            folders: VecDeque::from([PendingFolder { path: root.to_owned(), real, depth: 0, shown: None }]),
            links: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        loop {
            if let Some(todo) = self.folders.pop_front() {
                self.enter(todo);
            } else if let Some((_, todo)) = self.links.pop_first() {
                if self.real.starts_with(&todo.real) && self.real != todo.real {
                    let what = "a link to a folder that contains the watched folder; not followed".to_owned();
                    self.problems.push(Problem { path: todo.path, what });
                } else {
                    self.enter(todo);
                }
            } else {
                return;
            }
        }
    }

    fn enter(&mut self, todo: PendingFolder) {
        let PendingFolder { path, real, depth, shown } = todo;
        if self.done.len() >= MAX_FOLDERS || self.kept >= MAX_ENTRIES {
            let what =
                format!("more than {MAX_FOLDERS} folders or {MAX_ENTRIES} entries; this one and others are skipped");
            if !self.problems.iter().any(|p| p.what == what) {
                self.problems.push(Problem { path, what });
            }
            return;
        }
        let old = self.old.remove(&path);
        let before = old.as_ref().map(|l| (l.real.clone(), l.targets.clone()));
        let kept = old.filter(|l| {
            let fresh = self.stale.as_ref().is_some_and(|s| !s.contains(&path));
            // The parent may have been listed before this folder was: then its entry is the older of the two.
            let same = shown.is_none_or(|s| (s.dev, s.ino) == l.id && s.ctime_ns <= l.ctime_ns);
            fresh && same && l.real == real && l.error.is_none()
        });
        let Some(listing) = kept.or_else(|| Listing::read(&path, &real)) else {
            // It counts as removed.
            if before.is_some() {
                self.gone.push(path);
            }
            return;
        };
        if let Some(first) = self.entered.get(&listing.id) {
            self.second_names.insert(path.clone(), first.clone());
            if before.is_some() {
                self.gone.push(path);
            }
            return;
        }
        match before {
            None => self.added.push(path.clone()),
            Some((real, targets)) => self.other_folders |= real != listing.real || targets != listing.targets,
        }
        self.entered.insert(listing.id, path.clone());
        if let Some(what) = &listing.error {
            self.problems.push(Problem { path: path.clone(), what: what.clone() });
        }
        for entry in listing.entries.iter().filter(|e| e.kind == EntryKind::Folder && listing.enters(&path, &e.name)) {
            let below = path.join(&entry.name);
            if depth + 1 > MAX_DEPTH {
                let what = format!("more than {MAX_DEPTH} levels below the watched folder");
                self.problems.push(Problem { path: below, what });
                continue;
            }
            let real = entry.link.as_deref().map_or_else(|| real.join(&entry.name), Path::to_owned);
            let next = PendingFolder { path: below, real, depth: depth + 1, shown: Some(entry.stamp) };
            if entry.link.is_some() {
                self.links.insert(next.path.clone(), next);
            } else {
                self.folders.push_back(next);
            }
        }
        self.kept += listing.entries.len();
        self.done.insert(path, listing);
    }
}
