//! Checkpoints of torch.distributed.checkpoint (DCP): `.metadata`, a pickle that lists every tensor and its chunks, and the files of the ranks,
//! `__R_N.distcp`, each a row of archives of `torch.save`, one for each chunk.
//!
//! `metadata` reads the pickle, `item` one archive, `tiles` joins chunks. A tensor is read if one chunk is all of it or if its chunks divide its
//! first dimension, as FSDP does. Anything else is an unsupported file. The keys of nested state dicts are in the metadata, so that the model is
//! found among them as in any checkpoint (`walk`). Only what belongs to the model is looked at in the files of the ranks.
//! Source (facts only): `torch/distributed/checkpoint/{metadata,filesystem,planner_helpers,_nested_dict}.py` of PyTorch 2.15.
//! Test: `cargo test --lib dcp`.

mod item;
mod metadata;
mod tiles;

#[cfg(test)]
mod tests;

use super::beside::Beside;
use super::pickle::{Element, Input, Node, NodeId, Pickle, StorageRef, TensorRef, Tree, load, printable};
use super::source::Source;
use super::walk::{self, Tensors};
use super::{empty_model, limits::MAX_DEPTH, order_as_safetensors};
use crate::model::{Model, ModelError, OpenedFile, Result, TensorEntry};
use crate::units::are;
use indexmap::IndexMap;
use item::Opened;
use metadata::{Contents, Stored};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The file that lists the tensors.
pub(crate) const METADATA: &str = ".metadata";

/// What to do about a checkpoint whose tensors are not whole.
const MERGE: &str = "Run `python -m torch.distributed.checkpoint.format_utils dcp_to_torch . merged.pt` in that folder and convert merged.pt.";

/// Opens a checkpoint through its `.metadata`.
///
/// # Errors
/// Unsupported if the chunks of the model's tensors cannot be joined; missing files; what is wrong with a file.
pub(crate) fn open(path: &Path) -> Result<Model> {
    let source = Source::open(path)?;
    let mut model = empty_model(path);
    model.opened.push(OpenedFile::new(path, &source.file)?);
    let pickle = load(&mut Input::file(&source.file, &source.path, 0, source.len))?;
    walk::globals(&pickle.tree, &mut model);
    let contents = metadata::read(&pickle).map_err(|e| merge(e.in_file(path)))?;
    drop(pickle);
    let folder = path.parent().unwrap_or(Path::new(""));
    all_present(&contents, folder).map_err(|e| e.in_file(path))?;
    let tree = nested(&contents).map_err(|e| e.in_file(path))?;
    let shards = Shards {
        folder: folder.to_owned(),
        contents,
        opened: RefCell::new(IndexMap::new()),
        beside: RefCell::default(),
    };
    walk::fill(&mut model, &shards, &tree).map_err(|e| merge(e.in_file(path)))?;
    order_as_safetensors(&mut model);
    let mut files: Vec<(PathBuf, Opened)> = shards.opened.into_inner().into_iter().collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    model.files = files.iter().map(|(path, _)| path.clone()).collect();
    for (_, file) in files {
        file.finish(&mut model);
    }
    Ok(shards.beside.into_inner().warn(model))
}

fn merge(e: ModelError) -> ModelError {
    let unsupported = e.kind() == crate::model::ErrorKind::Unsupported && e.hint().is_none();
    if unsupported { e.with_hint(MERGE) } else { e }
}

