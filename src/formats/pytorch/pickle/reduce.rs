//! What calling a global gives: a short list of plain containers and torch rebuilders; everything else is opaque.

use super::{Node, NodeId, Opaque, Tree, torch};
use crate::model::{ModelError, Result};

/// How often rebuilders may name one another (`_rebuild_from_type_v2` names the function it wraps).
const MAX_NESTED_CALLS: usize = 8;

/// No rebuilder looks at more arguments.
const MAX_ARGS: usize = 16;

/// No known global has a longer name.
const MAX_KNOWN_NAME: usize = 64;

/// The value of `callable(*args)`.
///
/// # Errors
/// Limits, and tensors whose arguments are senseless.
pub(crate) fn call(tree: &mut Tree, callable: NodeId, args: NodeId) -> Result<NodeId> {
    call_nested(tree, callable, args, 0)
}

fn call_nested(tree: &mut Tree, callable: NodeId, args: NodeId, depth: usize) -> Result<NodeId> {
    let Node::Global(global) = tree.get(callable) else {
        return opaque(tree, callable, Some(args), true);
    };
    let global: Box<str> = if global.len() <= MAX_KNOWN_NAME { global.clone() } else { "".into() };
    let list: Vec<NodeId> = tree.sequence(args).map(|v| v[..v.len().min(MAX_ARGS)].to_vec()).unwrap_or_default();
    let first = list.first().copied();
    match &*global {
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor_v3" => {
            let tensor = torch::tensor_of_args(tree, &list, global.ends_with("v3"));
            match tensor.map_err(|e| e.field(global.to_string()))? {
                Some(t) => tree.push(Node::Tensor(Box::new(t))),
                None => opaque(tree, callable, Some(args), true),
            }
        }
        // (tensor, requires_grad, hooks[, state])
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => match first {
            Some(t) if matches!(tree.get(t), Node::Tensor(_)) => Ok(t),
            _ => opaque(tree, callable, Some(args), true),
        },
        // (function, type, arguments, state): a tensor subclass, or a tensor with attributes.
        "torch._tensor._rebuild_from_type_v2" | "torch._tensor._rebuild_from_type" if depth < MAX_NESTED_CALLS => {
            from_type(tree, callable, args, &list, depth)
        }
        // TorchScript wraps typed containers: (value, type name).
        "torch.jit._pickle.restore_type_tag"
        | "torch.jit._pickle.build_intlist"
        | "torch.jit._pickle.build_tensorlist"
        | "torch.jit._pickle.build_doublelist"
        | "torch.jit._pickle.build_boollist" => first.map_or(Ok(Tree::NONE), Ok),
        "torch.Size" => plain(tree, first, Node::Tuple),
        // Called with more than Python's own class takes, it is a damaged call of something else: kept, so that what is in it is seen.
        "collections.OrderedDict" | "collections.Counter" | "builtins.dict" | "__builtin__.dict" if list.len() <= 1 => {
            let items = dict_items(tree, first)?;
            tree.push(Node::Dict(items))
        }
        "collections.defaultdict" => {
            let items = dict_items(tree, list.get(1).copied())?;
            tree.push(Node::Dict(items))
        }
        "builtins.list" | "__builtin__.list" => plain(tree, first, Node::List),
        "builtins.tuple" | "__builtin__.tuple" => plain(tree, first, Node::Tuple),
        "builtins.set" | "__builtin__.set" | "builtins.frozenset" | "__builtin__.frozenset" => {
            plain(tree, first, Node::Set)
        }
        // Bytes in protocols 0 to 2 are text and an encoding.
        "_codecs.encode" | "builtins.bytearray" | "__builtin__.bytearray" | "builtins.bytes" | "__builtin__.bytes" => {
            let n = match first.map(|a| tree.get(a)) {
                Some(Node::Str(s)) => s.len() as u64,
                Some(Node::Bytes(n)) => *n,
                _ => 0,
            };
            tree.push(Node::Bytes(n))
        }
        "copyreg._reconstructor" | "copy_reg._reconstructor" => {
            reconstructed(tree, first.unwrap_or(callable), list.get(2).copied())
        }
        _ => opaque(tree, callable, Some(args), true),
    }
}

/// `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor subclass, or a tensor with attributes.
fn from_type(tree: &mut Tree, callable: NodeId, args: NodeId, list: &[NodeId], depth: usize) -> Result<NodeId> {
    match list {
        &[function, class, inner, ..] => {
            let value = call_nested(tree, function, inner, depth + 1)?;
            match tree.get(value) {
                Node::Tensor(_) => Ok(value),
                // The function says more than the class: sparse, quantized, a wrapper.
                Node::Opaque(o) if rebuilds(tree, o) => Ok(value),
                _ => {
                    let value = opaque(tree, class, Some(args), true)?;
                    if let Some(Node::Opaque(o)) = tree.get_mut(value) {
                        o.tensor = true;
                    }
                    Ok(value)
                }
            }
        }
        _ => opaque(tree, callable, Some(args), true),
    }
}

