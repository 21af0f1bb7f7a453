//! Fused projections whose rows have another order in GGUF.

use crate::arch::views::MapElems;
use crate::model::{MapRows, MetaValue, Metadata, Model, ModelError, Result, TensorEntry};
use crate::tensor::Shape;
use std::sync::Arc;

/// Rows of a matrix, or elements of its bias, in another order and number.
fn rearranged<F>(t: &TensorEntry, outputs: u64, map: F) -> TensorEntry
where
    F: Fn(u64) -> u64 + Send + Sync + 'static,
{
    if t.shape.rank() == 1 {
        let data = Arc::new(MapElems { inner: t.clone(), map });
        TensorEntry { shape: Shape(vec![outputs]), data, ..t.clone() }
    } else {
        let data = Arc::new(MapRows { inner: t.clone(), map });
        TensorEntry { shape: Shape(vec![outputs, t.cols()]), data, ..t.clone() }
    }
}

/// Width of the network and of a head.
fn sizes(values: &Metadata) -> Result<(u64, u64)> {
    let find = |end: &str| values.iter().find(|(k, _)| k.ends_with(end)).and_then(|(_, v)| MetaValue::as_u64(v));
    let (width, heads) = (find(".embedding_length").unwrap_or(0), find(".attention.head_count").unwrap_or(0));
    match width.checked_div(heads) {
        Some(size) if size > 0 && size * heads == width => Ok((width, size)),
        _ => Err(ModelError::bad(format!("{heads} heads do not divide the width {width}"))),
    }
}

fn fused(model: &mut Model, change: impl Fn(&TensorEntry) -> TensorEntry, outputs: u64) -> Result<()> {
    for t in model.tensors.iter_mut().filter(|t| t.name.contains(".attn_qkv.")) {
        let has = if t.shape.rank() == 1 { t.cols() } else { t.rows() };
        if has != outputs || t.shape.rank() > 2 {
            let what = format!("shape {} is not that of a fused projection with {outputs} outputs", t.shape);
            return Err(ModelError::bad(what).field(t.name.as_str()));
        }
        *t = change(t);
    }
    Ok(())
}

/// StarCoder: one head of keys and one of values, which the file repeats for each head of queries.
pub(super) fn one_key_head(model: &mut Model, values: &Metadata) -> Result<()> {
    let (width, size) = sizes(values)?;
    let map = move |r: u64| if r < width + size { r } else { 2 * width + (r - width - size) };
    fused(model, |t| rearranged(t, width + 2 * size, map), 3 * width)
}

/// GPT-NeoX: query, key and value of a head are next to each other; in GGUF, all queries come before all keys and values.
pub(super) fn heads_apart(model: &mut Model, values: &Metadata) -> Result<()> {
    let (width, size) = sizes(values)?;
    let map = move |r: u64| {
        let (part, head, i) = (r / width, r % width / size, r % size);
        head * 3 * size + part * size + i
    };
    fused(model, |t| rearranged(t, 3 * width, map), 3 * width)
}
