//! The pickle `.metadata`: the tensors, how they are split, and the location of each chunk.
//!
//! Everything is a dataclass whose state is a dict (`TensorProperties` has a tuple). Shared values cost a pickle nothing, so every list and
//! every text is bounded before it is copied.

use super::super::limits::{MAX_NAME_BYTES, MAX_NAMES_BYTES, MAX_RANK, MAX_TENSORS};
use super::super::pickle::{Element, Node, NodeId, Pickle, Tree, printable};
use crate::model::{ModelError, Result};
use indexmap::{IndexMap, IndexSet};
use std::collections::HashMap;
use std::path::{Component, Path};

/// Where the classes are.
const MODULE: &str = "torch.distributed.checkpoint.metadata.";
/// The same class before PyTorch 2.3.
const OLD_PROPERTIES: &str = "torch.distributed._shard.sharded_tensor.metadata.TensorProperties";
const STORAGE_INFO: &str = "torch.distributed.checkpoint.filesystem._StorageInfo";

/// Keys from the root of the state dict to a value.
pub(crate) const MAX_PATH: usize = 32;

/// Attributes of one object; the classes have at most six.
const MAX_ATTRIBUTES: usize = 16;

/// Chunks of all tensors together: a quarter of what a pickle can build.
const MAX_CHUNKS: usize = MAX_TENSORS;

/// What a checkpoint holds.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Every value, by its flat name.
    pub items: IndexMap<String, Item>,
    /// Names of the files.
    pub files: IndexSet<String>,
}

/// A value of the state dict.
#[derive(Debug)]
pub(crate) struct Item {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// `None` for anything that is not a tensor.
    pub tensor: Option<Divided>,
}

/// A tensor and its chunks.
#[derive(Debug)]
pub(crate) struct Divided {
    /// What its elements are.
    pub element: Element,
    /// Dimensions, outermost first.
    pub size: Vec<u64>,
    /// Its chunks, in no order.
    pub chunks: Vec<Chunk>,
}

/// A box of a tensor.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Its first index in every dimension.
    pub offsets: Vec<u64>,
    /// Its dimensions.
    pub sizes: Vec<u64>,
    /// Its location; `None` if the metadata does not list it.
    pub stored: Option<Stored>,
}

/// A range of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// Index in [`Contents::files`].
    pub file: usize,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// Reads the metadata.
///
/// # Errors
/// Unsupported for what other writers put under that name; metadata that is not what PyTorch writes.
pub(crate) fn read(pickle: &Pickle) -> Result<Contents> {
    let tree = &pickle.tree;
    let root = object(tree, pickle.root, "Metadata").ok_or_else(|| {
        let what = match tree.get(pickle.root) {
            Node::Opaque(o) => format!("the metadata is an object of class {}", tree.class_name(o)),
            _ => "the metadata is not an object of torch.distributed.checkpoint".to_owned(),
        };
        ModelError::unsupported(what)
    })?;
    // Megatron puts what its own reader needs into the same object.
    if tree.lookup(root, "mcore_data").is_some() {
        return Err(ModelError::unsupported("the checkpoint has the layout of Megatron"));
    }
    let mut files = IndexSet::new();
    let stored = match tree.lookup(root, "storage_data").map(|id| tree.get(id)) {
        Some(Node::Dict(items)) => stored(tree, items, &mut files)?,
        _ => return Err(ModelError::unsupported("the metadata does not list where the tensors are stored")),
    };
    let paths = match tree.lookup(root, "planner_data").map(|id| tree.get(id)) {
        Some(Node::Dict(items)) => items.iter().filter_map(|(k, v)| Some((tree.text(*k)?, *v))).collect(),
        _ => HashMap::new(),
    };
    let Some(Node::Dict(listed)) = tree.lookup(root, "state_dict_metadata").map(|id| tree.get(id)) else {
        return Err(bad("state_dict_metadata"));
    };
    if listed.len() > MAX_TENSORS {
        return Err(ModelError::limit(format!("the checkpoint has more than {MAX_TENSORS} values")));
    }
    let mut items = IndexMap::new();
    let (mut chunks, mut text) = (0, 0);
    for (key, value) in listed {
        let name = name(tree, *key)?;
        let place = |e: ModelError| e.field(printable(name));
        let path = match paths.get(name) {
            Some(path) => keys(tree, *path).map_err(place)?,
            None => vec![name.to_owned()],
        };
        text += name.len() + path.iter().map(String::len).sum::<usize>();
        let tensor = divided(tree, *value, name, &stored, &mut chunks).map_err(place)?;
        if text > MAX_NAMES_BYTES {
            return Err(ModelError::limit(format!("the names have more than {MAX_NAMES_BYTES} bytes in total")));
        }
        items.insert(name.to_owned(), Item { path, tensor });
    }
    Ok(Contents { items, files })
}

