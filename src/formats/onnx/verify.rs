//! Reads a written model back, with its data file, and compares it with the plan.
//!
//! Three things are compared: the tensors that the reader finds with those that were planned, by name, type, shape and place; the graph that it finds,
//! laid out once more, with the planned bytes; and the types of the graph with the schemas of its operators.

use super::read;
use super::write::encode_as_placed;
use crate::formats::{FilePlan, LayoutRequest, LayoutTensor, Slot, WrittenFile};
use crate::model::{Model, ModelError, Result, TensorEntry};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Compares the files of an output with what was planned.
///
/// # Errors
/// A bad-file error that says what differs; those of reading.
pub(super) fn verify(files: &[WrittenFile<'_>], request: &LayoutRequest<'_>) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    let name = |f: &WrittenFile<'_>| Some((f.plan.path.file_name()?.to_str()?.to_owned(), f.path.to_owned()));
    let stand_ins: HashMap<String, PathBuf> = files[1..].iter().filter_map(name).collect();
    let model = read::open_with(first.path, stand_ins)?;
    tensors(&model, files, request.tensors)?;
    structure(&model, files)?;
    let checked = request.graph.is_some_and(|g| g.checked);
    let problem = model.graph.iter().filter(|_| checked).find_map(|g| g.infer().problems.into_iter().next());
    match problem {
        Some(p) => Err(ModelError::bad(format!("the written graph does not fit together: {}", p.what)).field(p.place)),
        None => Ok(()),
    }
}

#[cold]
fn wrong(field: &str) -> ModelError {
    ModelError::bad("the written file does not read back as planned").field(field)
}

/// Every tensor is where it was planned, and there is no other.
fn tensors(model: &Model, files: &[WrittenFile<'_>], planned: &[LayoutTensor]) -> Result<()> {
    if model.tensors.len() != planned.len() {
        return Err(wrong("the number of tensors"));
    }
    let slots = |f: &FilePlan| f.slots.iter().map(|s: &Slot| (s.tensor, s.offset)).collect::<HashMap<_, _>>();
    let slots: Vec<(&Path, HashMap<usize, u64>)> = files.iter().map(|f| (f.path, slots(f.plan))).collect();
    for (i, (found, planned)) in model.tensors.iter().zip(planned).enumerate() {
        let same = (&found.name, &found.shape, found.encoding) == (&planned.name, &planned.shape, planned.encoding);
        let place = slots.iter().find_map(|(path, slots)| Some((*path, *slots.get(&i)?)));
        if !same || (found.bytes() > 0 && place_of(found) != place) {
            return Err(wrong(&planned.name));
        }
    }
    Ok(())
}

fn place_of(tensor: &TensorEntry) -> Option<(&Path, u64)> {
    Some((tensor.data.file()?, tensor.data.offset()?))
}

/// The graph that was read is written as the same bytes.
fn structure(model: &Model, files: &[WrittenFile<'_>]) -> Result<()> {
    let (Some(graph), Some(first)) = (&model.graph, files.first()) else { return Ok(()) };
    let sizes: Vec<u64> = model.tensors.iter().map(TensorEntry::bytes).collect();
    // Where the tensors of the data file are; the reader has found them there.
    let outside = files.get(1).map(|f| f.plan.slots.as_slice()).unwrap_or_default();
    let again = encode_as_placed(&first.plan.path, graph, &sizes, outside)?;
    let same = again.fixed == first.plan.fixed && again.slots == first.plan.slots && again.bytes == first.plan.bytes;
    if same { Ok(()) } else { Err(wrong("graph")) }
}
