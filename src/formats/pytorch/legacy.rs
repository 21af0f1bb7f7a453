//! The stream before PyTorch 1.6: magic number, protocol version, system info, the object, the storage keys (five pickles),
//! then for each key an element count (8 bytes, little-endian) and the raw elements.

use super::beside::Beside;
use super::pickle::globals::with_imports_hint;
use super::pickle::{Input, Node, Pickle, load, printable};
use super::probe::LEGACY_MAGIC;
use super::source::Source;
use super::{empty_model, walk};
use crate::formats::zip::Blob;
use crate::model::{Defect, Model, ModelError, Result};
use std::collections::HashMap;

/// Opens a legacy stream.
///
/// # Errors
/// Truncated or inconsistent streams, big-endian ones.
pub(crate) fn open(mut source: Source) -> Result<Model> {
    let mut input = Input::file(&source.file, &source.path, 0, source.len);
    let magic = load(&mut input)?;
    if !matches!(magic.tree.get(magic.root), Node::Int(LEGACY_MAGIC)) {
        let e = ModelError::bad("its first pickle is not PyTorch's magic number").at(0);
        return Err(with_imports_hint(e, &magic.tree));
    }
    let version = load(&mut input)?;
    match *version.tree.get(version.root) {
        Node::Int(1001) => {}
        ref other => {
            let e = ModelError::unsupported(format!("legacy protocol version {other:?} (known: 1001)"));
            return Err(with_imports_hint(e, &version.tree));
        }
    }
    let system = load(&mut input)?;
    if let Some(Node::Bool(false)) = system.tree.lookup(system.root, "little_endian").map(|id| system.tree.get(id)) {
        let hint = "Save it again on a little-endian machine.";
        return Err(ModelError::unsupported("its numbers are stored big-endian").with_hint(hint));
    }
    let object = load(&mut input).map_err(|e| e.field("object"))?;
    let keys = load(&mut input).map_err(|e| with_imports_hint(e.field("storage keys"), &object.tree))?;
    let mut model = empty_model(&source.path);
    for small in [&magic, &version, &system, &keys] {
        walk::globals(&small.tree, &mut model);
    }
    storages(&mut source, &object, &keys, &mut input)
        .map_err(|e| with_imports_hint(with_imports_hint(e, &object.tree), &keys.tree))?;
    walk::fill(&mut model, &source, &object)?;
    Ok(model)
}

/// Opens a pickle that is not PyTorch's: nothing in it can be a tensor with data, so it is described.
///
/// # Errors
/// Damaged pickles.
pub(crate) fn open_plain(source: Source) -> Result<Model> {
    let mut input = Input::file(&source.file, &source.path, 0, source.len);
    let object = load(&mut input)?;
    let mut model = empty_model(&source.path);
    model.opaque.push("the file is a plain Python pickle without PyTorch tensors".to_owned());
    walk::fill(&mut model, &source, &object)?;
    // Some files hold several pickles in a row, for who reads them one by one.
    let mut beside = Beside::default();
    beside.stream(&mut input);
    Ok(beside.warn(model))
}

/// Places each storage: the keys give the order, the object's persistent ids the element size.
fn storages(source: &mut Source, object: &Pickle, keys: &Pickle, input: &mut Input) -> Result<()> {
    let mut units: HashMap<&str, Option<u64>> = HashMap::new();
    for node in object.tree.nodes() {
        if let Node::Storage(s) = node {
            let unit = s.element.bytes();
            if units.insert(&s.key, unit).is_some_and(|u| u != unit) {
                let what = format!("storage `{}` has two element types", printable(&s.key));
                return Err(ModelError::bad(what));
            }
        }
    }
    let order = keys.tree.sequence(keys.root).ok_or_else(|| ModelError::bad("the storage keys are not a list"))?;
    for id in order {
        let key = match keys.tree.get(*id) {
            Node::Str(s) => s.to_string(),
            Node::Int(i) => i.to_string(),
            _ => return Err(ModelError::bad("a storage key is not a string").at(input.pos())),
        };
        let at = input.pos();
        let elems = i64::from_le_bytes(input.array().map_err(|e| e.field("storage size"))?);
        let unit = units.get(key.as_str()).copied().flatten();
        let unit = unit.ok_or_else(|| {
            ModelError::bad(format!("no tensor uses storage `{}`, so its size is unknown", printable(&key))).at(at)
        })?;
        let bytes = u64::try_from(elems).ok().and_then(|n| n.checked_mul(unit)).filter(|b| *b <= input.left());
        let bytes = bytes.ok_or_else(|| {
            let what = format!(
                "storage `{}` of {elems} elements of {unit} bytes is longer than the {} bytes left",
                printable(&key),
                input.left()
            );
            ModelError::bad(what).defect(Defect::Cut).at(at).with_hint("Was the file truncated while it was copied?")
        })?;
        let blob = Blob { offset: input.pos(), bytes };
        input.skip(bytes)?;
        if source.blobs.insert(key.clone(), blob).is_some() {
            return Err(ModelError::bad(format!("duplicate storage `{}`", printable(&key))).at(at));
        }
    }
    Ok(())
}