/// Locations of the chunks, by flat name and offsets.
type Places<'t> = HashMap<(&'t str, Vec<u64>), (Stored, bool)>;

fn stored<'t>(tree: &'t Tree, items: &'t [(NodeId, NodeId)], files: &mut IndexSet<String>) -> Result<Places<'t>> {
    if items.len() > MAX_CHUNKS {
        return Err(ModelError::limit(format!("the checkpoint has more than {MAX_CHUNKS} chunks")));
    }
    let mut places = Places::new();
    for (key, value) in items {
        let key = object(tree, *key, "MetadataIndex").ok_or_else(|| bad("storage_data"))?;
        let name = name(tree, tree.lookup(key, "fqn").ok_or_else(|| bad("storage_data"))?)?;
        let place = |e: ModelError| e.field(printable(name));
        // Values that are not tensors have none.
        let Some(offsets) = tree.lookup(key, "offset").filter(|o| !matches!(tree.get(*o), Node::None)) else {
            continue;
        };
        let offsets = numbers(tree, offsets).ok_or_else(|| place(bad("offset")))?;
        let info = named(tree, *value, STORAGE_INFO)
            .ok_or_else(|| place(ModelError::unsupported(format!("`{}` is not stored in a file", printable(name)))))?;
        let file =
            tree.lookup(info, "relative_path").and_then(|f| tree.text(f)).ok_or_else(|| place(bad("relative_path")))?;
        let mut parts = Path::new(file).components();
        if file.len() > MAX_NAME_BYTES || !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            let what = format!("it names `{}`, which is not a file of its own folder", printable(file));
            let hint = "No tool writes such metadata; do not trust this checkpoint.";
            return Err(place(ModelError::bad(what)).with_hint(hint));
        }
        let number = |key: &str| tree.lookup(info, key).and_then(|n| tree.unsigned(n));
        let (Some(offset), Some(bytes)) = (number("offset"), number("length")) else {
            return Err(place(bad("length")));
        };
        let file = files.get_index_of(file).unwrap_or_else(|| files.insert_full(file.to_owned()).0);
        let plain = match tree.lookup(info, "transform_descriptors").map(|t| tree.get(t)) {
            None | Some(Node::None) => true,
            Some(Node::List(v) | Node::Tuple(v)) => v.is_empty(),
            Some(_) => false,
        };
        places.insert((name, offsets), (Stored { file, offset, bytes }, plain));
    }
    Ok(places)
}

