//! The tree of the Models tab: what the scan has found so far, in order, folded and filtered.

use crate::model::Defect;
use crate::tui::core::filter::Filter;
use crate::tui::core::{FoundModel, natural};
use crate::tui::tabs::models::{ModelOrder, ModelsState, Node, Row};
use crate::tui::view::canvas::width;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

impl ModelsState {
    /// Adds what the scan found below `root`. Cursor and folds stay as they are; a model that is known already is replaced.
    pub(crate) fn add(&mut self, root: &Path, found: Vec<FoundModel>) {
        for model in found {
            let relative = model.path.strip_prefix(root).unwrap_or(&model.path).to_owned();
            let known = self.nodes.get(&model.path).and_then(|n| n.model.as_ref()).map(|m| m.bytes);
            let mut folder = relative.parent();
            while let Some(f) = folder.filter(|f| !f.as_os_str().is_empty()) {
                let name = f.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let depth = f.iter().count() - 1;
                let node = self.nodes.entry(root.join(f)).or_insert(Node {
                    name,
                    depth,
                    model: None,
                    summary: None,
                    inspected: false,
                    bytes: 0,
                    models: 0,
                });
                node.bytes = node.bytes.saturating_sub(known.unwrap_or(0)).saturating_add(model.bytes);
                node.models += usize::from(known.is_none());
                folder = f.parent();
            }
            // The root itself is a model: it is the only line.
            let name = relative.file_name().map(|n| n.to_string_lossy().into_owned());
            let own = || root.file_name().map(|n| n.to_string_lossy().into_owned());
            let name = name.or_else(own).unwrap_or_else(|| root.display().to_string());
            let depth = relative.iter().count().saturating_sub(1);
            let (path, bytes) = (model.path.clone(), model.bytes);
            let below = self.nodes.get(&path).map_or(0, |n| n.models - usize::from(known.is_some()));
            // An opened model gives more than its header gave to the scan.
            let same = self.nodes.get(&path).filter(|n| n.model.as_ref() == Some(&model) && n.inspected);
            let inspected = same.is_some();
            let summary = same.and_then(|n| n.summary.clone()).or_else(|| Some(model.summary.clone()));
            let word = model.defect.map_or(0, |d| d.word().len() + 1);
            let columns = 2 * depth + width(&name) + word;
            self.widest = self.widest.max(columns.try_into().unwrap_or(u16::MAX));
            let node = Node { name, depth, model: Some(model), summary, inspected, bytes, models: below + 1 };
            self.nodes.insert(path, node);
        }
        self.refresh();
    }

    /// Recomputes the visible lines; keeps the selection on a visible line.
    pub(crate) fn refresh(&mut self) {
        let filter = Filter::parse(&self.filter);
        let mut shown: HashMap<&Path, Vec<usize>> = HashMap::new();
        for (path, node) in &self.nodes {
            if node.model.is_none() && filter.is_empty() {
                shown.entry(path).or_default();
            } else if node.model.is_some()
                && let Some(hits) = self.hits(path, node, &filter)
            {
                shown.insert(path, hits);
                for parent in path.ancestors().skip(1) {
                    if let Some((parent, node)) = self.nodes.get_key_value(parent) {
                        shown.entry(parent).or_insert_with(|| filter.places(&node.name));
                    }
                }
            }
        }
        let mut children: HashMap<Option<&Path>, Vec<&Path>> = HashMap::new();
        for path in shown.keys().copied() {
            let parent = path.parent().filter(|p| self.nodes.contains_key(*p));
            children.entry(parent).or_default().push(path);
        }
        // Folders before models, then by the measure, then by name with numbers by value.
        let measures = self.measures();
        let key = |p: &Path| self.nodes.get(p).map_or((true, ""), |n| (n.model.is_some(), n.name.as_str()));
        let measure = |p: &Path| Reverse(measures.get(p).copied().unwrap_or(0));
        for paths in children.values_mut() {
            paths.sort_by(|a, b| {
                let ((model_a, name_a), (model_b, name_b)) = (key(a), key(b));
                let measured = || measure(a).cmp(&measure(b));
                model_a.cmp(&model_b).then_with(measured).then_with(|| natural(name_a, name_b))
            });
        }
        let mut rows = Vec::with_capacity(shown.len());
        let mut todo: Vec<&Path> = children.remove(&None).unwrap_or_default();
        todo.reverse();
        while let Some(path) = todo.pop() {
            let open = !filter.is_empty() || !self.closed.contains(path);
            rows.push(Row { path: path.to_owned(), open, hits: shown.remove(path).unwrap_or_default() });
            if open {
                todo.extend(children.remove(&Some(path)).unwrap_or_default().into_iter().rev());
            }
        }
        self.rows = rows;
        self.keep_selection();
    }

