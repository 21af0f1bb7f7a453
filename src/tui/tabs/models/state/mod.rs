//! The Models tab: the tree of what the scan found, and the details of the selected model.

pub(super) mod files;
pub(super) mod inspect;
pub(super) mod model_info;
pub(super) mod reading;
mod remedies;
mod tree;

use super::{Inspect, ModelInfo, Prompt, Summary, TensorHit, TensorRow};
use crate::tui::core::filter::Filter;
use crate::tui::core::fuzzy::passes;
use crate::tui::core::{ErrorCard, Focus, FoundModel, LineEdit, natural};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder or model of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// Last part of its path, relative to the parent shown.
    pub name: String,
    /// Depth below the root, from 0.
    pub depth: usize,
    /// The model, or nothing for a folder.
    pub model: Option<FoundModel>,
    /// What its headers say, once read.
    pub summary: Option<Result<Summary, ErrorCard>>,
    /// It was opened, and not only found by the scan: a sign beside it is the result of looking at it.
    pub inspected: bool,
    /// Bytes of all models below.
    pub bytes: u64,
    /// Models below.
    pub models: usize,
}

/// One visible line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its path.
    pub path: PathBuf,
    /// True for a folder that shows its children.
    pub open: bool,
    /// Characters of its name that the filter matched.
    pub hits: Vec<usize>,
}

/// Sections of the details pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the sections' titles")]
pub enum Section {
    #[default]
    Info,
    Tensors,
    Metadata,
    Tokenizer,
    Files,
    Health,
}

impl Section {
    /// All, in order.
    pub const ALL: [Self; 6] = [Self::Info, Self::Tensors, Self::Metadata, Self::Tokenizer, Self::Files, Self::Health];

    /// Its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Tensors => "Tensors",
            Self::Metadata => "Metadata",
            Self::Tokenizer => "Tokenizer",
            Self::Files => "Files",
            Self::Health => "Health",
        }
    }
}

/// Order of the tensor table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TensorSort {
    /// As in the file.
    #[default]
    File,
    /// Largest first.
    Size,
    /// By name, numbers by value.
    Name,
    /// By encoding.
    Type,
}

impl TensorSort {
    /// Its name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::File => "file order",
            Self::Size => "size",
            Self::Name => "name",
            Self::Type => "type",
        }
    }

    /// The one after it.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self {
            Self::File => Self::Size,
            Self::Size => Self::Name,
            Self::Name => Self::Type,
            Self::Type => Self::File,
        }
    }
}

/// Order of the models within their folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelOrder {
    /// By name, numbers by value.
    #[default]
    Name,
    /// Largest first.
    Size,
    /// Newest first.
    Date,
    /// Most parameters first.
    Parameters,
}

impl ModelOrder {
    /// All, in the order in which a key goes through them.
    pub(crate) const ALL: [Self; 4] = [Self::Name, Self::Size, Self::Date, Self::Parameters];

    /// Its name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Date => "date",
            Self::Parameters => "parameters",
        }
    }

    /// The one after it.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|o| *o == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// The details pane.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// Section shown.
    pub section: Section,
    /// Selected row of the section's list.
    pub row: usize,
    /// Order of the tensor table.
    pub sort: TensorSort,
    /// Turned round.
    pub reverse: bool,
    /// Filter of the tensor table and the metadata.
    pub filter: String,
    /// The tensor table as it was last: filtering and sorting thousands is not for every frame.
    table: Option<(TableKey, Arc<[usize]>)>,
}

/// What the rows of the tensor table depend on.
type TableKey = (PathBuf, usize, TensorSort, bool, String);