/// A tensor's size, element type and chunks; `None` for a value that is not a tensor.
fn divided(tree: &Tree, id: NodeId, name: &str, places: &Places<'_>, count: &mut usize) -> Result<Option<Divided>> {
    if let Node::Opaque(o) = tree.get(id)
        && tree.class_name(o).strip_prefix(MODULE) == Some("BytesStorageMetadata")
    {
        return Ok(None);
    }
    let tensor = object(tree, id, "TensorStorageMetadata").ok_or_else(|| bad("state_dict_metadata"))?;
    let size = tree.lookup(tensor, "size").and_then(|s| numbers(tree, s)).ok_or_else(|| bad("size"))?;
    let element = tree.lookup(tensor, "properties").and_then(|p| element(tree, p)).ok_or_else(|| bad("properties"))?;
    let listed = tree.lookup(tensor, "chunks").and_then(|c| tree.sequence(c)).ok_or_else(|| bad("chunks"))?;
    *count += listed.len();
    if *count > MAX_CHUNKS {
        return Err(ModelError::limit(format!("the checkpoint has more than {MAX_CHUNKS} chunks")));
    }
    let mut chunks = Vec::with_capacity(listed.len());
    for chunk in listed {
        let chunk = object(tree, *chunk, "ChunkStorageMetadata").ok_or_else(|| bad("chunks"))?;
        let part = |key: &str| tree.lookup(chunk, key).and_then(|n| numbers(tree, n)).ok_or_else(|| bad(key));
        let (offsets, sizes) = (part("offsets")?, part("sizes")?);
        let mut stored = None;
        if let Some((at, plain)) = places.get(&(name, offsets.clone())) {
            if !plain {
                let what = format!("`{}` was stored with an extension", printable(name));
                return Err(ModelError::unsupported(what));
            }
            stored = Some(*at);
        }
        chunks.push(Chunk { offsets, sizes, stored });
    }
    Ok(Some(Divided { element, size, chunks }))
}

/// The element type of `TensorProperties`: the first of its state.
fn element(tree: &Tree, id: NodeId) -> Option<Element> {
    let Node::Opaque(o) = tree.get(id) else { return None };
    let class = tree.class_name(o);
    let first = tree.sequence(o.state?)?.first()?;
    match tree.get(*first) {
        Node::Global(dtype) if class.strip_prefix(MODULE) == Some("TensorProperties") || class == OLD_PROPERTIES => {
            Element::of_dtype(dtype)
        }
        _ => None,
    }
}

/// The state of an object of one of the classes of `metadata.py`.
fn object(tree: &Tree, id: NodeId, class: &str) -> Option<NodeId> {
    let Node::Opaque(o) = tree.get(id) else { return None };
    let right = tree.class_name(o).strip_prefix(MODULE) == Some(class) && !o.called;
    attributes(tree, o.state.filter(|_| right)?)
}

fn named(tree: &Tree, id: NodeId, class: &str) -> Option<NodeId> {
    let Node::Opaque(o) = tree.get(id) else { return None };
    let right = tree.class_name(o) == class && !o.called;
    attributes(tree, o.state.filter(|_| right)?)
}

/// A dict that is scanned for each object that shares it.
fn attributes(tree: &Tree, state: NodeId) -> Option<NodeId> {
    matches!(tree.get(state), Node::Dict(items) if items.len() <= MAX_ATTRIBUTES).then_some(state)
}

fn name(tree: &Tree, id: NodeId) -> Result<&str> {
    let name = tree.text(id).ok_or_else(|| bad("name"))?;
    if name.len() > MAX_NAME_BYTES {
        return Err(ModelError::limit(format!("a name has more than {MAX_NAME_BYTES} bytes")).field(printable(name)));
    }
    Ok(name)
}

/// A tuple of keys, each a text or the index of a list.
fn keys(tree: &Tree, id: NodeId) -> Result<Vec<String>> {
    let parts = tree.sequence(id).filter(|p| (1..=MAX_PATH).contains(&p.len())).ok_or_else(|| bad("planner_data"))?;
    let mut bytes = 0;
    let keys: Option<Vec<String>> = parts
        .iter()
        .map(|part| match tree.get(*part) {
            Node::Str(text) => {
                bytes += text.len();
                (bytes <= MAX_NAME_BYTES).then(|| text.to_string())
            }
            Node::Int(i) => Some(i.to_string()),
            _ => None,
        })
        .collect();
    keys.ok_or_else(|| bad("planner_data"))
}

/// A shape.
fn numbers(tree: &Tree, id: NodeId) -> Option<Vec<u64>> {
    let parts = tree.sequence(id).filter(|p| p.len() <= MAX_RANK)?;
    parts.iter().map(|n| tree.unsigned(*n)).collect()
}

fn bad(what: &str) -> ModelError {
    ModelError::bad(format!("`{what}` in the metadata is not what PyTorch writes"))
        .with_hint("If the file is damaged, copy the checkpoint again.")
}
