//! The order llama-quantize writes tensors in: tensors without a layer first, then layer by layer, each by name (`weight_name_comparer`).

use crate::model::TensorEntry;

/// Indices of `tensors` in output order.
pub(super) fn output_order(tensors: &[TensorEntry]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_cached_key(|&i| (layer(&tensors[i].name), tensors[i].name.clone()));
    order
}

/// The layer number of `blk.N.…`.
pub(in crate::transform) fn layer(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("blk.")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    rest[..digits].parse().ok()
}
