//! Every key a recipe can have, once. The reader, the writer, `--set`, the template and `docs/recipe.md` all go by this table.

/// The table a key stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
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
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer(0, u64::MAX) => "a whole number, 0 or more".to_owned(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, f64::MAX) => format!("a number, {low} or more"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Size => "a number of bytes or a text like `5GB` or `4.5GiB`".to_owned(),
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
    /// Where it stands.
    pub room: Room,
    /// Its name.
    pub name: &'static str,
    /// Other names it is known by, in the same place.
    pub aliases: &'static [&'static str],
    /// Names it has at the top of the file.
    pub flat: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Target formats it is for; empty: every one.
    pub formats: &'static [&'static str],
    /// Whether this version acts on it.
    pub state: State,
    /// One line for people.
    pub help: &'static str,
    /// A value in TOML.
    pub example: &'static str,
}

const GGUF: &[&str] = &["gguf"];
const GRAPH: &[&str] = &["onnx", "ort", "tflite"];
const NOW: State = State::Since("0.1");

/// Longest context a GGUF header can declare: llama.cpp reads it into a signed 32-bit number.
pub(crate) const MAX_CONTEXT: u64 = 1 << 31;

/// Most tensors or layers that a file of a split is counted to: more than any model has.
const MAX_SPLIT: u64 = 1 << 31;

const fn key(
    room: Room,
    name: &'static str,
    kind: Kind,
    state: State,
    help: &'static str,
    example: &'static str,
) -> Key {
    Key { room, name, aliases: &[], flat: &[], kind, formats: &[], state, help, example }
}

impl Key {
    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn flat(mut self, flat: &'static [&'static str]) -> Self {
        self.flat = flat;
        self
    }

    const fn only(mut self, formats: &'static [&'static str]) -> Self {
        self.formats = formats;
        self
    }

    /// True if a target of that format can have the key.
    pub fn fits(&self, format: &str) -> bool {
        self.formats.is_empty() || self.formats.contains(&format)
    }

    /// True if that is its name or an alias; `-` counts as `_`.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |known: &&str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(k, n)| k == n || (k == b'_' && n == b'-'))
        };
        same(&self.name) || self.aliases.iter().any(same)
    }
}

use Kind::{
    Bool, Choice, Conditions, Format, Integer, Layers, List, Number, Path, Quantization, Rules, Selectors, Size, Table,
    TensorType, Text,
};
use Room::{Source, Step, Target, Top, Validate};
use State::{Later, NoEffect};

