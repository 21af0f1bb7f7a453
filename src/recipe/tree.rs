//! The one tree that every syntax is read into: values with their places. Bounded in size, depth and number of nodes.

use super::problem::{Problem, Span};

/// Bytes of recipe text read at most. A recipe with a rule for each of 10,000 tensors has less.
pub(crate) const MAX_TEXT_BYTES: usize = 1 << 20;

/// Nesting allowed; the deepest recipe key is at depth 5.
pub(crate) const MAX_DEPTH: usize = 32;

/// Values in one recipe at most, aliases of YAML expanded.
pub(crate) const MAX_NODES: usize = 50_000;

/// A value with its position.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub at: Span,
}

/// What a recipe's text can say.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_at: Span,
    pub node: Node,
}

impl Node {
    /// Shown in messages: `the number 3`, `a list`.
    pub(crate) fn describe(&self) -> String {
        let short = |t: &str| {
            if t.chars().count() > 40 { t.chars().take(37).chain("...".chars()).collect() } else { t.to_owned() }
        };
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Int(i) => format!("the number {i}"),
            Value::Float(x) => format!("the number {x}"),
            Value::Text(t) => format!("the string {:?}", short(t)),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    /// (nodes, depth) of the tree below and including this node. The tree is at most [`MAX_DEPTH`] deep.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let fold = |(n, d): (usize, usize), (m, e): (usize, usize)| (n + m, d.max(e + 1));
        match &self.value {
            Value::List(items) => items.iter().map(Node::extent).fold((1, 1), fold),
            Value::Table(entries) => entries.iter().map(|e| e.node.extent()).fold((1, 1), fold),
            _ => (1, 1),
        }
    }
}

/// Counts nodes and depth while a tree grows.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    nodes: usize,
}

impl Budget {
    /// Takes `count` nodes whose deepest is at `depth` (the root is at 1).
    ///
    /// # Errors
    /// When the tree would grow beyond [`MAX_NODES`] or [`MAX_DEPTH`].
    pub(crate) fn take(&mut self, count: usize, depth: usize, at: Span) -> Result<(), (Problem, Span)> {
        self.nodes = self.nodes.saturating_add(count);
        if depth > MAX_DEPTH {
            let p = Problem::error("", format!("nested deeper than {MAX_DEPTH} levels"));
            return Err((p.with_help("The deepest key of a recipe is at level 5."), at));
        }
        if self.nodes > MAX_NODES {
            let p = Problem::error("", format!("more than {MAX_NODES} values"));
            return Err((p.with_help("Use patterns with `*` or `re:` instead of one rule for each tensor."), at));
        }
        Ok(())
    }
}
