//! The keys that every target has, and options that several formats share.

use super::{Flag, TargetOption};
use crate::recipe::key::{Key, KeyTable, Kind, NOW, OptionGroup, State, key};

const fn target(name: &'static str, kind: Kind, state: State, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Target, name, kind, state, help, example)
}

/// The keys of every target that come before its options. They are fields of [`crate::recipe::Target`].
#[rustfmt::skip]
pub(crate) static FIRST: &[Key] = &[
    target("format", Kind::Format, NOW, "What to write.", "\"gguf\"").or(&["target_format", "type"]).group(OptionGroup::Types).front(0),
    target("quantization", Kind::Quantization, NOW, "Quantization or element type. Default: `auto`, which keeps the type of the source where possible.", "\"q4_k_m\"").or(&["quant", "quantize", "outtype", "dtype"]).group(OptionGroup::Types).front(1).absent("auto"),
    target("output", Kind::Path, NOW, "Where to write. Default: a name derived from the source.", "\"out/model.gguf\"").or(&["output_path", "outfile", "path"]).flag(Flag::new("output", "OUT")).group(OptionGroup::Output).front(100).absent("named after the source"),
    target("output_name", Kind::Text, NOW, "Name of the output in its folder, without type and extension. Default: the name of the source, with `-pruned` if layers or weights are left out. `{source}`, `{quant}` and `{format}` are replaced; the type is not appended to a name with `{quant}`.", "\"{source}-{quant}\"").group(OptionGroup::Output).absent("the source's"),
    target("force", Kind::Bool, NOW, "Replace an output that exists.", "true").or(&["overwrite"]).flag(Flag::switch("force")).group(OptionGroup::Output).front(101),
];

/// The keys of every target that come after its options.
#[rustfmt::skip]
pub(crate) static LAST: &[Key] = &[
    target("bare", Kind::Bool, NOW, "Convert only the tensors, with their own names: no configuration, no tokenizer, no check that the model is complete. A graph is written without the check that its types fit together.", "true").or(&["tensors_only"]).flag(Flag::switch("bare")).group(OptionGroup::Types),
    target("reuse", Kind::Path, NOW, "An earlier output of the same kind, with its manifest. Tensors whose source has not changed are copied from it.", "\"previous.gguf\"").flag(Flag::new("reuse", "OUTPUT")).group(OptionGroup::Output),
];

/// Size of the files of a set.
pub(crate) static MAX_SHARD_SIZE: TargetOption<Option<String>> = TargetOption::new(
    target(
        "max_shard_size",
        Kind::Size,
        NOW,
        "Split into files with at most this much tensor data; a larger tensor gets its own file.",
        "\"5GB\"",
    )
    .or(&["shard_size", "out_shard_size", "split_max_size"])
    .conflicts(&["split_max_tensors", "split_max_layers", "keep_split"])
    .fact("≤ {} per file")
    .unmeasured()
    .group(OptionGroup::Output)
    .absent("one file")
    .flag(Flag::new("max-shard-size", "SIZE").shown(&["split-max-size"])),
);