/// Every key, in the order of the manual.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key(Top, "name", Text, NOW, "Name shown in lists; the file's name when absent.", "\"nightly\""),
    key(Top, "description", Text, NOW, "One line for people.", "\"Q4_K_M for the laptop\"").or(&["about"]),
    key(Top, "output_dir", Path, NOW, "Folder for the outputs of targets that name none.", "\"out\"").or(&["output_folder"]),
    key(Top, "manifest", Bool, NOW, "Write a manifest (`NAME.remold.json`) beside each output: hashes, recipe, errors. Written when absent.", "false"),
    key(Top, "max_memory", Size, NOW, "Memory the conversion may take; fewer threads work when it is short. 80 % of what is available when absent.", "\"2GB\""),
    key(Top, "parallel", Bool, NoEffect, "Targets are always made from one read of the source.", "true"),
    key(Top, "custom_operators", Table, Later, "Operator → file that defines it.", "{ MyOp = \"my_op.onnx\" }"),
    key(Top, "hardware_optimization", Table, Later, "What the outputs are tuned for: `target`, `cuda_version`, `tensor_cores`.", "{ target = \"cpu\" }"),

    key(Source, "path", Path, NOW, "The model: a file or a folder. May be left to the command line.", "\"runs/exp42/checkpoint-2000\"")
        .or(&["model", "model_path"]).flat(&["model_path", "source_path", "model", "input"]),
    key(Source, "format", Format, NOW, "Format of the source, when looking at it must not decide.", "\"safetensors\"").or(&["source_format", "type"]).flat(&["source_format"]),
    key(Source, "no_checksums", Bool, NOW, "Convert although checksums in the source do not match its bytes.", "true"),
    key(Source, "densify", Bool, NOW, "Write sparse tensors of a PyTorch file in full; without it they are refused.", "true"),

    key(Target, "format", Format, NOW, "What to write.", "\"gguf\"").or(&["target_format", "type"]),
    key(Target, "quantization", Quantization, NOW, "Quantization or element type; `auto` or absent keeps the source's where it can be kept.", "\"q4_k_m\"").or(&["quant", "quantize", "outtype", "dtype"]),
    key(Target, "output", Path, NOW, "Where to write; named after the source when absent.", "\"out/model.gguf\"").or(&["output_path", "outfile", "path"]),
    key(Target, "output_name", Text, NOW, "Name of the output in its folder, without type and extension; the source's when absent. `{source}`, `{quant}` and `{format}` stand for what they say; a name with `{quant}` gets no other type.", "\"{source}-{quant}\""),
    key(Target, "force", Bool, NOW, "Replace an output that exists.", "true").or(&["overwrite"]),
    key(Target, "context_length", Integer(1, MAX_CONTEXT), NOW, "Context length to declare; that of the model when absent.", "4096").or(&["num_ctx", "n_ctx", "ctx_size", "context_size"]).only(GGUF),
    key(Target, "embedding_type", TensorType, NOW, "Type of the token embedding.", "\"q8_0\"").or(&["token_embedding_type"]).only(GGUF),
    key(Target, "output_type", TensorType, NOW, "Type of the output matrix.", "\"q6_k\"").or(&["output_tensor_type"]).only(GGUF),
    key(Target, "tensor_types", Rules, NOW, "Types by tensor: roles, parts of names, names with `*`, or `re:` patterns; the first that matches wins.", "{ \"re:ffn_down\" = \"q6_k\" }").or(&["tensor_type"]).only(GGUF),
    key(Target, "pure", Bool, NOW, "Every tensor at the base type, no mix.", "true").only(GGUF),
    key(Target, "allow_requantize", Bool, NOW, "Quantize again what is quantized already; loses quality.", "true").only(GGUF),
    key(Target, "no_fallback", Bool, NOW, "A type that does not fit a tensor's shape is an error instead of a fallback.", "true").only(GGUF),
    key(Target, "imatrix", Path, NOW, "Importance matrix, as `llama-imatrix` writes it.", "\"imatrix.gguf\"").or(&["imatrix_file"]).only(GGUF),
    key(Target, "imatrix_name", Text, NOW, "What the file calls the importance matrix (`quantize.imatrix.file`); its path as given when absent.", "\"imatrix.gguf\"").only(GGUF),
    key(Target, "effort", Choice(&["reference", "max"]), NOW, "How hard to search for each block's scales: `reference` gives llama.cpp's bytes; `max` takes longer, and every block has at most the reference's error.", "\"max\"").only(GGUF),
    key(Target, "pre_tokenizer", Text, NOW, "Name of the pre-tokenizer, when it cannot be recognised.", "\"llama-bpe\"").or(&["tokenizer_pre"]).only(GGUF),
    key(Target, "model_name", Text, NOW, "Model name to write (`general.name`).", "\"My model\"").only(GGUF),
    key(Target, "modelfile", Bool, NOW, "Write an Ollama Modelfile beside the output.", "true").or(&["ollama_modelfile"]).only(GGUF),
    key(Target, "use_mlock", Bool, NOW, "Keep the model in memory when it runs: goes into the Modelfile, not into the GGUF.", "true").or(&["mlock"]).only(GGUF),
    key(Target, "max_shard_size", Size, NOW, "Split above this size of tensor data; a larger tensor gets a file of its own.", "\"5GB\"").or(&["shard_size", "out_shard_size", "split_max_size"]).only(&["safetensors", "pytorch", "gguf"]),
    key(Target, "split_max_tensors", Integer(1, MAX_SPLIT), NOW, "Split after so many tensors.", "128").only(GGUF),
    key(Target, "split_max_layers", Integer(1, MAX_SPLIT), NOW, "Split after so many whole layers, by number. What belongs to no layer stays with the tensor before it.", "16").only(GGUF),
    key(Target, "no_tensor_first_split", Bool, NOW, "The first file holds the metadata and no tensor.", "true").only(GGUF),
    key(Target, "keep_split", Bool, NOW, "The files of the source, with the same tensors in each.", "true").only(GGUF),
    key(Target, "target_size", Size, NOW, "Instead of a quantization: choose types so that the file has at most this size.", "\"4.5GiB\"").only(GGUF),
    key(Target, "target_bpw", Number(0.5, 32.0), NOW, "Instead of a quantization: choose types so that a weight takes at most this many bits.", "4.25").only(GGUF),
    key(Target, "budget_types", List, NOW, "The only types that `target_size` and `target_bpw` choose from.", "[\"q4_k\", \"q6_k\"]").only(GGUF),
    key(Target, "leave_output", Bool, NOW, "Leave the output matrix as it is.", "true").or(&["leave_output_tensor"]).only(GGUF),
    key(Target, "include_weights", Selectors, NOW, "Use the importance matrix for these tensors alone: a part of the name, or a selector as in `tensor_types`.", "[\"ffn\"]").only(GGUF),
    key(Target, "exclude_weights", Selectors, NOW, "Do not use the importance matrix for these tensors; not together with `include_weights`.", "[\"output\"]").only(GGUF),
    key(Target, "override_kv", Table, NOW, "Metadata to set: key → text, number, boolean, or a list of one of them.", "{ \"general.license\" = \"mit\" }").or(&["metadata"]).only(GGUF),
    key(Target, "prune_layers", Layers, NOW, "Layers to leave out, counted from 0; those behind move up.", "[20, 21]").only(GGUF),
    key(Target, "bare", Bool, NOW, "Take the tensors alone under their own names: no configuration, no tokenizer, no check that they are a whole model.", "true").or(&["tensors_only"]),
    key(Target, "reuse", Path, NOW, "An earlier output of the same kind, with its manifest: tensors whose source did not change since are copied from it.", "\"previous.gguf\""),
    key(Target, "compression", Choice(&["lz4", "zstd", "none"]), Later, "Compress the file. No loader reads compressed safetensors.", "\"zstd\"").only(&["safetensors"]),
    key(Target, "precision", Choice(&["f32", "f16", "mixed", "fp32", "fp16"]), Later, "Precision of a graph.", "\"mixed\"").only(GRAPH),
    key(Target, "fp16_layers", Selectors, Later, "With `precision = \"mixed\"`: what becomes f16.", "[\"attention\", \"ffn\"]").only(GRAPH),
    key(Target, "calibration_data", Path, Later, "Data for static quantization.", "\"calib.jsonl\"").only(GRAPH),
    key(Target, "calibration_method", Choice(&["minmax", "entropy", "percentile"]), Later, "How ranges are found.", "\"entropy\"").only(GRAPH),
    key(Target, "opset", Integer(1, 64), Later, "ONNX operator set.", "21").only(&["onnx", "ort"]),
    key(Target, "save_as_external_data", Bool, Later, "Tensors in a file beside the graph.", "true").only(&["onnx", "ort"]),
    key(Target, "external_data_threshold", Integer(0, u64::MAX), Later, "Bytes above which a tensor goes into that file.", "1024").only(&["onnx", "ort"]),
    key(Target, "custom_ops", List, Later, "Libraries of custom operators.", "[\"ops.so\"]").only(&["onnx", "ort"]),
    key(Target, "allow_custom_ops", Bool, Later, "Keep operators TFLite does not know.", "true").only(&["tflite"]),
    key(Target, "optimizations", List, Later, "TFLite optimizations.", "[\"DEFAULT\"]").only(&["tflite"]),
    key(Target, "inference_input_type", Choice(&["float32", "int8", "uint8", "int16"]), Later, "Type of the inputs.", "\"int8\"").only(&["tflite"]),
    key(Target, "inference_output_type", Choice(&["float32", "int8", "uint8", "int16"]), Later, "Type of the outputs.", "\"int8\"").only(&["tflite"]),

    key(Validate, "data", Path, Later, "Text to measure on.", "\"holdout.txt\""),
    key(Validate, "fail_if", Conditions, Later, "Conditions that end the run with exit code 3.", "{ kld_mean = \"> 0.05\" }"),

    key(Step("prune"), "method", Choice(&["magnitude", "structured", "wanda", "sparsegpt"]), Later, "How weights are ranked.", "\"magnitude\""),
    key(Step("prune"), "sparsity", Number(0.0, 1.0), Later, "Share of the weights to remove.", "0.3").or(&["target_sparsity"]),
    key(Step("prune"), "layers", Selectors, Later, "What to prune.", "[\"attention\", \"ffn\"]"),
    key(Step("prune"), "scope", Choice(&["global", "local"]), Later, "One ranking over all tensors, or one for each.", "\"global\"").or(&["pruning_scope"]),
    key(Step("prune"), "pattern", Text, Later, "Structure: `1x1`, `4x1`, `2:4`.", "\"2:4\"").or(&["mask_structure"]),
    key(Step("distil"), "teacher_model", Path, Later, "The model to learn from.", "\"runs/teacher\"").or(&["teacher"]),
    key(Step("distil"), "temperature", Number(0.0, f64::MAX), Later, "Softens both distributions.", "2.0"),
    key(Step("distil"), "alpha", Number(0.0, 1.0), Later, "Weight of the teacher's term.", "0.5"),
    key(Step("distil"), "data", Path, Later, "Text to learn on.", "\"train.txt\""),
    key(Step("quantize"), "quantization", Text, Later, "What to quantize to.", "\"dynamic\"").or(&["method", "type"]),
    key(Step("quantize"), "calibration_data", Path, Later, "Data for static quantization.", "\"calib.jsonl\""),
    key(Step("quantize"), "calibration_method", Choice(&["minmax", "entropy", "percentile"]), Later, "How ranges are found.", "\"entropy\""),
    key(Step("split"), "method", Choice(&["layer", "size", "cost", "memory"]), Later, "How to cut.", "\"layer\""),
    key(Step("split"), "num_parts", Integer(1, 65535), Later, "Number of parts.", "2"),
    key(Step("split"), "overlap", Integer(0, 65535), Later, "Layers that stand in both neighbours.", "0"),
    key(Step("split"), "max_size", Size, Later, "Largest part.", "\"2GB\""),
    key(Step("optimize"), "methods", List, Later, "Passes over the graph.", "[\"fold_constants\"]").or(&["optimizations"]),
    key(Step("optimize"), "level", Text, Later, "How much to optimize.", "\"basic\"").or(&["optimization_level"]),
    key(Step("optimize"), "config", Table, Later, "Settings of the passes.", "{ opset = 21 }"),
    key(Step("validate"), "checks", List, Later, "What to check.", "[\"format\", \"metadata\"]"),
    key(Step("validate"), "data", Path, Later, "Text to measure on.", "\"holdout.txt\""),
];