/// The Models tab.
#[derive(Clone, Debug, Default)]
pub struct ModelsState {
    pub(super) nodes: BTreeMap<PathBuf, Node>,
    pub(super) closed: BTreeSet<PathBuf>,
    pub(super) rows: Vec<Row>,
    /// Path of the selected line.
    pub selected: Option<PathBuf>,
    /// Models marked for a comparison, in the order they were marked.
    pub marked: Vec<PathBuf>,
    /// Filter of the tree.
    pub filter: String,
    /// Order of the models within their folders.
    pub order: ModelOrder,
    /// What the line being edited is for.
    pub prompt: Prompt,
    /// Tensors that were looked for in all models, as they are found; the number of the search, and how many models are done.
    pub found: TensorSearch,
    /// A text that was asked for and is shown when it comes.
    pub wanted_text: Option<String>,
    /// A tensor to be selected as soon as its model is open.
    pub wanted_tensor: Option<(PathBuf, String)>,
    /// True while the scan runs.
    pub scanning: bool,
    /// When it was last looked whether files that were being written are complete now.
    pub looked_again: Option<jiff::Timestamp>,
    /// Columns of the widest name with what is before and behind it.
    pub(super) widest: u16,
    /// Pane with the keys.
    pub focus: Focus,
    /// One pane over the whole width.
    pub zoom: bool,
    /// The details pane.
    pub details: Details,
    /// A line being edited: the filter of the focused pane.
    pub editing: Option<LineEdit>,
    /// What was typed last in a line, and what for: it is asked for again if it is refused.
    pub(crate) typed: Option<(Prompt, String)>,
    /// The text that models were measured on last, as it was typed. One that was refused is none.
    pub measured_on: String,
    /// Names that may follow what was typed as the path of a text.
    pub names: Vec<String>,
    /// What is known beyond headers.
    pub inspect: Inspect,
    /// What was opened lately, newest last; the details of a model come from here.
    pub opened: Vec<(PathBuf, Result<Arc<ModelInfo>, ErrorCard>)>,
}

/// A search for a tensor in all models.
#[derive(Clone, Debug, Default)]
pub struct TensorSearch {
    /// Number of the latest search.
    pub request: u64,
    /// What was found so far.
    pub hits: Vec<TensorHit>,
    /// What is looked for.
    pub query: String,
}

/// Models kept open for the details pane.
const KEEP_OPEN: usize = 24;

impl ModelsState {
    /// The start: nothing found yet, the scan on its way.
    pub(crate) fn scanning() -> Self {
        Self { scanning: true, ..Self::default() }
    }

    /// Forgets the tree before a new scan; what was selected stays selected when it is found again.
    pub(crate) fn start_scan(&mut self) {
        self.nodes.clear();
        self.rows.clear();
        self.widest = 0;
        self.opened.clear();
        self.inspect.forget();
        self.scanning = true;
    }

    /// Forgets what is known of files that were rewritten.
    pub(crate) fn forget_files(&mut self, made: impl Fn(&Path) -> bool) {
        let remade: Vec<PathBuf> = self.nodes.keys().filter(|p| made(p)).cloned().collect();
        self.opened.retain(|(path, _)| !remade.contains(path));
        remade.iter().for_each(|path| self.inspect.forget_file(path));
    }

    /// Takes marks from what the scan has not found again.
    pub(crate) fn keep_marks(&mut self) {
        let nodes = &self.nodes;
        self.marked.retain(|p| nodes.get(p).is_some_and(|n| n.model.is_some()));
    }

    /// Keeps an opened model.
    pub(crate) fn keep(&mut self, path: PathBuf, info: Result<Arc<ModelInfo>, ErrorCard>) {
        self.opened.retain(|(p, _)| *p != path);
        if self.opened.len() >= KEEP_OPEN {
            drop(self.opened.remove(0));
        }
        if let Some(node) = self.nodes.get_mut(&path) {
            node.inspected = true;
            node.summary = Some(info.as_ref().map(|i| i.summary.clone()).map_err(Clone::clone));
        }
        self.opened.push((path, info));
    }

    /// What was opened at this path.
    pub(crate) fn info(&self, path: &Path) -> Option<&Result<Arc<ModelInfo>, ErrorCard>> {
        self.opened.iter().find(|(p, _)| p == path).map(|(_, i)| i)
    }

    /// The details of the selected model, if it is open and sound.
    pub fn current(&self) -> Option<&Arc<ModelInfo>> {
        self.info(self.selected.as_deref()?)?.as_ref().ok()
    }

    /// The selected line's node.
    pub fn node(&self) -> Option<&Node> {
        self.nodes.get(self.selected.as_ref()?)
    }