    /// What the order goes by, of models and of folders; nothing for the order by name.
    fn measures(&self) -> HashMap<&Path, u64> {
        let mut all: HashMap<&Path, u64> = HashMap::new();
        let params = |n: &Node| n.summary.as_ref().and_then(|s| s.as_ref().ok()).map_or(0, |s| s.params);
        for (path, node) in &self.nodes {
            let Some(model) = &node.model else { continue };
            let own = match self.order {
                ModelOrder::Name => return HashMap::new(),
                ModelOrder::Size => model.bytes,
                ModelOrder::Date => model.modified.try_into().unwrap_or(0),
                ModelOrder::Parameters => params(node),
            };
            for at in path.ancestors() {
                let Some((at, _)) = self.nodes.get_key_value(at) else { continue };
                let of = all.entry(at).or_default();
                *of = if self.order == ModelOrder::Date { own.max(*of) } else { own.saturating_add(*of) };
            }
        }
        all
    }

    /// The characters of a model's name that the filter matches; nothing where a word matches neither name, path, format,
    /// architecture, type nor the word for a defect.
    fn hits(&self, path: &Path, node: &Node, filter: &Filter) -> Option<Vec<usize>> {
        let relative = relative(path, node);
        let mut facts: Vec<&str> = Vec::new();
        if let Some(Ok(s)) = &node.summary {
            facts.push(&s.dtype);
            facts.extend(s.architecture.as_deref());
        }
        let model = node.model.as_ref();
        facts.extend(model.and_then(|m| m.format).map(|f| f.name()));
        facts.extend(model.and_then(|m| m.defect).map(Defect::word));
        filter.hits(&[&node.name, &relative], &facts)
    }

    /// Selects the model that fits the filter best; of several that fit as well, the selected one, then the one with the shortest name.
    pub(crate) fn select_best(&mut self) {
        let filter = Filter::parse(&self.filter);
        let cost = |row: &Row| {
            let node = self.nodes.get(&row.path).filter(|n| n.model.is_some())?;
            let other = self.selected.as_ref() != Some(&row.path);
            Some((filter.cost(&node.name, &relative(&row.path, node)), other, node.name.len()))
        };
        let rows = self.rows.iter().enumerate().filter_map(|(at, row)| Some((cost(row)?, at)));
        if let Some((_, at)) = rows.min().filter(|_| !filter.is_empty()) {
            self.select(at);
        }
    }

    /// The nearest visible parent, else the first model, else the first line.
    fn keep_selection(&mut self) {
        let at = |path: &Path| self.rows.iter().position(|r| r.path == path);
        if self.selected.as_deref().is_some_and(|s| at(s).is_some()) {
            return;
        }
        let parent = self.selected.as_deref().and_then(|s| s.ancestors().find_map(at));
        let first = || self.rows.iter().position(|r| self.nodes.get(&r.path).is_some_and(|n| n.model.is_some()));
        let to = parent.or_else(first).unwrap_or(0);
        self.selected = self.rows.get(to).map(|r: &Row| -> PathBuf { r.path.clone() });
    }
}

