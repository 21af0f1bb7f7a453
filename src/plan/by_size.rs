//! Outputs that are split by size: the limit, and the tensors that are larger.

use crate::formats::{FilePlan, LayoutTensor, Slot, Split};
use crate::model::{ModelError, OptionName, Result, Warning};
use crate::recipe::Target;
use crate::recipe::options::common;
use crate::units;

/// The split by `max_shard_size`; one file without it.
///
/// # Errors
/// A text that is not a size, and a size of 0.
pub(super) fn by_size(target: &Target) -> Result<Split> {
    target.get(&common::MAX_SHARD_SIZE).map_or(Ok(Split::Whole), |text| size(&text).map(Split::Bytes))
}

/// Names the tensors that are larger than a file should be.
pub(crate) fn too_large(split: &Split, files: &[FilePlan], tensors: &[LayoutTensor]) -> Vec<Warning> {
    let Some(max) = split.max_bytes() else { return Vec::new() };
    let alone = files.iter().filter_map(|f| f.slots.first().filter(|s| f.slots.len() == 1 && s.bytes > max));
    let warning = |slot: &Slot| {
        let name = tensors.get(slot.tensor).map_or("", |t| t.name.as_str());
        let (own, max) = (units::bytes(slot.bytes), units::bytes(max));
        let text = format!("{name} has {own}, more than the {max} of a file; it has a file of its own");
        Warning::about("split.large-tensor", name, text)
    };
    alone.map(warning).collect()
}

fn size(text: &str) -> Result<u64> {
    let error = |what: String| ModelError::request(what).in_option(OptionName::MAX_SHARD_SIZE);
    match crate::recipe::parse_size(text) {
        None => Err(error(format!("`{text}` is not a size")).with_hint("Write it as 5GB or 4.5GiB.")),
        Some(0) => Err(error("a file of 0 bytes is not possible".to_owned()).with_hint("Write it as 5GB or 4.5GiB.")),
        Some(n) => Ok(n),
    }
}