/// Checks that every file of the checkpoint is there.
fn all_present(contents: &Contents, folder: &Path) -> Result<()> {
    const NAMED: usize = 8;
    let missing: Vec<&str> = contents.files.iter().map(String::as_str).filter(|f| !folder.join(f).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing[..missing.len().min(NAMED)].join(", ");
    let more = if missing.len() > NAMED { ", …" } else { "" };
    let (n, are) = (missing.len(), are(missing.len()));
    let what = format!("{n} of {} files of the checkpoint {are} missing: {names}{more}", contents.files.len());
    Err(ModelError::bad(what).with_hint("Copy the whole folder, the files of every rank."))
}

/// A dict of the state dict before it was flattened.
#[derive(Default)]
struct Dict(IndexMap<String, Value>);

enum Value {
    Dict(Dict),
    /// An item of [`Contents::items`].
    Item(usize),
}

/// The state dict as it was before it was flattened. The storage of a tensor has the tensor's flat name as its key.
fn nested(contents: &Contents) -> Result<Pickle> {
    let mut root = Dict::default();
    for (i, (name, item)) in contents.items.iter().enumerate() {
        let twice = || ModelError::bad("two values have this path in the state dict").field(printable(name));
        let Some((last, above)) = item.path.split_last() else { return Err(twice()) };
        let mut at = &mut root;
        for key in above {
            let Value::Dict(inner) = at.0.entry(key.clone()).or_insert_with(|| Value::Dict(Dict::default())) else {
                return Err(twice());
            };
            at = inner;
        }
        if at.0.insert(last.clone(), Value::Item(i)).is_some() {
            return Err(twice());
        }
    }
    let mut tree = Tree::default();
    let root = build(&mut tree, contents, &root)?;
    Ok(Pickle { tree, root })
}

/// As deep as the longest path, which `metadata` bounds.
fn build(tree: &mut Tree, contents: &Contents, dict: &Dict) -> Result<NodeId> {
    const { assert!(metadata::MAX_PATH < MAX_DEPTH) };
    let mut items = Vec::with_capacity(dict.0.len());
    for (key, value) in &dict.0 {
        let key = tree.push(Node::Str(key.as_str().into()))?;
        let value = match value {
            Value::Dict(inner) => build(tree, contents, inner)?,
            Value::Item(i) => leaf(tree, contents, *i)?,
        };
        items.push((key, value));
    }
    tree.push(Node::Dict(items))
}

fn leaf(tree: &mut Tree, contents: &Contents, i: usize) -> Result<NodeId> {
    let Some((name, item)) = contents.items.get_index(i) else { return Ok(Tree::NONE) };
    let Some(tensor) = &item.tensor else { return Ok(Tree::NONE) };
    let elems = tensor.size.iter().try_fold(1u64, |a, &d| a.checked_mul(d));
    let elems = elems.ok_or_else(|| ModelError::bad("the size of its shape overflows").field(printable(name)))?;
    let mut stride = vec![1u64; tensor.size.len()];
    for d in (1..stride.len()).rev() {
        stride[d - 1] = stride[d].saturating_mul(tensor.size[d]);
    }
    let element = tensor.element.clone();
    let storage = StorageRef { key: name.as_str().into(), element: element.clone(), elems, view: None };
    let storage = tree.push(Node::Storage(Box::new(storage)))?;
    let tensor = TensorRef { storage, element, offset: 0, size: tensor.size.clone(), stride };
    tree.push(Node::Tensor(Box::new(tensor)))
}

/// The files of the ranks.
struct Shards {
    folder: PathBuf,
    contents: Contents,
    opened: RefCell<IndexMap<PathBuf, Opened>>,
    beside: RefCell<Beside>,
}

impl Tensors for Shards {
    fn entry(&self, tree: &Tree, name: &str, tensor: &TensorRef) -> Result<Result<TensorEntry, String>> {
        let Node::Storage(storage) = tree.get(tensor.storage) else {
            return Ok(Err("a tensor without a storage".to_owned()));
        };
        let found = self.contents.items.get(&*storage.key).and_then(|i| i.tensor.as_ref());
        let Some(found) = found else { return Ok(Err("a tensor that the metadata does not list".to_owned())) };
        let dtype = match &found.element {
            Element::Plain(dtype) => *dtype,
            Element::Untyped => return Ok(Err("a tensor without an element type".to_owned())),
            Element::Other(element, _) => return Ok(Err(format!("unsupported element type {}", printable(element)))),
        };
        let Some(rows) = tiles::rows(&found.size, &found.chunks) else {
            let what = format!("`{}` is not split by rows", printable(name));
            return Err(ModelError::unsupported(what));
        };
        let mut parts = Vec::with_capacity(rows.len());
        for chunk in rows {
            let Some(stored) = &chunk.stored else {
                let what = format!("the metadata does not list where the chunk at {:?} is stored", chunk.offsets);
                return Err(ModelError::bad(what).field(printable(name)));
            };
            let part = self.read(name, stored)?;
            let part = match part {
                Ok(part) => part,
                Err(what) => return Ok(Err(what)),
            };
            if part.shape.0 != chunk.sizes || part.encoding != dtype.into() {
                let what = format!(
                    "it is {} of shape [{}] in the file and {dtype} of shape {:?} in the metadata",
                    part.encoding, part.shape, chunk.sizes
                );
                return Err(ModelError::bad(what).field(printable(name)).in_file(&self.path(stored)).at(stored.offset));
            }
            parts.push(part);
        }
        tiles::join(name, &found.size, dtype, parts).map(Ok)
    }

    fn dense(&self, _: &Tree, _: &str, _: NodeId) -> Result<Option<TensorEntry>> {
        Ok(None)
    }
}

impl Shards {
    fn path(&self, stored: &Stored) -> PathBuf {
        self.folder.join(self.contents.files.get_index(stored.file).map_or("", String::as_str))
    }

    /// The tensor of one chunk.
    fn read(&self, name: &str, stored: &Stored) -> Result<Result<TensorEntry, String>> {
        let path = self.path(stored);
        let mut opened = self.opened.borrow_mut();
        if !opened.contains_key(&path) {
            opened.insert(path.clone(), Opened::open(&path)?);
        }
        let Some(file) = opened.get_mut(&path) else { return Ok(Err("a file that was not opened".to_owned())) };
        let read = file.tensor(name, stored, &mut self.beside.borrow_mut());
        read.map_err(|e| e.in_file(&path).at(stored.offset).field(printable(name)))
    }
}
