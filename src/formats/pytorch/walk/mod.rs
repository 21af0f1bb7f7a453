//! From the tree of a pickle to a model: which tensors are the model's, what the others are, what was opaque.
//!
//! `choose` follows nested checkpoints to the state dict, `flatten` names the tensors below a value, `describe` words what
//! is not converted.

mod choose;
mod describe;
mod flatten;
mod unread;

#[cfg(test)]
mod tests;

pub(crate) use describe::globals;

use super::pickle::globals::with_imports_hint;
use super::pickle::{NodeId, Pickle, TensorRef, Tree, printable};
use super::source::Source;
use super::sparse;
use crate::model::{Model, ModelError, Result, TensorEntry, Unreadable, Warning};
use flatten::Flat;
use std::collections::HashSet;
use unread::Unread;

/// Wrappers that add a prefix to every name: DistributedDataParallel and DataParallel; `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Gives the data of the tensors in a tree.
pub(crate) trait Tensors {
    /// The entry of a tensor; the inner error says in words why a sound tensor cannot be read.
    ///
    /// # Errors
    /// Views that leave their storage, storages without data, limits.
    fn entry(&self, tree: &Tree, name: &str, tensor: &TensorRef) -> Result<Result<TensorEntry, String>>;

    /// The plain form of a sparse tensor, from the arguments of its rebuilder; `None` if there is none.
    ///
    /// # Errors
    /// Indices or values that leave their storages.
    fn dense(&self, tree: &Tree, name: &str, args: NodeId) -> Result<Option<TensorEntry>>;
}

impl Tensors for Source {
    fn entry(&self, tree: &Tree, name: &str, tensor: &TensorRef) -> Result<Result<TensorEntry, String>> {
        self.pickled(tree, name, tensor)
    }

    fn dense(&self, tree: &Tree, name: &str, args: NodeId) -> Result<Option<TensorEntry>> {
        sparse::dense(self, tree, name, args)
    }
}

/// Adds the tensors and descriptions of a pickle to `model`.
///
/// # Errors
/// Tensors whose views leave their storages or whose storages are missing; limits; two tensors of one name.
pub(crate) fn fill(model: &mut Model, source: &impl Tensors, pickle: &Pickle) -> Result<()> {
    describe::globals(&pickle.tree, model);
    take(model, source, pickle).map_err(|e| with_imports_hint(e, &pickle.tree))
}

fn take(model: &mut Model, source: &impl Tensors, pickle: &Pickle) -> Result<()> {
    let tree = &pickle.tree;
    let choice = choose::main_of(tree, pickle.root)?;
    let mut flat = Flat::default();
    for (prefix, id) in &choice.main {
        flat.collect(tree, *id, prefix)?;
    }
    if let Some(path) = &choice.guessed {
        let text =
            format!("the tensors under `{path}` are converted; nothing in the file confirms that they are the model");
        model.warnings.push(Warning::new("pytorch.nested", text));
    }
    let stripped = strip_wrappers(&mut flat.tensors);
    if !stripped.is_empty() {
        let text = format!("the wrapper's prefix `{stripped}` was removed from all {} names", flat.tensors.len());
        model.warnings.push(Warning::new("pytorch.prefix", text));
    }
    let mut refused = flat.refused;
    if refused.iter().all(|u| u.name.starts_with(&stripped)) {
        refused.iter_mut().for_each(|u| drop(u.name.drain(..stripped.len())));
    }
    let mut names = HashSet::new();
    for (name, tensor) in &flat.tensors {
        if !names.insert(name.as_str()) {
            return Err(ModelError::bad("duplicate tensor name").field(printable(name)));
        }
        match source.entry(tree, name, tensor)? {
            Ok(entry) => model.tensors.push(entry),
            Err(what) => refused.push(Unread {
                name: name.clone(),
                what,
                remedy: "Save it as a plain tensor of floats or integers.".to_owned(),
                sparse: None,
                before: model.tensors.len(),
            }),
        }
    }
    describe::groups(tree, &choice, &mut model.opaque)?;
    describe::refused(&refused, &mut model.opaque);
    describe::objects(tree, pickle.root, !refused.is_empty(), model);
    for unread in refused {
        let dense = match unread.sparse {
            Some(args) => source.dense(tree, &unread.name, args)?,
            None => None,
        };
        let Unread { name, what, remedy, before, .. } = unread;
        model.unreadable.push(Unreadable { name: printable(&name), what, remedy, dense, before });
    }
    if flat.tensors.is_empty() && model.opaque.is_empty() {
        model.opaque.push(describe::shape_of(tree, pickle.root));
    }
    Ok(())
}

/// Removes the wrappers' prefixes that all names share; returns what was removed.
fn strip_wrappers<T>(tensors: &mut [(String, T)]) -> String {
    let mut stripped = String::new();
    while let Some(prefix) =
        WRAPPERS.iter().find(|p| tensors.iter().all(|(n, _)| n.len() > p.len() && n.starts_with(**p)))
    {
        if tensors.is_empty() || stripped.len() > 64 {
            break;
        }
        for (name, _) in tensors.iter_mut() {
            name.drain(..prefix.len());
        }
        stripped.push_str(prefix);
    }
    stripped
}
