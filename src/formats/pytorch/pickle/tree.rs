//! The values a pickle builds, in an arena.

use super::{StorageRef, TensorRef};
use crate::formats::pytorch::limits::{MAX_COPIED, MAX_NODES};
use crate::model::{ModelError, Result};

/// A value's place in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer that fits; the legacy stream's magic number has 80 bits.
    Int(i128),
    /// An integer of more than 128 bits.
    BigInt,
    /// A float; nothing here needs its value.
    Float,
    /// Text, or Python 2 bytes that are text.
    Str(Box<str>),
    /// Bytes or over-long text, of which only the length is kept.
    Bytes(u64),
    /// A list.
    List(Vec<NodeId>),
    /// A tuple or `torch.Size`.
    Tuple(Vec<NodeId>),
    /// A set or frozenset.
    Set(Vec<NodeId>),
    /// A dict, `OrderedDict`, `defaultdict` or `Counter`, in order; a key may repeat, the last one counts.
    Dict(Vec<(NodeId, NodeId)>),
    /// A name, `module.attribute`. Never resolved.
    Global(Box<str>),
    /// A torch storage.
    Storage(Box<StorageRef>),
    /// A torch tensor.
    Tensor(Box<TensorRef>),
    /// Anything else.
    Opaque(Box<Opaque>),
}

/// An object this program does not build: what it would have been made from.
#[derive(Clone, Debug)]
pub(crate) struct Opaque {
    /// The callable or class: a name, or a value that is none.
    pub class: NodeId,
    /// True when the pickle asks for a call (`REDUCE`), false for a plain object (`NEWOBJ`).
    pub called: bool,
    /// True when the pickle has a tensor here, of a kind that is not built.
    pub tensor: bool,
    /// Its arguments.
    pub args: Option<NodeId>,
    /// The state given by `BUILD`.
    pub state: Option<NodeId>,
    /// Items stored into it as into a dict.
    pub items: Vec<(NodeId, NodeId)>,
    /// Items appended to it as to a list.
    pub list: Vec<NodeId>,
}

/// The arena.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    copied: usize,
}

/// Small integers are shared: shapes and element counts are full of them.
const SHARED_INTS: i128 = 256;

/// What one pickle gave.
#[derive(Debug)]
pub(crate) struct Pickle {
    /// Every value built.
    pub tree: Tree,
    /// The result.
    pub root: NodeId,
}

impl Default for Tree {
    fn default() -> Self {
        let mut nodes = vec![Node::None, Node::Bool(false), Node::Bool(true)];
        nodes.extend((0..SHARED_INTS).map(Node::Int));
        Self { nodes, copied: 0 }
    }
}

impl Tree {
    /// The one `None`.
    pub(crate) const NONE: NodeId = NodeId(0);

    /// The one false or true.
    pub(crate) const fn bool(b: bool) -> NodeId {
        NodeId(1 + b as u32)
    }

    /// Adds a value.
    ///
    /// # Errors
    /// Beyond [`MAX_NODES`].
    pub(crate) fn push(&mut self, node: Node) -> Result<NodeId> {
        if let Node::Int(v @ 0..SHARED_INTS) = node {
            return Ok(NodeId(3 + v as u32));
        }
        if self.nodes.len() >= MAX_NODES {
            let what = format!("the pickle builds more than {MAX_NODES} values");
            return Err(ModelError::limit(what).with_hint("No real checkpoint does; is this a model file?"));
        }
        self.nodes.push(node);
        Ok(NodeId(self.nodes.len() as u32 - 1))
    }

    /// Counts `n` elements that are copied out of a value.
    ///
    /// # Errors
    /// Beyond [`MAX_COPIED`].
    pub(crate) fn charge(&mut self, n: usize) -> Result<()> {
        self.copied = self.copied.saturating_add(n);
        if self.copied > MAX_COPIED {
            return Err(ModelError::limit("the calls in the pickle copy more than in any real checkpoint"));
        }
        Ok(())
    }

    /// The name of an opaque object's class or function, fit to be shown.
    pub(crate) fn class_name(&self, object: &Opaque) -> String {
        match self.get(object.class) {
            Node::Global(g) => printable(g),
            Node::Str(s) => printable(s),
            _ => "a value that is not a function".to_owned(),
        }
    }

    /// The value there.
    pub(crate) fn get(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::None)
    }

    /// The value there, to be changed. The shared constants must not be; nothing stores into them.
    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0 as usize)
    }

    /// Every value, in the order they were built.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The text, if it is one.
    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        if let Node::Str(s) = self.get(id) { Some(s) } else { None }
    }

    /// The elements of a tuple or list.
    pub(crate) fn sequence(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.get(id) {
            Node::Tuple(v) | Node::List(v) => Some(v),
            _ => None,
        }
    }

    /// A non-negative integer.
    pub(crate) fn unsigned(&self, id: NodeId) -> Option<u64> {
        if let Node::Int(i) = *self.get(id) { u64::try_from(i).ok() } else { None }
    }

    /// The value under a text key of a dict (or of a dict-like object's items); the last one if the key repeats.
    pub(crate) fn lookup(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let items = match self.get(id) {
            Node::Dict(items) => items,
            Node::Opaque(o) => &o.items,
            _ => return None,
        };
        items.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, v)| *v)
    }
}

/// A name from a file, fit to be shown: control characters escaped, at most 120 characters.
pub(crate) fn printable(name: &str) -> String {
    let mut out: String = name.chars().take(120).flat_map(char::escape_debug).collect();
    if name.chars().nth(120).is_some() {
        out.push('…');
    }
    out
}
