//! How an output is spread over files: from the words of a target to the [`Split`] of its layout.

use crate::arch::classify;
use crate::formats::gguf::{self, Arrays};
use crate::formats::{FilePlan, LayoutTensor, Split};
use crate::model::{FormatId, Model, ModelError, Result, Warning};
use crate::recipe::Target;
use std::collections::{BTreeSet, HashMap};

/// The split that a target asks for. `tensors` are those of the output, in its order.
///
/// # Errors
/// Sizes that are none, limits of 0, two ways to split at once; layers where there are none; a source that has no files to keep.
pub fn resolve(model: &Model, target: &Target, format: FormatId, tensors: &[LayoutTensor]) -> Result<Split> {
    if let Some((one, other)) = target.two_splits() {
        let what = format!("`{one}` and `{other}` are two ways to split");
        return Err(ModelError::request(what).field(other).with_hint("Give one of them."));
    }
    if target.keep_split && !target.prune_layers.is_empty() {
        let what = "the files of the source cannot be kept when layers are left out: their tensors get other names";
        return Err(ModelError::request(what).field("keep_split").with_hint("Use max_shard_size or split_max_layers."));
    }
    let split = match (&target.max_shard_size, target.split_max_tensors, target.split_max_layers) {
        (Some(text), _, _) => Split::Bytes(size(text)?),
        (_, Some(n), _) => Split::Tensors(positive("split_max_tensors", n)?),
        (_, _, Some(n)) => Split::Files(by_layers(tensors, positive("split_max_layers", n)?)?),
        _ if target.keep_split => files_of(model, tensors)?,
        _ => Split::Whole,
    };
    Ok(if target.no_tensor_first_split && format == FormatId::Gguf {
        Split::MetadataFirst(Box::new(split))
    } else {
        split
    })
}

/// Names the tensors that are larger than a file should be.
pub fn too_large(split: &Split, files: &[FilePlan], tensors: &[LayoutTensor]) -> Vec<Warning> {
    let Some(max) = split.max_bytes() else { return Vec::new() };
    let alone = files.iter().filter_map(|f| f.slots.first().filter(|s| f.slots.len() == 1 && s.bytes > max));
    let warning = |slot: &crate::formats::Slot| {
        let name = tensors.get(slot.tensor).map_or("", |t| t.name.as_str());
        let text = format!("{name} has {} bytes, more than the {max} of a file; it has a file of its own", slot.bytes);
        Warning::about("split.large-tensor", name, text)
    };
    alone.map(warning).collect()
}

fn size(text: &str) -> Result<u64> {
    let error = |what: String| ModelError::request(what).field("max_shard_size");
    match crate::recipe::parse_size(text) {
        None => Err(error(format!("`{text}` is not a size")).with_hint("Write it as 5GB or 4.5GiB.")),
        Some(0) => Err(error("a file of 0 bytes holds nothing".to_owned()).with_hint("Write it as 5GB or 4.5GiB.")),
        Some(n) => Ok(n),
    }
}

fn positive(key: &str, n: u64) -> Result<usize> {
    if n == 0 {
        let error = ModelError::request("a file of 0 of them holds nothing").field(key);
        return Err(error.with_hint("Give a number from 1."));
    }
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}

/// So many whole layers a file, by number. What belongs to no layer goes where the tensor before it went, so that tensors which
/// stand layer by layer keep their order, and a merge gives back the file that was split.
fn by_layers(tensors: &[LayoutTensor], layers: usize) -> Result<Vec<Vec<usize>>> {
    let of: Vec<Option<u32>> = tensors.iter().map(|t| classify(&t.name).layer).collect();
    let all: BTreeSet<u32> = of.iter().flatten().copied().collect();
    if all.is_empty() {
        let error = ModelError::request("no tensor belongs to a layer").field("split_max_layers");
        return Err(error.with_hint("Split by size or by number of tensors instead."));
    }
    let rank: HashMap<u32, usize> = all.iter().enumerate().map(|(rank, &layer)| (layer, rank)).collect();
    let mut files = vec![Vec::new(); all.len().div_ceil(layers)];
    let mut file = 0;
    for (i, layer) in of.into_iter().enumerate() {
        if let Some(rank) = layer.and_then(|l| rank.get(&l)) {
            file = rank / layers;
        }
        if let Some(list) = files.get_mut(file) {
            list.push(i);
        }
    }
    Ok(files)
}

/// The files of a split source, with the same tensors in each.
fn files_of(model: &Model, tensors: &[LayoutTensor]) -> Result<Split> {
    if model.format != FormatId::Gguf {
        let what = format!("only the files of a split GGUF can be kept, and the source is {}", model.format);
        let error = ModelError::request(what).field("keep_split");
        return Err(error.with_hint("Split by size, by number of tensors or by layers instead."));
    }
    if model.files.len() < 2 {
        return Ok(Split::Whole);
    }
    let mut home = HashMap::new();
    for (no, path) in model.files.iter().enumerate() {
        let header = gguf::read_header(path, Arrays::SkipLong)?;
        home.extend(header.tensors.into_iter().map(|t| (t.name, no)));
    }
    let mut files = vec![Vec::new(); model.files.len()];
    for (i, t) in tensors.iter().enumerate() {
        let Some(&no) = home.get(&t.name) else {
            return Err(ModelError::bad("no file of the source holds it any more").field(&t.name));
        };
        files[no].push(i);
    }
    Ok(Split::Files(files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{DType, Shape};

    fn tensors(names: &[&str]) -> Vec<LayoutTensor> {
        let one = |n: &&str| LayoutTensor { name: (*n).into(), shape: Shape(vec![8]), encoding: DType::F32.into() };
        names.iter().map(one).collect()
    }

    #[test]
    fn whole_layers_go_together_and_the_rest_stays_where_it_stands() {
        let split = |names: &[&str], n| by_layers(&tensors(names), n).unwrap();
        let in_order = ["token_embd.weight", "blk.0.a", "blk.0.b", "blk.1.a", "blk.2.a", "blk.2.b", "output.weight"];
        assert_eq!(split(&in_order, 2), [vec![0, 1, 2, 3], vec![4, 5, 6]]);
        assert_eq!(split(&in_order, 1), [vec![0, 1, 2], vec![3], vec![4, 5, 6]]);
        assert_eq!(split(&in_order, 99), [vec![0, 1, 2, 3, 4, 5, 6]]);
        // As a converter lists them: by the letters of the number, and a layer that two files of the source share.
        let by_letters = ["blk.1.a", "blk.10.a", "output_norm.weight", "blk.2.a", "blk.10.b"];
        assert_eq!(split(&by_letters, 2), [vec![0, 3], vec![1, 2, 4]]);
        assert!(by_layers(&tensors(&["w"]), 1).is_err());
    }
}