/// The steps and their other names. `convert` is none: it makes targets.
pub(crate) const STEPS: &[(&str, &[&str])] = &[
    ("prune", &["pruning"]),
    ("distil", &["distill", "distillation"]),
    ("quantize", &["quantise", "quantization"]),
    ("split", &["splitting"]),
    ("optimize", &["optimise", "optimization"]),
    ("validate", &["validation"]),
];

/// Tables and lists at the top that are not keys themselves, with what they are for.
pub(crate) const GROUPS: &[(&str, &str)] = &[
    ("source", "a table, or the path as text"),
    ("pipeline", "a list of steps"),
    ("target", "a table, a list of tables, or `FORMAT:QUANTIZATION` as text"),
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
    STEPS.iter().find(|(s, aliases)| *s == name || aliases.contains(&name)).map(|(s, _)| *s)
}

/// The keys of a room, in the order of the manual.
pub fn keys_of(room: Room) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |k| k.room == room)
}

/// The key of that name or alias in a room.
pub fn find(room: Room, name: &str) -> Option<&'static Key> {
    keys_of(room).find(|k| k.is_called(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_stands_for_two_keys() {
        let mut seen = HashSet::new();
        for k in KEYS {
            for name in k.aliases.iter().chain([&k.name]) {
                assert!(seen.insert((format!("{:?}", k.room), *name)), "{:?} {name}", k.room);
            }
        }
        let mut top = HashSet::new();
        for k in KEYS {
            let names = k.aliases.iter().chain([&k.name]);
            let flat: Vec<_> = if k.room == Top { names.chain(k.flat).collect() } else { k.flat.iter().collect() };
            flat.into_iter().for_each(|n| assert!(top.insert(*n), "{n}"));
        }
        for name in GROUPS.iter().map(|(g, _)| g).chain(GROUP_ALIASES.iter().map(|(a, _)| a)) {
            assert!(top.insert(*name), "{name}");
        }
    }
}