    /// The selected model, or the readable models of the selected folder: of those, the ones that pass the filter.
    pub(crate) fn here(&self) -> Vec<PathBuf> {
        let Some((path, node)) = self.selected.as_ref().zip(self.node()) else { return Vec::new() };
        if node.model.is_some() {
            return vec![path.clone()];
        }
        let sound = |(p, n): &(&PathBuf, &Node)| p.starts_with(path) && matches!(n.summary, Some(Ok(_)));
        let shown: Option<BTreeSet<&PathBuf>> =
            (!self.filter.is_empty()).then(|| self.rows.iter().map(|r| &r.path).collect());
        let passes = |(p, _): &(&PathBuf, &Node)| shown.as_ref().is_none_or(|shown| shown.contains(p));
        let models = self.nodes.iter().filter(|(_, n)| n.model.is_some());
        models.filter(sound).filter(passes).map(|(p, _)| p.clone()).collect()
    }

    /// Marked models that the filter hides.
    pub(crate) fn hidden_marks(&self) -> usize {
        if self.filter.is_empty() {
            return 0;
        }
        self.marked.iter().filter(|p| self.rows.iter().all(|r| r.path != **p)).count()
    }

    /// The node of a path.
    pub fn node_at(&self, path: &Path) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Visible lines.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The models found, by path.
    pub fn found(&self) -> impl Iterator<Item = (&PathBuf, &FoundModel)> {
        self.nodes.iter().filter_map(|(p, n)| Some((p, n.model.as_ref()?)))
    }

    /// Number of models found.
    pub(crate) fn count(&self) -> usize {
        self.nodes.values().filter(|n| n.model.is_some()).count()
    }

    /// Place of the selected line among the visible ones.
    pub fn cursor(&self) -> usize {
        let at = self.selected.as_ref().and_then(|s| self.rows.iter().position(|r| r.path == *s));
        at.unwrap_or(0)
    }

    /// Selects a visible line.
    pub(crate) fn select(&mut self, at: usize) {
        if let Some(row) = self.rows.get(at.min(self.rows.len().saturating_sub(1))) {
            if self.selected.as_ref() != Some(&row.path) {
                self.details.row = 0;
                self.inspect.reading = None;
            }
            self.selected = Some(row.path.clone());
        }
    }

    /// Shows or hides a folder's children.
    pub(crate) fn set_open(&mut self, path: &Path, open: bool) {
        if open {
            self.closed.remove(path);
        } else {
            self.closed.insert(path.to_owned());
        }
        self.refresh();
    }

    /// The folders that hide their children.
    pub(crate) fn closed(&self) -> impl Iterator<Item = &Path> {
        self.closed.iter().map(PathBuf::as_path)
    }

    /// Sets the folders that hide their children, before anything is found: there are no lines to recompute.
    pub(crate) fn set_closed(&mut self, folders: impl Iterator<Item = PathBuf>) {
        self.closed = folders.collect();
    }

    /// True if the folder shows its children.
    pub fn is_open(&self, path: &Path) -> bool {
        !self.closed.contains(path)
    }

    /// The tensors the table shows, filtered and sorted: indexes into the model's tensors.
    pub fn tensor_rows(&self, info: &ModelInfo) -> Arc<[usize]> {
        match &self.details.table {
            Some((key, rows)) if *key == self.table_key(info) => rows.clone(),
            _ => self.make_table(info).into(),
        }
    }

    /// Rebuilds the tensor table if its inputs have changed, and goes to the tensor that was looked for.
    pub(super) fn settle(&mut self) {
        self.settle_table();
        let here = |(path, _): &&(PathBuf, String)| self.current().is_some_and(|i| i.path == *path);
        if let Some((_, name)) = self.wanted_tensor.as_ref().filter(here).cloned()
            && let Some(info) = self.current().cloned()
        {
            let rows = self.tensor_rows(&info);
            self.details.row = rows.iter().position(|i| info.tensors[*i].name == name).unwrap_or(0);
            self.wanted_tensor = None;
        }
    }

