//! Which part of a checkpoint is the model.
//!
//! Training scripts wrap the state dict in dicts under a few customary names, beside optimizer state, averages and
//! counters. The customary names are followed down; everything next to them is kept for the description.

use super::flatten::{Flat, is_leaf, key_text};
use crate::formats::pytorch::pickle::{Element, Node, NodeId, Tree, printable};
use crate::model::Result;
use crate::tensor::DType;

/// Names under which the model is stored, most specific first. `state_dict` is Lightning's and most scripts', `params_ema` and
/// `params` BasicSR's (whose own loader prefers the average), `module` DeepSpeed's.
const MODEL_KEYS: [&str; 17] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "state",
    "model",
    "module",
    "net",
    "network",
    "params_ema",
    "params",
    "weights",
    "generator",
    "g_ema",
    "netG",
    "ema_state_dict",
    "model_ema",
    "ema",
];

/// Wrappers nest at most this deep.
const MAX_WRAPS: usize = 8;

/// What a group of values next to the model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moments and parameter groups.
    Optimizer,
    /// Learning-rate schedules.
    Scheduler,
    /// States of random generators.
    Random,
    /// Averaged weights.
    Average,
    /// Anything else.
    Other,
}

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The values whose tensors are the model's, each with the beginning of their names.
    pub main: Vec<(String, NodeId)>,
    /// The rest: path, value, kind.
    pub others: Vec<(String, NodeId, Kind)>,
    /// The path, when it was followed by structure rather than by a customary name.
    pub guessed: Option<String>,
}

/// Finds the model in the tree.
///
/// # Errors
/// Limits.
pub(crate) fn main_of(tree: &Tree, root: NodeId) -> Result<Choice> {
    let mut choice = Choice::default();
    let mut search = Flat::default();
    let (mut at, mut path) = (root, String::new());
    for _ in 0..MAX_WRAPS {
        let Node::Dict(_) = tree.get(at) else { break };
        if let Some(kind) = kind_of_dict(tree, at) {
            choice.others.push((path, at, kind));
            return Ok(choice);
        }
        let children = children(tree, at);
        let next = match under_customary_name(tree, &mut search, &children)? {
            None => only_state_dict(tree, &mut search, &children)?.inspect(|(key, _)| {
                choice.guessed = Some(printable(&dotted(&path, key)));
            }),
            next => next,
        };
        let Some((key, value)) = next else { break };
        for (k, v) in children {
            if k != key {
                choice.others.push((dotted(&path, &k), v, kind_of(tree, &k, v)));
            }
        }
        path = dotted(&path, &key);
        at = value;
    }
    let Node::Dict(_) = tree.get(at) else {
        choice.main.push((String::new(), at));
        return Ok(choice);
    };
    if let Some(kind) = kind_of_dict(tree, at) {
        choice.others.push((path, at, kind));
        return Ok(choice);
    }
    // Without a wrapper: everything that is not a trainer's.
    let children = children(tree, at);
    let plain = children.iter().all(|(k, v)| matches!(kind_of(tree, k, *v), Kind::Other) || is_flat(tree, *v));
    if plain {
        choice.main.push((String::new(), at));
        return Ok(choice);
    }
    for (k, v) in children {
        match kind_of(tree, &k, v) {
            Kind::Other => choice.main.push((k, v)),
            kind => choice.others.push((dotted(&path, &k), v, kind)),
        }
    }
    Ok(choice)
}

/// Tensors directly in a dict.
fn direct_tensors(tree: &Tree, children: &[(String, NodeId)]) -> usize {
    children.iter().filter(|(_, v)| matches!(tree.get(*v), Node::Tensor(_))).count()
}

/// The child with one of the names that scripts store a model under, if it has at least as many tensors as its parent.
fn under_customary_name<'t>(
    tree: &'t Tree,
    search: &mut Flat<'t>,
    children: &[(String, NodeId)],
) -> Result<Option<(String, NodeId)>> {
    let direct = direct_tensors(tree, children);
    for key in MODEL_KEYS {
        if let Some((k, v)) = children.iter().find(|(k, _)| k == key)
            && kind_of_dict(tree, *v).is_none()
            && count(search, tree, *v)? > direct.saturating_sub(1)
            && !matches!(tree.get(*v), Node::Tensor(_))
        {
            return Ok(Some((k.clone(), *v)));
        }
    }
    Ok(None)
}

