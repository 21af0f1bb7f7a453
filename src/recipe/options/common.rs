//! The keys that every target has, and options that several formats share.

use super::{Flag, TargetOption};
use crate::recipe::keys::{Key, Kind, NOW, Room, State, key};

const fn target(name: &'static str, kind: Kind, state: State, help: &'static str, example: &'static str) -> Key {
    key(Room::Target, name, kind, state, help, example)
}

/// The keys of every target that come before its options. They are fields of [`crate::recipe::Target`].
#[rustfmt::skip]
pub(crate) static FIRST: &[Key] = &[
    target("format", Kind::Format, NOW, "What to write.", "\"gguf\"").or(&["target_format", "type"]),
    target("quantization", Kind::Quantization, NOW, "Quantization or element type; `auto` or absent keeps the source's where it can be kept.", "\"q4_k_m\"").or(&["quant", "quantize", "outtype", "dtype"]),
    target("output", Kind::Path, NOW, "Where to write; named after the source when absent.", "\"out/model.gguf\"").or(&["output_path", "outfile", "path"]),
    target("output_name", Kind::Text, NOW, "Name of the output in its folder, without type and extension; the source's when absent. `{source}`, `{quant}` and `{format}` stand for what they say; a name with `{quant}` gets no other type.", "\"{source}-{quant}\""),
    target("force", Kind::Bool, NOW, "Replace an output that exists.", "true").or(&["overwrite"]).flag(Flag::switch("force")),
];

/// The keys of every target that come after its options.
#[rustfmt::skip]
pub(crate) static LAST: &[Key] = &[
    target("bare", Kind::Bool, NOW, "Take the tensors alone under their own names: no configuration, no tokenizer, no check that they are a whole model.", "true").or(&["tensors_only"]).flag(Flag::switch("bare")),
    target("reuse", Kind::Path, NOW, "An earlier output of the same kind, with its manifest: tensors whose source did not change since are copied from it.", "\"previous.gguf\"").flag(Flag::new("reuse", "OUTPUT")),
];

/// Size of the files of a set.
pub(crate) static MAX_SHARD_SIZE: TargetOption<Option<String>> = TargetOption::new(
    target(
        "max_shard_size",
        Kind::Size,
        NOW,
        "Split above this size of tensor data; a larger tensor gets a file of its own.",
        "\"5GB\"",
    )
    .or(&["shard_size", "out_shard_size", "split_max_size"])
    .conflicts(&["split_max_tensors", "split_max_layers", "keep_split"])
    .fact("≤ {} a file")
    .unmeasured()
    .flag(Flag::new("max-shard-size", "SIZE").shown(&["split-max-size"])),
);