    fn settle_table(&mut self) {
        let Some(info) = self.current().filter(|_| self.details.section == Section::Tensors).cloned() else { return };
        let key = self.table_key(&info);
        if self.details.table.as_ref().is_none_or(|(k, _)| *k != key) {
            self.details.table = Some((key, self.make_table(&info).into()));
        }
    }

    fn table_key(&self, info: &ModelInfo) -> TableKey {
        let d = &self.details;
        (info.path.clone(), info.tensors.len(), d.sort, d.reverse, d.filter.clone())
    }

    fn make_table(&self, info: &ModelInfo) -> Vec<usize> {
        let filter = Filter::parse(&self.details.filter);
        let fits = |t: &TensorRow| passes(&filter, &t.name, t.role, std::iter::once(t.encoding));
        let mut rows: Vec<usize> = (0..info.tensors.len()).filter(|i| fits(&info.tensors[*i])).collect();
        let t = |i: &usize| &info.tensors[*i];
        match self.details.sort {
            TensorSort::File => {}
            TensorSort::Size => rows.sort_by_key(|i| std::cmp::Reverse(t(i).bytes)),
            TensorSort::Name => rows.sort_by(|a, b| natural(&t(a).name, &t(b).name)),
            TensorSort::Type => rows.sort_by(|a, b| t(a).encoding.cmp(t(b).encoding)),
        }
        if self.details.reverse {
            rows.reverse();
        }
        rows
    }

    /// Lines of the metadata that pass the filter.
    pub(crate) fn metadata_rows(&self, info: &ModelInfo) -> Vec<usize> {
        let filter = Filter::parse(&self.details.filter);
        let fits = |(k, _, v): &(String, String, String)| filter.passes_text(&[k], &[], &[v]);
        (0..info.metadata.len()).filter(|i| fits(&info.metadata[*i])).collect()
    }

    /// Number of lines of the section shown.
    pub fn section_len(&self) -> usize {
        let Some(info) = self.current() else { return 0 };
        match self.details.section {
            Section::Info => info.kinds.len(),
            Section::Tensors => self.tensor_rows(info).len(),
            Section::Metadata => self.metadata_rows(info).len(),
            Section::Tokenizer => info.tokenizer.len(),
            Section::Files => info.files.len(),
            Section::Health => info.health.len() + self.inspect.check_of(&info.path).map_or(0, |c| c.findings.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;

    fn tree(paths: &[&str]) -> ModelsState {
        let mut m = ModelsState::default();
        let found = paths.iter().map(|p| FoundModel {
            path: p.into(),
            format: Some(FormatId::Gguf),
            bytes: 10,
            modified: 0,
            defect: None,
            summary: Ok(Summary::default()),
        });
        m.add(Path::new("/r"), found.collect());
        m
    }

    fn names(m: &ModelsState) -> Vec<String> {
        m.rows().iter().map(|r| m.node_at(&r.path).unwrap().name.clone()).collect()
    }

    #[test]
    fn folders_come_first_and_numbers_count() {
        let m = tree(&["/r/z.gguf", "/r/exp/checkpoint-1000", "/r/exp/checkpoint-500", "/r/a.gguf"]);
        assert_eq!(names(&m), ["exp", "checkpoint-500", "checkpoint-1000", "a.gguf", "z.gguf"]);
        assert_eq!(m.node_at(Path::new("/r/exp")).unwrap().bytes, 20);
        assert_eq!(m.selected.as_deref(), Some(Path::new("/r/exp/checkpoint-500")), "a model, not a folder");
    }

    #[test]
    fn closing_a_folder_keeps_a_visible_selection() {
        let mut m = tree(&["/r/a/b/x.gguf", "/r/a/y.gguf"]);
        m.selected = Some("/r/a/b/x.gguf".into());
        m.set_open(Path::new("/r/a"), false);
        assert_eq!(names(&m), ["a"]);
        assert_eq!(m.selected.as_deref(), Some(Path::new("/r/a")));
        m.filter = "x".into();
        m.refresh();
        assert_eq!(names(&m), ["a", "b", "x.gguf"], "a filter looks into closed folders");
    }

    #[test]
    fn the_root_may_be_the_model() {
        let m = tree(&["/r"]);
        assert_eq!(names(&m), ["r"]);
    }
}