/// One flat state dict under any other name, next to no tensors.
fn only_state_dict<'t>(
    tree: &'t Tree,
    search: &mut Flat<'t>,
    children: &[(String, NodeId)],
) -> Result<Option<(String, NodeId)>> {
    if direct_tensors(tree, children) > 0 {
        return Ok(None);
    }
    let mut holders = Vec::new();
    for (k, v) in children {
        if kind_of(tree, k, *v) == Kind::Other && count(search, tree, *v)? > 0 {
            holders.push((k, *v));
        }
    }
    match holders.as_slice() {
        [(key, value)] if is_state_dict(tree, *value) => Ok(Some(((*key).clone(), *value))),
        _ => Ok(None),
    }
}

fn is_flat(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.get(id), Node::Tensor(_)) || is_leaf(tree.get(id))
}

/// A dict's children that can be named, in order; of a repeated key the last value.
pub(crate) fn children(tree: &Tree, id: NodeId) -> Vec<(String, NodeId)> {
    let Node::Dict(items) = tree.get(id) else {
        return Vec::new();
    };
    let mut out: indexmap::IndexMap<String, NodeId> = indexmap::IndexMap::new();
    for (k, v) in items {
        if let Some(k) = key_text(tree, *k) {
            out.insert(k, *v);
        }
    }
    out.into_iter().collect()
}

fn count<'t>(search: &mut Flat<'t>, tree: &'t Tree, id: NodeId) -> Result<usize> {
    search.clear();
    search.collect(tree, id, "")?;
    Ok(search.tensors.len())
}

/// True for a dict whose values are mostly tensors under dotted names.
fn is_state_dict(tree: &Tree, id: NodeId) -> bool {
    let Node::Dict(items) = tree.get(id) else {
        return matches!(tree.get(id), Node::Opaque(_));
    };
    let named = |k: NodeId, v: NodeId| {
        matches!(tree.get(v), Node::Tensor(_)) && tree.text(k).is_some_and(|k| k.contains('.') || k == "weight")
    };
    2 * items.iter().filter(|(k, v)| named(*k, *v)).count() >= items.len()
}

fn dotted(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What a dict is by its own keys: an optimizer's, a random generator's.
fn kind_of_dict(tree: &Tree, id: NodeId) -> Option<Kind> {
    let Node::Dict(items) = tree.get(id) else {
        return None;
    };
    // Theirs have few keys, and a dict may be shared by many.
    if items.len() > 16 {
        return None;
    }
    let has = |key: &str| tree.lookup(id, key).is_some();
    if has("param_groups") && has("state") {
        return Some(Kind::Optimizer);
    }
    // transformers' rng_state.pth: `cpu` is the Mersenne twister's 5,056 bytes, or 16 for newer generators.
    let cpu = tree.lookup(id, "cpu").map(|v| tree.get(v));
    let bytes = |n: &Node| matches!(n, Node::Tensor(t) if t.element == Element::Plain(DType::U8) && t.size.len() == 1);
    const RANDOM: [&str; 7] = ["python", "numpy", "cpu", "cuda", "xla", "npu", "mps"];
    let only = items.len() <= 8 && items.iter().all(|(k, _)| tree.text(*k).is_some_and(|k| RANDOM.contains(&k)));
    if only && cpu.is_some_and(bytes) { Some(Kind::Random) } else { None }
}

fn kind_of(tree: &Tree, key: &str, id: NodeId) -> Kind {
    let key = key.to_ascii_lowercase();
    let word = |list: &[&str]| key.split('_').any(|w| list.contains(&w));
    if let Some(kind) = kind_of_dict(tree, id) {
        kind
    } else if key.contains('.') {
        // A parameter's own name, whatever words are in it.
        Kind::Other
    } else if key.contains("optim") || word(&["opt"]) {
        Kind::Optimizer
    } else if key.contains("sched") {
        Kind::Scheduler
    } else if word(&["rng"]) || key.contains("random_state") {
        Kind::Random
    } else if word(&["ema"]) {
        Kind::Average
    } else {
        Kind::Other
    }
}
