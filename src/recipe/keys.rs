//! Every key a recipe can have, once. The reader, the writer, `--set`, the template and `docs/recipe.md` all go by this table and by the
//! tables of [`options`] and [`steps`], which have the keys of targets and of steps.

use super::options::{self, Flag};
use super::steps;
use crate::model::FormatId;

/// The table that contains a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTable {
    /// The top of the file.
    Top,
    /// `[source]`.
    Source,
    /// A `[[target]]`.
    Target,
    /// `[validate]`.
    Validate,
    /// A `[[pipeline]]` step of that name.
    Step(&'static str),
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path, relative to the folder remold runs in.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer(u64, u64),
    /// A number in a range.
    Number(f64, f64),
    /// Bytes or text like `5GB`.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A format's name.
    Format,
    /// A quantization's name.
    Quantization,
    /// A tensor type's name.
    TensorType,
    /// A list of texts or numbers; a lone one is a list of one.
    List,
    /// Selectors of tensors; a lone one is a list of one.
    Selectors,
    /// Numbers of layers, also as text with commas between them; a lone one is a list of one.
    Layers,
    /// Selector → tensor type, in order. Also a list of `pattern=type`, as llama-quantize takes it.
    Rules,
    /// Metric → condition.
    Conditions,
    /// Names → texts, numbers or booleans.
    Table,
}

impl Kind {
    /// For messages and the manual: `a whole number from 1 to 10`.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer(0, u64::MAX) => "a whole number, 0 or more".to_owned(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, f64::MAX) => format!("a number, {low} or more"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Size => "a number of bytes or a string like `5GB` or `4.5GiB`".to_owned(),
            Self::Choice(words) => {
                format!("one of {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
            }
            Self::Format => "the name of a format".to_owned(),
            Self::Quantization => "the name of a quantization".to_owned(),
            Self::TensorType => "the name of a tensor type".to_owned(),
            Self::List => "a list".to_owned(),
            Self::Selectors => "a list of roles, parts of names, names with `*`, or `re:` patterns".to_owned(),
            Self::Layers => "a list of layer numbers".to_owned(),
            Self::Rules => "a table of selector = tensor type".to_owned(),
            Self::Conditions => "a table of metric = condition, like `{ kld_mean = \"> 0.05\" }`".to_owned(),
            Self::Table => "a table".to_owned(),
        }
    }
}

/// Whether this version acts on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Acted on since that version.
    Since(&'static str),
    /// Understood, and refused by `check`: comes later.
    Later,
    /// Taken for the sake of other tools' recipes; changes nothing.
    NoEffect,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The table it belongs to.
    pub table: KeyTable,
    /// Its name.
    pub name: &'static str,
    /// Other names it is known by, in the same place.
    pub aliases: &'static [&'static str],
    /// Names it has at the top of the file.
    pub flat: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Whether this version acts on it.
    pub state: State,
    /// A one-line description.
    pub help: &'static str,
    /// A value in TOML.
    pub example: &'static str,
    /// Keys that cannot be given together with it.
    pub conflicts: &'static [&'static str],
    /// True for a flag for which off is not the same as absent.
    pub tri_state: bool,
    /// How it is given on the command line, if it has a flag of its own.
    pub flag: Option<Flag>,
    /// How a list shows that it is given: `ctx {}`, with `{}` for the value, `{n}` for the number of entries and `{s}` for the plural; empty
    /// if it does not.
    pub fact: &'static str,
    /// The option whose path, as given, is its default: a job's recipe has full paths, and the output names the one that was given.
    pub named_after: Option<&'static str>,
    /// True if its value belongs to one model and is dropped when another is chosen.
    pub of_model: bool,
    /// True if it changes nothing of what a forecast measures.
    pub unmeasured: bool,
}

pub(crate) const NOW: State = State::Since("0.1");

pub(crate) const fn key(
    table: KeyTable,
    name: &'static str,
    kind: Kind,
    state: State,
    help: &'static str,
    example: &'static str,
) -> Key {
    Key {
        table,
        name,
        aliases: &[],
        flat: &[],
        kind,
        state,
        help,
        example,
        conflicts: &[],
        tri_state: false,
        flag: None,
        fact: "",
        named_after: None,
        of_model: false,
        unmeasured: false,
    }
}

