//! How a GGUF is spread over files: from the options of a target to the [`Split`] of its layout.

use crate::formats::gguf::{self as gguf_file, Arrays};
use crate::formats::{FilePlan, LayoutTensor, Split};
use crate::model::{FormatId, Metadata, Model, ModelError, Result};
use crate::plan::by_size::by_size;
use crate::recipe::Target;
use crate::recipe::options::{TargetOption, gguf};
use std::collections::{BTreeSet, HashMap};

/// The split that a GGUF target asks for. `tensors` are those of the output, in its order.
///
/// # Errors
/// Sizes that are none, limits of 0; layers where there are none; a source that has no files to keep.
pub(crate) fn resolve(model: &Model, target: &Target, tensors: &[LayoutTensor]) -> Result<Split> {
    if target.get(&gguf::KEEP_SPLIT) && target.has(&gguf::PRUNE_LAYERS) {
        let what = "the files of the source cannot be kept when layers are removed: their tensors get other names";
        return Err(ModelError::request(what)
            .in_option(&gguf::KEEP_SPLIT)
            .with_hint("Use max_shard_size or split_max_layers."));
    }
    let split = match (target.get(&gguf::SPLIT_MAX_TENSORS), target.get(&gguf::SPLIT_MAX_LAYERS)) {
        (Some(n), _) => Split::Tensors(positive(&gguf::SPLIT_MAX_TENSORS, n)?),
        (_, Some(n)) => Split::Files(by_layers(tensors, positive(&gguf::SPLIT_MAX_LAYERS, n)?)?),
        _ if target.get(&gguf::KEEP_SPLIT) => files_of(model, tensors)?,
        _ => by_size(target)?,
    };
    Ok(if target.get(&gguf::NO_TENSOR_FIRST_SPLIT) { Split::MetadataFirst(Box::new(split)) } else { split })
}

/// The files of a GGUF output, for their number and sizes only.
///
/// # Errors
/// As [`resolve`].
pub(super) fn trial(
    model: &Model,
    target: &Target,
    tensors: &[LayoutTensor],
    metadata: &Metadata,
) -> Result<Vec<FilePlan>> {
    crate::plan::trial::trial(target, tensors, metadata, resolve(model, target, tensors)?, None)
}

fn positive(option: &TargetOption<Option<u64>>, n: u64) -> Result<usize> {
    if n == 0 {
        let error = ModelError::request("0 per file is not possible").in_option(option);
        return Err(error.with_hint("Give a number from 1."));
    }
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}

/// So many whole layers a file, by number. What belongs to no layer goes where the tensor before it went, so that tensors which
/// are ordered by layer keep their order, and a merge gives back the file that was split.
fn by_layers(tensors: &[LayoutTensor], layers: usize) -> Result<Vec<Vec<usize>>> {
    let of: Vec<Option<u32>> = tensors.iter().map(|t| t.layer).collect();
    let all: BTreeSet<u32> = of.iter().flatten().copied().collect();
    if all.is_empty() {
        let error = ModelError::request("no tensor belongs to a layer").in_option(&gguf::SPLIT_MAX_LAYERS);
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
        let error = ModelError::request(what).in_option(&gguf::KEEP_SPLIT);
        return Err(error.with_hint("Split by size, by number of tensors or by layers instead."));
    }
    if model.files.len() < 2 {
        return Ok(Split::Whole);
    }
    let mut home = HashMap::new();
    for (no, path) in model.files.iter().enumerate() {
        let header = gguf_file::read_header(path, Arrays::SkipLong)?;
        home.extend(header.tensors.into_iter().map(|t| (t.name, no)));
    }
    let mut files = vec![Vec::new(); model.files.len()];
    for (i, t) in tensors.iter().enumerate() {
        let Some(&no) = home.get(&t.name) else {
            return Err(ModelError::bad("no file of the source contains it any more").field(&t.name));
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
        let layer = |n: &str| n.strip_prefix("blk.")?.split_once('.')?.0.parse().ok();
        let one = |n: &&str| LayoutTensor {
            name: (*n).into(),
            shape: Shape(vec![8]),
            encoding: DType::F32.into(),
            layer: layer(n),
        };
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
