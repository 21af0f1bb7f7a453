//! Names for every tensor below a value: dict keys and list indices joined with dots, modules as their state dict.

use super::unread::{self, Unread};
use crate::formats::pytorch::limits::{MAX_DEPTH, MAX_NAME_BYTES, MAX_NAMES_BYTES, MAX_TENSORS, MAX_VISITS};
use crate::formats::pytorch::pickle::{Node, NodeId, Opaque, TensorRef, Tree, printable};
use crate::model::{ModelError, Result};
use std::collections::{HashMap, HashSet};

/// The tensors below some values.
#[derive(Default)]
pub(crate) struct Flat<'t> {
    /// Name and tensor, in the order of the file.
    pub tensors: Vec<(String, &'t TensorRef)>,
    /// Values in place of tensors that cannot be read.
    pub refused: Vec<Unread>,
    visits: u64,
    name_bytes: usize,
}

impl<'t> Flat<'t> {
    /// Forgets what was found and keeps counting visits: for several searches under one bound.
    pub(crate) fn clear(&mut self) {
        self.tensors.clear();
        self.refused.clear();
        self.name_bytes = 0;
    }

    /// Adds the tensors below `id`, their names beginning with `prefix`.
    ///
    /// # Errors
    /// Limits.
    pub(crate) fn collect(&mut self, tree: &'t Tree, id: NodeId, prefix: &str) -> Result<()> {
        self.visit(tree, id, prefix, 0)
    }