impl Key {
    pub(crate) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn flat(mut self, flat: &'static [&'static str]) -> Self {
        self.flat = flat;
        self
    }

    pub(crate) const fn conflicts(mut self, others: &'static [&'static str]) -> Self {
        self.conflicts = others;
        self
    }

    pub(crate) const fn tri_state(mut self) -> Self {
        self.tri_state = true;
        self
    }

    pub(crate) const fn fact(mut self, fact: &'static str) -> Self {
        self.fact = fact;
        self
    }

    pub(crate) const fn named_after(mut self, other: &'static str) -> Self {
        self.named_after = Some(other);
        self
    }

    pub(crate) const fn of_model(mut self) -> Self {
        self.of_model = true;
        self
    }

    pub(crate) const fn unmeasured(mut self) -> Self {
        self.unmeasured = true;
        self
    }

    pub(crate) const fn flag(mut self, flag: Flag) -> Self {
        self.flag = Some(flag);
        self
    }

    /// True if a target of that format can have the key.
    pub fn fits(&self, format: FormatId) -> bool {
        options::fits(self, format)
    }

    /// True if that is its name or an alias; `-` counts as `_`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let same = |known: &&str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(k, n)| k == n || (k == b'_' && n == b'-'))
        };
        same(&self.name) || self.aliases.iter().any(same)
    }
}

use KeyTable::{Source, Top, Validate};
use Kind::{Bool, Conditions, Format, Path, Size, Table, Text};
use State::{Later, NoEffect};

/// Every key that does not belong to a target, in the order of the manual. Those of targets are in [`options`], those of
/// steps in [`steps`].
#[rustfmt::skip]
static KEYS: &[Key] = &[
    key(Top, "name", Text, NOW, "Name shown in lists; default: the name of the file.", "\"nightly\""),
    key(Top, "description", Text, NOW, "A one-line description.", "\"Q4_K_M for the laptop\"").or(&["about"]),
    key(Top, "output_dir", Path, NOW, "Folder for the outputs of targets without `output`.", "\"out\"").or(&["output_folder"]),
    key(Top, "manifest", Bool, NOW, "Write a manifest (`NAME.remold.json`) next to each output: hashes, recipe, errors. Default: true.", "false").flag(Flag::switch("no-manifest")),
    key(Top, "max_memory", Size, NOW, "Memory that the conversion may use; it runs fewer threads when memory is scarce. Default: 80 % of the available memory.", "\"2GB\"").flag(Flag::new("max-memory", "SIZE")),
    key(Top, "parallel", Bool, NoEffect, "All targets are always written from a single read of the source.", "true"),
    key(Top, "custom_operators", Table, Later, "Operator → file that defines it.", "{ MyOp = \"my_op.onnx\" }"),
    key(Top, "hardware_optimization", Table, Later, "Hardware to tune the outputs for: `target`, `cuda_version`, `tensor_cores`.", "{ target = \"cpu\" }"),

    key(Source, "path", Path, NOW, "The model: a file or a folder. Can also be given on the command line.", "\"runs/exp42/checkpoint-2000\"")
        .or(&["model", "model_path"]).flat(&["model_path", "source_path", "model", "input"]),
    key(Source, "format", Format, NOW, "Format of the source. Default: detected from its contents.", "\"safetensors\"").or(&["source_format", "type"]).flat(&["source_format"]),
    key(Source, "no_checksums", Bool, NOW, "Convert the source even if its checksums do not match its bytes.", "true").flag(Flag::switch("no-checksums")),
    key(Source, "densify", Bool, NOW, "Write sparse tensors of a PyTorch file as dense tensors; without it they are rejected.", "true").flag(Flag::switch("densify")),


    key(Validate, "data", Path, Later, "Text to measure on.", "\"holdout.txt\""),
    key(Validate, "fail_if", Conditions, Later, "Conditions that end the run with exit code 3.", "{ kld_mean = \"> 0.05\" }"),

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
