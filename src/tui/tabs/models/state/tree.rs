//! The tree of the Models tab: what the scan has found so far, in order, folded and filtered.

use crate::tui::core::fuzzy::fit;
use crate::tui::core::{FoundModel, natural};
use crate::tui::tabs::models::{ModelsState, Node, Row};
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
                    bytes: 0,
                    models: 0,
                });
                node.bytes = node.bytes.saturating_sub(known.unwrap_or(0)).saturating_add(model.bytes);
                node.models += usize::from(known.is_none());
                folder = f.parent();
            }
            // The root itself is a model: it is the only line.
            let name = relative.file_name().map(|n| n.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| root.display().to_string());
            let depth = relative.iter().count().saturating_sub(1);
            let (path, bytes) = (model.path.clone(), model.bytes);
            let below = self.nodes.get(&path).map_or(0, |n| n.models - usize::from(known.is_some()));
            // An opened model gives more than its header gave to the scan.
            let same =
                self.nodes.get(&path).filter(|n| n.model.as_ref() == Some(&model)).and_then(|n| n.summary.clone());
            let summary = same.or_else(|| Some(model.summary.clone()));
            let node = Node { name, depth, model: Some(model), summary, bytes, models: below + 1 };
            self.nodes.insert(path, node);
        }
        self.refresh();
    }

    /// Recomputes the visible lines; keeps the selection on a visible line.
    pub(crate) fn refresh(&mut self) {
        let words: Vec<&str> = self.filter.split_whitespace().collect();
        let mut shown: HashMap<&Path, Vec<usize>> = HashMap::new();
        for (path, node) in &self.nodes {
            if node.model.is_none() && words.is_empty() {
                shown.entry(path).or_default();
            } else if node.model.is_some()
                && let Some(hits) = self.hits(path, node, &words)
            {
                shown.insert(path, hits);
                for parent in path.ancestors().skip(1) {
                    if let Some((parent, node)) = self.nodes.get_key_value(parent) {
                        let hits = words.iter().filter_map(|w| Some(fit(&node.name, w)?.positions)).flatten();
                        shown.entry(parent).or_insert_with(|| hits.collect());
                    }
                }
            }
        }
        let mut children: HashMap<Option<&Path>, Vec<&Path>> = HashMap::new();
        for path in shown.keys().copied() {
            let parent = path.parent().filter(|p| self.nodes.contains_key(*p));
            children.entry(parent).or_default().push(path);
        }
        // Folders before models, then by name with numbers by value.
        let key = |p: &Path| self.nodes.get(p).map_or((true, ""), |n| (n.model.is_some(), n.name.as_str()));
        for paths in children.values_mut() {
            paths.sort_by(|a, b| {
                let ((model_a, a), (model_b, b)) = (key(a), key(b));
                model_a.cmp(&model_b).then_with(|| natural(a, b))
            });
        }
        let mut rows = Vec::with_capacity(shown.len());
        let mut todo: Vec<&Path> = children.remove(&None).unwrap_or_default();
        todo.reverse();
        while let Some(path) = todo.pop() {
            let open = !words.is_empty() || !self.closed.contains(path);
            rows.push(Row { path: path.to_owned(), open, hits: shown.remove(path).unwrap_or_default() });
            if open {
                todo.extend(children.remove(&Some(path)).unwrap_or_default().into_iter().rev());
            }
        }
        self.rows = rows;
        self.keep_selection();
    }

    /// The characters of a model's name that the words match; nothing where a word matches neither name, path, format,
    /// architecture nor type.
    fn hits(&self, path: &Path, node: &Node, words: &[&str]) -> Option<Vec<usize>> {
        let mut hits = Vec::new();
        for word in words {
            let fact = |text: &str| text.to_lowercase().contains(&word.to_lowercase());
            if let Some(fit) = fit(&node.name, word) {
                hits.extend(fit.positions);
            } else {
                let parts: Vec<&str> =
                    path.ancestors().take(node.depth + 1).filter_map(|p| p.file_name()?.to_str()).collect();
                let relative: Vec<&str> = parts.into_iter().rev().collect();
                let facts = match &node.summary {
                    Some(Ok(s)) => fact(&s.dtype) || s.architecture.as_deref().is_some_and(fact),
                    _ => false,
                };
                if !facts && !node.model.as_ref().and_then(|m| m.format).is_some_and(|f| fact(f.name())) {
                    fit(&relative.join("/"), word)?;
                }
            }
        }
        Some(hits)
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

#[cfg(test)]
mod tests {
    use super::super::model_info::Summary;
    use super::*;
    use crate::model::FormatId;

    fn found(path: &str, bytes: u64) -> FoundModel {
        FoundModel { path: path.into(), format: Some(FormatId::Gguf), bytes, summary: Ok(Summary::default()) }
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
