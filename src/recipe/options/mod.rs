//! The options of targets, each defined once: its key, what it takes, its default, its flag, its help and its other names.
//!
//! An option is a static [`TargetOption`] in the file of its format; the format's row in [`FORMAT_OPTIONS`] lists it. The recipe reader, the
//! checks, `docs/recipe.md`, the flags of the command line, the workbench's form and the error messages are made from these tables.
//! Values are kept as the reader's canonical JSON in [`Options`] and are read by type: `target.get(&gguf::CONTEXT_LENGTH)`.
//! Must not know what an option does. Adding one: `docs/adding-an-option.md`.

pub(crate) mod budget;
pub(crate) mod common;
pub(crate) mod flag;
pub(crate) mod gguf;
pub(crate) mod graph;
pub(crate) mod safetensors;
mod store;
mod typed;

pub use budget::Budget;
pub(crate) use budget::{like_file, measures_text, measuring, scores_file};
pub(crate) use flag::{Flag, FlagValue};
pub(crate) use store::Options;
pub(crate) use typed::{OptionValue, TargetOption};

use super::Target;
use super::key::Key;
use crate::model::FormatId;

/// The words that a format's `quantization` key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// llama-quantize's file types.
    Files,
    /// Element types.
    Elements,
    /// Quantizations of operator graphs.
    Graphs,
}

/// True if a format holds operator graphs.
pub(crate) fn is_of_graphs(format: FormatId) -> bool {
    of(format).is_some_and(|f| f.types == Types::Graphs)
}

/// True if the weights of an operator graph have to be read to plan a target, or its graph has to be run.
pub(crate) fn reads_graph(target: &Target) -> bool {
    let quantized = target.quantization.as_deref().is_some_and(|q| !q.eq_ignore_ascii_case("auto"));
    is_of_graphs(target.format) && (quantized || calibrates(target))
}

/// True if the graph of a target is run on calibration data.
pub(crate) fn calibrates(target: &Target) -> bool {
    target.options.has(&graph::CALIBRATION_DATA)
}

/// The options of one format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormatOptions {
    /// The format.
    pub format: FormatId,
    /// What it can be quantized to.
    pub types: Types,
    /// Heading of its flags in `--help`.
    pub heading: &'static str,
    /// What the format is for, in a few words: for those who choose.
    pub purpose: &'static str,
    /// Its options beside those that every target has.
    pub options: &'static [&'static Key],
    /// What to know about a target with these options, beside what is wrong with it.
    pub notes: fn(&Options) -> Vec<OptionNote>,
}

/// Something to know about an option that is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionNote {
    /// The option's key.
    pub key: &'static str,
    /// What there is to know.
    pub message: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// For formats without notes.
fn no_notes(_: &Options) -> Vec<OptionNote> {
    Vec::new()
}

/// The options of every format, by [`FormatId`] order.
pub(crate) static FORMAT_OPTIONS: &[&FormatOptions] = &[
    &safetensors::SAFETENSORS,
    &safetensors::PYTORCH,
    &gguf::GGUF,
    &gguf::GGML,
    &graph::ONNX,
    &graph::ORT,
    &graph::TFLITE,
    &graph::SAVEDMODEL,
];

/// The row of a format.
pub(crate) fn of(format: FormatId) -> Option<&'static FormatOptions> {
    FORMAT_OPTIONS.iter().copied().find(|f| f.format == format)
}

/// Every key of a target, in the order of the manual.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    common::FIRST.iter().chain(own_keys()).chain(common::LAST)
}

/// The keys of a target of that format, in the order of its own table.
pub(crate) fn keys_of(format: FormatId) -> impl Iterator<Item = &'static Key> {
    let own = of(format).map_or(&[][..], |f| f.options);
    common::FIRST.iter().chain(own.iter().copied()).chain(common::LAST)
}

/// The keys that belong to formats, each once.
pub(crate) fn own_keys() -> impl Iterator<Item = &'static Key> {
    let all = FORMAT_OPTIONS.iter().enumerate().flat_map(|(i, f)| f.options.iter().map(move |k| (i, *k)));
    all.filter(|(i, key)| !FORMAT_OPTIONS.iter().take(*i).any(|f| f.has(key))).map(|(_, key)| key)
}

/// The formats that take a key; empty for keys of every target.
pub fn formats_of(key: &Key) -> Vec<FormatId> {
    FORMAT_OPTIONS.iter().filter(|f| f.has(key)).map(|f| f.format).collect()
}

/// The formats that take a key, as text: `safetensors, pytorch, gguf`.
pub(crate) fn formats_text(key: &Key) -> String {
    formats_of(key).iter().map(|f| f.name()).collect::<Vec<_>>().join(", ")
}

/// True if a target of that format can have the key.
pub(crate) fn fits(key: &Key, format: FormatId) -> bool {
    common::FIRST.iter().chain(common::LAST).any(|k| k.name == key.name) || of(format).is_some_and(|f| f.has(key))
}

impl Key {
    /// True if a target of that format can have the key.
    pub fn fits(&self, format: FormatId) -> bool {
        fits(self, format)
    }
}

impl FormatOptions {
    fn has(&self, key: &Key) -> bool {
        self.options.iter().any(|k| k.name == key.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_one_row() {
        let rows: Vec<FormatId> = FORMAT_OPTIONS.iter().map(|f| f.format).collect();
        assert_eq!(rows, FormatId::ALL);
    }

    #[test]
    fn conflicts_name_options_of_the_same_format_and_are_mutual() {
        for f in FORMAT_OPTIONS {
            for key in f.options {
                for other in key.conflicts {
                    let other = f.options.iter().find(|k| k.name == *other);
                    assert!(other.is_none_or(|o| o.conflicts.contains(&key.name)), "{}: {:?}", key.name, key.conflicts);
                }
            }
        }
    }

    #[test]
    fn every_option_of_a_target_has_a_group_and_its_place_in_front_is_its_own() {
        for key in keys() {
            assert!(key.group.is_some(), "{}", key.name);
        }
        for f in FORMAT_OPTIONS {
            let mut front: Vec<(u8, &str)> = keys_of(f.format).filter_map(|k| Some((k.front?, k.name))).collect();
            // The budget is one wish with two keys.
            front.retain(|(_, name)| *name != gguf::TARGET_BPW.key.name);
            let places: std::collections::HashSet<u8> = front.iter().map(|(place, _)| *place).collect();
            assert_eq!(places.len(), front.len(), "{}: {front:?}", f.format);
        }
    }

    #[test]
    fn flags_are_unique() {
        let mut seen = std::collections::HashSet::new();
        for key in own_keys() {
            let Some(flag) = &key.flag else { continue };
            for long in flag.aliases.iter().chain([&flag.long]) {
                assert!(seen.insert(*long), "--{long}");
            }
        }
    }
}