    fn visit(&mut self, tree: &'t Tree, id: NodeId, name: &str, depth: usize) -> Result<()> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            let what = format!("the search for tensors visited more than {MAX_VISITS} values");
            let hint = "The pickle nests shared containers to appear far larger than it is; do not trust this file.";
            return Err(ModelError::limit(what).with_hint(hint));
        }
        if depth > MAX_DEPTH {
            return Ok(());
        }
        match tree.get(id) {
            Node::Tensor(t) => self.add(name, t),
            Node::Dict(items) => self.items(tree, items, name, depth),
            Node::List(v) | Node::Tuple(v) => {
                // Numbers only: the common case of hyper-parameters and token lists.
                for (i, item) in v.iter().enumerate() {
                    if is_leaf(tree.get(*item)) && !matches!(tree.get(*item), Node::Storage(_) | Node::Set(_)) {
                        self.visits += 1;
                        continue;
                    }
                    self.visit(tree, *item, &join(name, &i.to_string())?, depth + 1)?;
                }
                Ok(())
            }
            Node::Opaque(o) => self.object(tree, o, name, depth),
            Node::Storage(_) => {
                self.refuse(name, "a storage without a tensor".to_owned(), "Save a tensor over the storage.", None)
            }
            Node::Set(_) if self.holds_data(tree, id) => {
                self.refuse(name, "a set that holds tensors".to_owned(), "Save them in a dict or a list.", None)
            }
            _ => Ok(()),
        }
    }

    /// Notes something that holds the data of tensors and cannot be read.
    fn refuse(&mut self, name: &str, what: String, remedy: &str, sparse: Option<NodeId>) -> Result<()> {
        self.name_bytes += name.len();
        if self.refused.len() >= MAX_TENSORS || self.name_bytes > MAX_NAMES_BYTES {
            return Err(too_many());
        }
        let name = if name.is_empty() { "tensor" } else { name }.to_owned();
        self.refused.push(Unread { name, what, remedy: remedy.to_owned(), sparse, before: self.tensors.len() });
        Ok(())
    }

    /// True if there is a tensor or a storage anywhere below a value, in whatever it is wrapped.
    fn holds_data(&mut self, tree: &Tree, id: NodeId) -> bool {
        let (mut seen, mut todo) = (HashSet::new(), vec![id]);
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            self.visits += 1;
            if self.visits > MAX_VISITS {
                // The next visit says so.
                return false;
            }
            match tree.get(id) {
                Node::Tensor(_) | Node::Storage(_) => return true,
                Node::List(v) | Node::Tuple(v) | Node::Set(v) => todo.extend(v),
                Node::Dict(items) => todo.extend(items.iter().map(|i| i.1)),
                Node::Opaque(o) => {
                    todo.extend(o.args.iter().chain(&o.state).chain(&o.list));
                    todo.extend(o.items.iter().map(|i| i.1));
                }
                _ => {}
            }
        }
        false
    }

    fn items(&mut self, tree: &'t Tree, items: &'t [(NodeId, NodeId)], name: &str, depth: usize) -> Result<()> {
        // A key that comes again replaces the value at its first place.
        let mut last: HashMap<&str, (NodeId, bool)> = HashMap::new();
        for &(key, value) in items {
            self.visits += 1;
            if let Some(text) = tree.text(key) {
                last.insert(text, (value, false));
            }
        }
        for &(key, value) in items {
            let mut value = value;
            if let Some((newest, done)) = tree.text(key).and_then(|text| last.get_mut(text)) {
                if std::mem::replace(done, true) {
                    continue;
                }
                value = *newest;
            }
            if is_leaf(tree.get(value)) && !matches!(tree.get(value), Node::Storage(_) | Node::Set(_)) {
                continue;
            }
            match key_text(tree, key) {
                Some(key) if key.is_empty() && name.is_empty() => self.nameless(tree, value)?,
                Some(key) => self.visit(tree, value, &join(name, &key)?, depth + 1)?,
                None if self.holds_data(tree, value) => {
                    let place = join(name, "?")?;
                    let what = "it has a key that is neither a string nor a number".to_owned();
                    self.refuse(
                        &place,
                        what,
                        "Save it under a string key, or save the file again if it is damaged.",
                        None,
                    )?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Tensors under an empty key at the root would have no name, or that of others.
    fn nameless(&mut self, tree: &'t Tree, value: NodeId) -> Result<()> {
        if self.holds_data(tree, value) {
            let what = "its key is the empty string".to_owned();
            self.refuse("(no name)", what, "Save it under a name.", None)?;
        }
        Ok(())
    }

    fn object(&mut self, tree: &'t Tree, o: &'t Opaque, name: &str, depth: usize) -> Result<()> {
        // What it was made from is not looked into: its parts are not the model's tensors.
        if (module_parts(tree, o).is_none() || unread::is_packed(&tree.class_name(o)))
            && let Some((what, remedy)) = unread::kind(tree, o)
        {
            return self.refuse(name, what, remedy, unread::sparse_args(tree, o));
        }
        // Looking for the module's parts passes over its whole state.
        if let Some(Node::Dict(items)) = o.state.map(|s| tree.get(s)) {
            self.visits += items.len() as u64 / 8;
        }
        if let Some(parts) = module_parts(tree, o) {
            let transient = tree.lookup(parts.state, "_non_persistent_buffers_set");
            let transient: HashSet<&str> = match transient.map(|t| tree.get(t)) {
                Some(Node::Set(v)) => {
                    self.visits += v.len() as u64 / 8;
                    v.iter().filter_map(|i| tree.text(*i)).collect()
                }
                _ => HashSet::new(),
            };
            for (is_buffer, part) in [(false, parts.parameters), (true, parts.buffers), (false, parts.modules)] {
                let Some(Node::Dict(items)) = part.map(|p| tree.get(p)) else { continue };
                for (key, value) in items {
                    self.visits += 1;
                    if let Some(key) = key_text(tree, *key)
                        && !(is_buffer && transient.contains(&key.as_str()))
                    {
                        if key.is_empty() && name.is_empty() {
                            self.nameless(tree, *value)?;
                            continue;
                        }
                        self.visit(tree, *value, &join(name, &key)?, depth + 1)?;
                    }
                }
            }
            return Ok(());
        }
        // What a call makes of its arguments is not known, nor what an object makes of a state that is not a dict.
        let states: Vec<NodeId> = o.state.iter().flat_map(|s| state_dicts(tree, *s)).collect();
        let unknown = o.args.into_iter().chain(o.state.filter(|_| states.is_empty()));
        let unknown = unknown.chain(states.iter().copied().filter(|s| !matches!(tree.get(*s), Node::Dict(_))));
        for part in unknown.collect::<Vec<_>>() {
            if self.holds_data(tree, part) {
                let what = format!("the result of calling {} on tensors", tree.class_name(o));
                return self.refuse(name, what, "Save plain tensors, or save the file again if it is damaged.", None);
            }
        }
        for state in states {
            if let Node::Dict(items) = tree.get(state) {
                self.items(tree, items, name, depth)?;
            }
        }
        self.items(tree, &o.items, name, depth)?;
        for (i, item) in o.list.iter().enumerate() {
            self.visit(tree, *item, &join(name, &i.to_string())?, depth + 1)?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, tensor: &'t TensorRef) -> Result<()> {
        let name = if name.is_empty() { "tensor" } else { name };
        self.name_bytes += name.len();
        if self.tensors.len() >= MAX_TENSORS || self.name_bytes > MAX_NAMES_BYTES {
            return Err(too_many());
        }
        self.tensors.push((name.to_owned(), tensor));
        Ok(())
    }
}

fn too_many() -> ModelError {
    ModelError::limit(format!("more than {MAX_TENSORS} tensors, or names of more than {MAX_NAMES_BYTES} bytes"))
}

/// The parts of a pickled `nn.Module`.
struct ModuleParts {
    state: NodeId,
    parameters: Option<NodeId>,
    buffers: Option<NodeId>,
    modules: Option<NodeId>,
}

fn module_parts(tree: &Tree, o: &Opaque) -> Option<ModuleParts> {
    let state = o.state?;
    let (parameters, modules) = (tree.lookup(state, "_parameters"), tree.lookup(state, "_modules"));
    if parameters.is_none() && modules.is_none() {
        return None;
    }
    Some(ModuleParts { state, parameters, buffers: tree.lookup(state, "_buffers"), modules })
}

/// A state's dicts: itself, or (attributes, slots).
fn state_dicts(tree: &Tree, state: NodeId) -> Vec<NodeId> {
    match tree.get(state) {
        Node::Dict(_) => vec![state],
        Node::Tuple(v) if v.len() <= 2 => v.clone(),
        _ => Vec::new(),
    }
}

/// True for values that hold no tensors.
pub(crate) fn is_leaf(node: &Node) -> bool {
    !matches!(node, Node::Tensor(_) | Node::Dict(_) | Node::List(_) | Node::Tuple(_) | Node::Opaque(_))
}

/// A dict key as part of a name.
pub(crate) fn key_text(tree: &Tree, id: NodeId) -> Option<String> {
    match tree.get(id) {
        Node::Str(s) => Some(s.to_string()),
        Node::Int(i) => Some(i.to_string()),
        Node::Tuple(v) if v.len() <= 4 => {
            let parts: Option<Vec<String>> = v
                .iter()
                .map(|p| match tree.get(*p) {
                    Node::Str(s) => Some(s.to_string()),
                    Node::Int(i) => Some(i.to_string()),
                    _ => None,
                })
                .collect();
            parts.map(|p| p.join("."))
        }
        _ => None,
    }
}

fn join(prefix: &str, key: &str) -> Result<String> {
    if prefix.len() + key.len() > MAX_NAME_BYTES {
        let shown = printable(if prefix.is_empty() { key } else { prefix });
        return Err(ModelError::limit(format!("a name has more than {MAX_NAME_BYTES} bytes")).field(shown));
    }
    Ok(if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") })
}
