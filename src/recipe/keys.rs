//! Every key a recipe can have, once. The reader, the writer, `--set`, the template and `docs/recipe.md` all go by this table and by the
//! tables of [`options`] and [`steps`], which have the keys of targets and of steps.

use super::options::{self, Flag};
use super::steps;

pub(crate) use super::key::{Key, State};
pub use super::key::{KeyTable, Kind, OptionGroup};
pub(crate) use super::key::{NOW, key};

use KeyTable::{Source, Top, Validate};
use Kind::{Bool, Conditions, Format, Path, Size, Table, Text};
use State::{Later, NoEffect};

/// Every key that does not belong to a target, in the order of the manual. Those of targets are in [`options`], those of
/// steps in [`steps`].
#[rustfmt::skip]
static KEYS: &[Key] = &[
    key(Top, "name", Text, NOW, "Name shown in lists; default: the name of the file.", "\"nightly\"").absent("the file's name"),
    key(Top, "description", Text, NOW, "A one-line description.", "\"Q4_K_M for the laptop\"").or(&["about"]),
    key(Top, "output_dir", Path, NOW, "Folder for the outputs of targets without `output`.", "\"out\"").or(&["output_folder"]).absent("next to the source"),
    key(Top, "manifest", Bool, NOW, "Write a manifest (`NAME.remold.json`) next to each output: hashes, recipe, errors. Default: true.", "false").on_by_default().flag(Flag::switch("no-manifest")),
    key(Top, "max_memory", Size, NOW, "Memory that the conversion may use; it runs fewer threads when memory is scarce. Default: 80 % of the available memory.", "\"2GB\"").flag(Flag::new("max-memory", "SIZE")).absent("80 % of the available memory"),
    key(Top, "parallel", Bool, NoEffect, "All targets are always written from a single read of the source.", "true"),
    key(Top, "custom_operators", Table, Later, "Operator → file that defines it.", "{ MyOp = \"my_op.onnx\" }"),
    key(Top, "hardware_optimization", Table, Later, "Hardware to tune the outputs for: `target`, `cuda_version`, `tensor_cores`.", "{ target = \"cpu\" }"),

    key(Source, "path", Path, NOW, "The model: a file or a folder. Can also be given on the command line.", "\"runs/exp42/checkpoint-2000\"")
        .or(&["model", "model_path"]).flat(&["model_path", "source_path", "model", "input"]),
    key(Source, "format", Format, NOW, "Format of the source. Default: detected from its contents.", "\"safetensors\"").or(&["source_format", "type"]).flat(&["source_format"]).absent("detected"),
    key(Source, "no_checksums", Bool, NOW, "Convert the source even if its checksums do not match its bytes.", "true").flag(Flag::switch("no-checksums")),
    key(Source, "densify", Bool, NOW, "Write sparse tensors of a PyTorch file as dense tensors; without it they are rejected.", "true").flag(Flag::switch("densify")),
    key(Source, "hyperparameters", Table, NOW, "Hyper-parameters that ggml's files from before GGUF do not store: `heads`, `kv_heads`, `context`, `norm_epsilon`, `rope_base`. Default: assumed, with a warning.", "{ norm_epsilon = 1e-5, context = 4096 }").flag(Flag::new("hyperparameter", "NAME=VALUE")),
    key(Source, "lora", Path, NOW, "LoRA adapter of llama.cpp from before GGUF (`ggla`) to add to the model.", "\"ggml-adapter-model.bin\"").flag(Flag::new("lora", "FILE")).absent("none"),


    key(Validate, "data", Path, NOW, "Text to measure the outputs on once they are written, against the source: UTF-8, at least two windows of `context` tokens. For targets that are graphs, the file with their inputs (.npz, .npy, .safetensors); without it they are made from a seed.", "\"holdout.txt\"").flag(Flag::new("validate", "FILE")),
    key(Validate, "fail_if", Conditions, NOW, "Conditions under which the run ends with exit code 3; the outputs are kept. `remold eval --help` lists the metrics.", "{ kld_mean = \"> 0.05\" }").flag(Flag::new("fail-if", "CONDITION")),
    key(Validate, "context", Kind::Integer(4, 1 << 31), NOW, "Tokens of a window. Default: 512, or the context of the model if it is shorter.", "256").unit("tokens").absent("512"),
    key(Validate, "chunks", Kind::Integer(1, u32::MAX as u64), NOW, "Windows to measure at most; of an embedding model, lines. Default: the whole text.", "20").absent("the whole text"),
    key(Validate, "as", Kind::Choice(&["exact", "llama.cpp"]), NOW, "How activations are rounded: not at all, or as llama.cpp rounds them. Default: exact.", "\"llama.cpp\"").absent("exact"),

];

/// Tables and lists at the top that are not keys themselves, with what they are for.
pub(crate) const GROUPS: &[(&str, &str)] = &[
    ("source", "a table, or the path as a string"),
    ("pipeline", "a list of steps"),
    ("target", "a table, a list of tables, or `FORMAT:QUANTIZATION` as a string"),
    ("validate", "a table"),
    ("target_format", "a format, or `FORMAT:QUANTIZATION`"),
    ("target_formats", "a list of formats, each possibly with `:QUANTIZATION`"),
    ("format_options", "format → table of that format's target keys"),
    ("optimization", "`pruning` and `distillation`: tables that become steps"),
    ("splitting", "a table that becomes a step"),
];

/// Other names of [`GROUPS`].
pub(crate) const GROUP_ALIASES: &[(&str, &str)] =
    &[("targets", "target"), ("steps", "pipeline"), ("validation", "validate")];

/// The canonical name of a step.
pub(crate) fn step(name: &str) -> Option<&'static str> {
    steps::find(name).map(|s| s.name)
}

/// The keys of a table, in the order of the manual.
pub fn keys_of(table: KeyTable) -> impl Iterator<Item = &'static Key> {
    keys().filter(move |k| k.table == table)
}

/// Every key of every table.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let after = |k: &&Key| k.table == KeyTable::Validate;
    KEYS.iter().filter(move |k| !after(k)).chain(options::keys()).chain(KEYS.iter().filter(after)).chain(steps::keys())
}

/// The key of that name or alias in a table.
pub(crate) fn find(table: KeyTable, name: &str) -> Option<&'static Key> {
    keys_of(table).find(|k| k.is_called(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_used_for_two_keys() {
        let mut seen = HashSet::new();
        for k in keys() {
            for name in k.aliases.iter().chain([&k.name]) {
                assert!(seen.insert((format!("{:?}", k.table), *name)), "{:?} {name}", k.table);
            }
        }
        let mut top = HashSet::new();
        for k in keys() {
            let names = k.aliases.iter().chain([&k.name]);
            let flat: Vec<_> = if k.table == Top { names.chain(k.flat).collect() } else { k.flat.iter().collect() };
            flat.into_iter().for_each(|n| assert!(top.insert(*n), "{n}"));
        }
        for name in GROUPS.iter().map(|(g, _)| g).chain(GROUP_ALIASES.iter().map(|(a, _)| a)) {
            assert!(top.insert(*name), "{name}");
        }
    }
}