/// The path of a node, counted from the folder that was scanned.
fn relative(path: &Path, node: &Node) -> String {
    let parts: Vec<&str> = path.ancestors().take(node.depth + 1).filter_map(|p| p.file_name()?.to_str()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::super::model_info::Summary;
    use super::*;
    use crate::model::FormatId;

    fn found(path: &str, bytes: u64) -> FoundModel {
        FoundModel {
            path: path.into(),
            format: Some(FormatId::Gguf),
            bytes,
            modified: 0,
            defect: None,
            summary: Ok(Summary::default()),
        }
    }

    fn names(m: &ModelsState) -> Vec<&str> {
        m.rows().iter().map(|r| m.node_at(&r.path).unwrap().name.as_str()).collect()
    }

    #[test]
    fn batches_in_any_order_give_the_same_tree_and_leave_the_cursor() {
        let all = ["/r/b/x.gguf", "/r/a/z.gguf", "/r/a/c/y.gguf", "/r/m.gguf"];
        let (mut once, mut bits) = (ModelsState::default(), ModelsState::default());
        once.add(Path::new("/r"), all.iter().map(|p| found(p, 5)).collect());
        bits.add(Path::new("/r"), vec![found(all[3], 5)]);
        bits.set_open(Path::new("/r/a"), false);
        for path in &all[..3] {
            bits.add(Path::new("/r"), vec![found(path, 5)]);
        }
        assert_eq!(bits.selected.as_deref(), Some(Path::new("/r/m.gguf")), "where it was when the first came");
        assert_eq!(names(&bits), ["a", "b", "x.gguf", "m.gguf"], "a folder closed beforehand stays closed");
        bits.set_open(Path::new("/r/a"), true);
        assert_eq!(names(&bits), names(&once));
        assert_eq!(names(&bits), ["a", "c", "y.gguf", "z.gguf", "b", "x.gguf", "m.gguf"]);
    }

    #[test]
    fn a_model_told_twice_counts_once() {
        let mut m = ModelsState::default();
        m.add(Path::new("/r"), vec![found("/r/a/x.gguf", 5)]);
        m.add(Path::new("/r"), vec![found("/r/a/x.gguf", 7)]);
        let folder = m.node_at(Path::new("/r/a")).unwrap();
        assert_eq!((folder.models, folder.bytes, m.count()), (1, 7, 1));
    }

    #[test]
    fn the_cursor_goes_to_the_best_match_and_to_a_model_before_a_folder() {
        let mut m = ModelsState::default();
        let paths = ["/r/gpt2/model.bin", "/r/old/g.whisper.p.t.2.bin", "/r/old/r.f.b.bin", "/r/version-RFB-320.bin"];
        m.add(Path::new("/r"), paths.map(|p| found(p, 1)).into());
        for (filter, best) in [("RFB", "/r/version-RFB-320.bin"), ("gpt2", "/r/gpt2/model.bin")] {
            m.filter = filter.into();
            m.refresh();
            m.select_best();
            assert_eq!(m.selected.as_deref(), Some(Path::new(best)), "{filter}");
        }
    }

    #[test]
    fn the_filter_is_fuzzy_marks_its_hits_and_keeps_parents() {
        let mut m = ModelsState::default();
        m.add(Path::new("/r"), ["/r/exp/checkpoint-20", "/r/exp/final", "/r/other"].map(|p| found(p, 1)).into());
        m.filter = "cp20".into();
        m.refresh();
        assert_eq!(names(&m), ["exp", "checkpoint-20"]);
        assert_eq!(m.rows()[1].hits, [0, 5, 11, 12]);
        m.filter = "exp fin".into();
        m.refresh();
        assert_eq!(names(&m), ["exp", "final"], "each word, in the name or on the way to it");
        m.filter = "gguf".into();
        m.refresh();
        assert_eq!(m.rows().len(), 4, "by format");
    }
}
