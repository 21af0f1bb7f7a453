//! The options of safetensors and PyTorch targets: plain tensor files.

use super::common::MAX_SHARD_SIZE;
use super::{FormatOptions, TargetOption, Types, no_notes};
use crate::model::FormatId;
use crate::recipe::key::{KeyTable, Kind, OptionGroup, State, key};

/// Compression of the file.
pub(crate) static COMPRESSION: TargetOption<Option<String>> = TargetOption::new(
    key(
        KeyTable::Target,
        "compression",
        Kind::Choice(&["lz4", "zstd", "none"]),
        State::Later,
        "Compress the file. No loader supports compressed safetensors.",
        "\"zstd\"",
    )
    .group(OptionGroup::Output),
);

/// safetensors.
pub(crate) static SAFETENSORS: FormatOptions = FormatOptions {
    format: FormatId::Safetensors,
    types: Types::Elements,
    heading: "safetensors options",
    purpose: "to train, to serve",
    options: &[&MAX_SHARD_SIZE.key, &COMPRESSION.key],
    notes: no_notes,
};

/// PyTorch.
pub(crate) static PYTORCH: FormatOptions = FormatOptions {
    format: FormatId::Pytorch,
    types: Types::Elements,
    heading: "PyTorch options",
    purpose: "a .pt state dict",
    options: &[&MAX_SHARD_SIZE.key],
    notes: no_notes,
};
