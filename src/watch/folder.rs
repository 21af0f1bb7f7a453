//! What a family sees of a folder, and what it claims from it.

use super::temporary::{Temporary, temporary};
use super::tree::{Entry, EntryKind, Listing, Tree};
use super::unit::FileRole;
use crate::formats;
use crate::formats::hf::SIDECARS;
use std::collections::HashSet;
use std::path::Path;

/// The folder where transformers 4.51 and later keep chat templates that have names.
const TEMPLATES: &str = "additional_chat_templates";

/// A folder as a family sees it: without what earlier families claimed.
#[derive(Clone, Copy)]
pub struct Folder<'t> {
    tree: &'t Tree,
    path: &'t Path,
    listing: &'t Listing,
    taken: Option<&'t HashSet<String>>,
}

impl<'t> Folder<'t> {
    /// The folder at `path`, without the names in `taken`.
    pub(crate) fn new(tree: &'t Tree, path: &'t Path, listing: &'t Listing, taken: &'t HashSet<String>) -> Self {
        Self { tree, path, listing, taken: Some(taken).filter(|t| !t.is_empty()) }
    }

    /// Its own name; empty for `/`.
    pub(crate) fn name(&self) -> &'t str {
        self.path.file_name().and_then(|n| n.to_str()).unwrap_or("")
    }

    /// Its path in the tree.
    pub(crate) fn path(&self) -> &'t Path {
        self.path
    }

    /// Its regular files, by name, without names of unfinished work.
    pub(crate) fn files(&self) -> impl Iterator<Item = &'t Entry> + use<'t> {
        let taken = self.taken;
        let free = move |e: &&Entry| taken.is_none_or(|t| !t.contains(&e.name));
        self.listing.entries.iter().filter(|e| e.kind == EntryKind::File && !e.unfinished).filter(free)
    }

    /// Names of its regular files.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.files().map(|e| e.name.as_str())
    }

    /// The regular file of that name.
    pub(crate) fn file(&self, name: &str) -> Option<&'t Entry> {
        let free = self.taken.is_none_or(|t| !t.contains(name));
        self.listing.entry(name).filter(|e| free && e.kind == EntryKind::File)
    }

    /// The regular file of that name, claimed or not.
    pub(crate) fn any_file(&self, name: &str) -> Option<&'t Entry> {
        self.listing.entry(name).filter(|e| e.kind == EntryKind::File)
    }

    /// True if there is a regular file of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name).is_some()
    }

    /// True if there is anything of that name, claimed or not.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.listing.entry(name).is_some()
    }

    /// True if the name of a regular file fits.
    pub(crate) fn any(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.names().any(fits)
    }

    /// Names of unfinished work in it.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (&'t Entry, Temporary<'t>)> + use<'t> {
        let taken = self.taken;
        let free = move |e: &&Entry| taken.is_none_or(|t| !t.contains(&e.name));
        let files = self.listing.entries.iter().filter(|e| e.kind == EntryKind::File && e.unfinished).filter(free);
        files.filter_map(|e| temporary(&e.name).map(|t| (e, t)))
    }

    /// True if it holds a name of unfinished work.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.listing.unfinished
    }

    /// Names of all regular files, finished or not.
    fn everything(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.listing.entries.iter().filter(|e| e.kind == EntryKind::File).map(|e| e.name.as_str())
    }

    /// The folders in it that were listed.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Folder<'t>> + use<'t> {
        let (tree, path) = (self.tree, self.path);
        let inner = self.listing.entries.iter().filter(|e| e.kind == EntryKind::Folder);
        inner.filter_map(move |e| Self::at(tree, &path.join(&e.name)))
    }

    /// The folder of that name in it.
    pub(crate) fn folder(&self, name: &str) -> Option<Folder<'t>> {
        Self::at(self.tree, &self.path.join(name))
    }

    /// Its parent folder, unless it is the root.
    pub(crate) fn parent(&self) -> Option<Folder<'t>> {
        Self::at(self.tree, self.path.parent()?)
    }

    fn at(tree: &'t Tree, path: &Path) -> Option<Folder<'t>> {
        let (path, listing) = tree.found(path)?;
        Some(Folder { tree, path, listing, taken: None })
    }

    /// Names of the files in it that are kept beside weights: configuration, tokenizer, templates.
    pub(crate) fn sidecars(&self) -> impl Iterator<Item = String> + use<'t> {
        let (inner, own): (Vec<&'static str>, Vec<&'static str>) =
            SIDECARS.iter().copied().partition(|n| n.contains('/'));
        let this = *self;
        let deep = inner.into_iter().filter(move |n| this.deep(n)).map(str::to_owned);
        let templates = this.folder(TEMPLATES);
        let templates = templates.into_iter().flat_map(|f| f.names()).filter(|n| n.ends_with(".jinja"));
        let own = own.into_iter().filter(move |n| this.has(n)).map(str::to_owned);
        own.chain(deep).chain(templates.map(|n| format!("{TEMPLATES}/{n}")))
    }

    fn deep(&self, relative: &str) -> bool {
        relative.split_once('/').is_some_and(|(folder, name)| self.folder(folder).is_some_and(|f| f.has(name)))
    }
}

/// What a family says is one unit.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// The file that is the unit; `None` for the folder itself. It may not exist (the first shard of a set).
    pub file: Option<String>,
    /// What a conversion opens, if that is not the unit's path: a file in the folder.
    pub opens: Option<String>,
    /// Paths relative to the folder, each with its role in the unit. May name files that do not exist.
    pub files: Vec<(String, FileRole)>,
    /// Other names in the folder that later families do not see.
    pub hides: Vec<String>,
    /// Subfolders that belong to the unit and are not searched for other units; `None` for all of them.
    pub inside: Option<Vec<String>>,
}

impl Claim {
    /// The folder itself, with every file in it except self-contained ones; subfolders may be separate units.
    pub(crate) fn folder(folder: &Folder<'_>) -> Self {
        let hides = folder.everything().filter(|n| !formats::is_self_contained(n)).map(str::to_owned).collect();
        Self { hides, inside: Some(Vec::new()), ..Self::default() }
    }

    /// The folder itself with everything in it.
    pub(crate) fn all_of(folder: &Folder<'_>) -> Self {
        Self { hides: folder.everything().map(str::to_owned).collect(), inside: None, ..Self::default() }
    }

    /// A file of the folder.
    pub(crate) fn file(name: &str) -> Self {
        let files = vec![(name.to_owned(), FileRole::Weights)];
        Self { file: Some(name.to_owned()), files, inside: Some(Vec::new()), ..Self::default() }
    }

    /// Adds files of one role.
    #[must_use]
    pub(crate) fn with<S: Into<String>>(mut self, role: FileRole, names: impl IntoIterator<Item = S>) -> Self {
        self.files.extend(names.into_iter().map(|n| (n.into(), role)));
        self
    }

    /// Sets what a conversion opens.
    #[must_use]
    pub(crate) fn opening(mut self, name: &str) -> Self {
        self.opens = Some(name.to_owned());
        self
    }

    /// Sets which subfolders belong to it.
    #[must_use]
    pub(crate) fn owning<S: Into<String>>(mut self, folders: impl IntoIterator<Item = S>) -> Self {
        self.inside.get_or_insert_default().extend(folders.into_iter().map(Into::into));
        self
    }
}
