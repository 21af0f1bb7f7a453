//! Words for what a file holds next to the model's tensors.

use super::choose::{Choice, Kind};
use super::flatten::{Flat, is_leaf};
use super::unread::Unread;
use crate::formats::pytorch::limits::MAX_NAMED_OBJECTS;
use crate::formats::pytorch::pickle::globals::{ImportSafety, imports, safety, spelled};
use crate::formats::pytorch::pickle::{Node, NodeId, TensorRef, Tree, printable};
use crate::model::{Model, Result, UNSAFE_CODE, Warning};
use indexmap::IndexMap;

/// Groups described.
const MAX_GROUPS: usize = 64;

/// Describes the groups next to the model, and the plain values of the trainer.
///
/// # Errors
/// Limits.
pub(crate) fn groups(tree: &Tree, choice: &Choice, out: &mut Vec<String>) -> Result<()> {
    let mut plain = Vec::new();
    let mut flat = Flat::default();
    for (path, id, kind) in &choice.others {
        flat.clear();
        flat.collect(tree, *id, "")?;
        let what = match kind {
            Kind::Optimizer => "optimizer state",
            Kind::Scheduler => "scheduler state",
            Kind::Random => "random generator state",
            Kind::Average => "averaged weights (ema)",
            Kind::Other => "other tensors",
        };
        let under = if path.is_empty() { String::new() } else { format!(" under `{}`", printable(path)) };
        match (flat.tensors.len(), kind) {
            (0, Kind::Other) => plain.push(printable(path)),
            (0, _) if is_leaf(tree.get(*id)) => plain.push(printable(path)),
            _ if out.len() >= MAX_GROUPS => {}
            (0, _) => out.push(format!("{what}{under}: no tensors, not converted")),
            (n, _) => {
                let bytes = flat.tensors.iter().fold(0u64, |a, (_, t)| a.saturating_add(bytes_of(t)));
                let tensors = if n == 1 { "tensor" } else { "tensors" };
                out.push(format!("{what}{under}: {n} {tensors}, {}, not converted", human(bytes)));
            }
        }
    }
    if !plain.is_empty() {
        let more = plain.len().saturating_sub(12);
        plain.truncate(12);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.push(format!("values of the trainer without tensors: {}{more}", plain.join(", ")));
    }
    Ok(())
}

/// Describes values in place of tensors that cannot be converted.
pub(crate) fn refused(refused: &[Unread], out: &mut Vec<String>) {
    for unread in refused.iter().take(MAX_NAMED_OBJECTS) {
        out.push(format!("tensor `{}`: {}", printable(&unread.name), unread.what));
    }
    if refused.len() > MAX_NAMED_OBJECTS {
        out.push(format!("{} more of such entries", refused.len() - MAX_NAMED_OBJECTS));
    }
}

/// Warns about every global that a pickle imports and that is not on the list of harmless names, called or not.
pub(crate) fn globals(tree: &Tree, model: &mut Model) {
    let (all, more) = imports(tree);
    for (name, import) in all {
        let with = import.with.map(|a| format!(" with \"{a}\"")).unwrap_or_default();
        let name = spelled(&name);
        let (code, text) = match import.safety {
            ImportSafety::Dangerous => (
                UNSAFE_CODE,
                format!("the pickle imports {name}{with}; it was not executed. Do not load this file with Python."),
            ),
            _ => (
                "pytorch.code",
                format!(
                    "the pickle imports {name}, which is not on the list of harmless names; it was not executed. Load this file with Python only if you trust its author."
                ),
            ),
        };
        let warning = Warning::new(code, text);
        if !model.warnings.contains(&warning) {
            model.warnings.push(warning);
        }
    }
    if more > 0 {
        let text = format!("the pickle imports {more} more names that are not on the list of harmless ones");
        model.warnings.push(Warning::new("pytorch.code", text));
    }
}

/// Lists every class and function that the pickle imports and this program does not build. With `refused_named`, torch's rebuilders are left out: [`refused`] already named their tensors.
pub(crate) fn objects(tree: &Tree, root: NodeId, refused_named: bool, model: &mut Model) {
    // Each GLOBAL opcode makes its own name node; the same name is one line. (Counted by node first: names can be long.)
    let mut counts: IndexMap<(NodeId, bool), u64> = IndexMap::new();
    for node in tree.nodes() {
        if let Node::Opaque(o) = node {
            *counts.entry((o.class, o.called)).or_insert(0) += 1;
        }
    }
    let mut lines: IndexMap<(String, bool), u64> = IndexMap::new();
    for ((class, called), n) in counts {
        let name = match tree.get(class) {
            Node::Global(g) => printable(g),
            Node::Str(s) => printable(s),
            _ => "a value that is not a function".to_owned(),
        };
        *lines.entry((name, called)).or_insert(0) += n;
    }
    let (mut torch_modules, mut shown, mut more) = (0, 0, 0);
    let at_root = matches!(tree.get(root), Node::Opaque(_));
    for ((name, called), n) in &lines {
        if name.starts_with("torch.nn.modules.") || name.starts_with("__torch__.torch.nn.") {
            torch_modules += n;
            continue;
        } else if matches!(name.as_str(), "torch.device" | "torch.serialization._get_layout")
            || (refused_named && name.starts_with("torch._utils._rebuild_"))
        {
            continue;
        }
        if shown == MAX_NAMED_OBJECTS && safety(name) < ImportSafety::Dangerous {
            more += 1;
            continue;
        }
        shown += 1;
        let times = if *n == 1 { String::new() } else { format!(" ({n} times)") };
        model.opaque.push(if *called {
            format!("call of {}{times}: not executed", spelled(name))
        } else {
            format!("object of class `{name}`{times}: read as plain attributes, its code is not run")
        });
    }
    if more > 0 {
        model.opaque.push(format!("objects of {more} more classes"));
    }
    if at_root && torch_modules > 0 {
        model
            .opaque
            .push(format!("a whole pickled module: the code of {torch_modules} torch.nn modules is not in the file"));
    }
}

/// One line for a file in which there is nothing else to say.
pub(crate) fn shape_of(tree: &Tree, root: NodeId) -> String {
    match tree.get(root) {
        Node::Dict(items) => {
            let keys = items.iter().take(12).filter_map(|(k, _)| super::flatten::key_text(tree, *k));
            let keys: Vec<String> = keys.map(|k| printable(&k)).collect();
            let more = if items.len() > 12 { ", …" } else { "" };
            format!("a dict without tensors: {}{more}", keys.join(", "))
        }
        Node::List(v) | Node::Tuple(v) => format!("a list of {} values without tensors", v.len()),
        node if is_leaf(node) => "a single value that is not a tensor".to_owned(),
        _ => "an object without tensors".to_owned(),
    }
}

fn bytes_of(t: &TensorRef) -> u64 {
    let elems = t.size.iter().fold(1u64, |a, &d| a.saturating_mul(d));
    elems.saturating_mul(t.element.bytes().unwrap_or(1))
}

/// Bytes for people, in powers of ten as disks are sold.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}