/// `copyreg._reconstructor(class, base, state)`.
fn reconstructed(tree: &mut Tree, class: NodeId, state: Option<NodeId>) -> Result<NodeId> {
    let value = instance(tree, class, None)?;
    // For a dict or list subclass the contents of the base are arguments of the call.
    if let (Some(state), Node::Opaque(_)) = (state, tree.get(value)) {
        let items = dict_items(tree, Some(state))?;
        if let Some(Node::Opaque(o)) = tree.get_mut(value) {
            o.items = items;
        }
    }
    Ok(value)
}

/// The value of `class.__new__(class, *args)`.
///
/// # Errors
/// Limits.
pub(crate) fn instance(tree: &mut Tree, class: NodeId, args: Option<NodeId>) -> Result<NodeId> {
    match tree.get(class) {
        Node::Global(g)
            if matches!(&**g, "collections.OrderedDict" | "collections.defaultdict" | "collections.Counter") =>
        {
            tree.push(Node::Dict(Vec::new()))
        }
        _ => opaque(tree, class, args, false),
    }
}

/// `BUILD`: gives an opaque object its state. Attributes of plain containers (a state dict's `_metadata`) are dropped.
pub(crate) fn build(tree: &mut Tree, object: NodeId, state: NodeId) {
    if let Some(Node::Opaque(o)) = tree.get_mut(object) {
        o.state = Some(state);
    }
}

/// The value of a persistent id.
///
/// # Errors
/// Limits.
pub(crate) fn persistent(tree: &mut Tree, id: NodeId) -> Result<NodeId> {
    if let Some(text) = tree.text(id) {
        return match torch::storage_of_text(text) {
            Some(s) => tree.push(Node::Storage(Box::new(s))),
            None => unknown_persistent_id(tree, Some(id)),
        };
    }
    let parts: Vec<NodeId> = tree.sequence(id).map(|v| v[..v.len().min(MAX_ARGS)].to_vec()).unwrap_or_default();
    match parts.first().and_then(|k| tree.text(*k)) {
        Some("storage") => {
            let storage = torch::storage_of_id(tree, &parts);
            let storage =
                storage.ok_or_else(|| ModelError::bad("a storage's persistent id is not what PyTorch writes"))?;
            tree.push(Node::Storage(Box::new(storage)))
        }
        // ('module', class, source file, source text): legacy whole-module files.
        Some("module") if parts.len() > 1 => Ok(parts[1]),
        _ => unknown_persistent_id(tree, Some(id)),
    }
}

/// The node for an unknown persistent id.
///
/// # Errors
/// Limits.
pub(crate) fn unknown_persistent_id(tree: &mut Tree, args: Option<NodeId>) -> Result<NodeId> {
    let class = tree.push(Node::Str("a persistent id".into()))?;
    opaque(tree, class, args, false)
}

/// True for what one of torch's own rebuilders would make.
fn rebuilds(tree: &Tree, o: &Opaque) -> bool {
    matches!(tree.get(o.class), Node::Global(g) if g.starts_with("torch._utils._rebuild_"))
}

fn opaque(tree: &mut Tree, callable: NodeId, args: Option<NodeId>, called: bool) -> Result<NodeId> {
    let class = if let Node::Opaque(o) = tree.get(callable) { o.class } else { callable };
    let (items, list) = (Vec::new(), Vec::new());
    tree.push(Node::Opaque(Box::new(Opaque { class, called, tensor: false, args, state: None, items, list })))
}

fn plain(tree: &mut Tree, items: Option<NodeId>, make: fn(Vec<NodeId>) -> Node) -> Result<NodeId> {
    let len = match items.map(|a| tree.get(a)) {
        Some(Node::List(v) | Node::Tuple(v) | Node::Set(v)) => v.len(),
        _ => 0,
    };
    tree.charge(len)?;
    let items = match items.map(|a| tree.get(a)) {
        Some(Node::List(v) | Node::Tuple(v) | Node::Set(v)) => v.clone(),
        _ => Vec::new(),
    };
    tree.push(make(items))
}

/// A dict's items, or those of a list of pairs.
fn dict_items(tree: &mut Tree, id: Option<NodeId>) -> Result<Vec<(NodeId, NodeId)>> {
    let Some(id) = id else {
        return Ok(Vec::new());
    };
    let len = match tree.get(id) {
        Node::Dict(items) => 2 * items.len(),
        Node::List(v) | Node::Tuple(v) => 2 * v.len(),
        _ => 0,
    };
    tree.charge(len)?;
    Ok(match tree.get(id) {
        Node::Dict(items) => items.clone(),
        Node::List(v) | Node::Tuple(v) => v
            .iter()
            .filter_map(|pair| match tree.sequence(*pair)? {
                &[k, v] => Some((k, v)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    })
}
