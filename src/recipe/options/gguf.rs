//! The options of GGUF targets. Their flags keep llama.cpp's spellings as aliases.

use super::common::MAX_SHARD_SIZE;
use super::flag::Malformed;
use super::{Flag, FormatOptions, OptionNote, Options, TargetOption, Types, no_notes};
use crate::model::FormatId;
use crate::recipe::key::OptionGroup::{Budget, Importance, Output, Runtime, Tokenizer, Types as TypesGroup};
use crate::recipe::key::{Key, KeyTable, Kind, NOW, key};
use indexmap::IndexMap;
use serde_json::Value as Json;
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;

/// Longest context a GGUF header can declare: llama.cpp reads it into a signed 32-bit number.
pub(crate) const MAX_CONTEXT: u64 = 1 << 31;

/// Most tensors or layers that a file of a split is counted to: more than any model has.
const MAX_SPLIT: u64 = 1 << 31;

macro_rules! options {
    ($($name:ident: $value:ty = $key:literal, $kind:expr, $help:literal, $example:literal $(, $with:ident($($arg:expr),*))*;)*
        ; shared $shared:ident;
        $($name2:ident: $value2:ty = $key2:literal, $kind2:expr, $help2:literal, $example2:literal $(, $with2:ident($($arg2:expr),*))*;)*) => {
        $(
            #[doc = $help]
            #[allow(unreachable_pub, reason = "a few of them are used by the tests")]
            pub static $name: TargetOption<$value> =
                TargetOption::new(key(KeyTable::Target, $key, $kind, NOW, $help, $example)$(.$with($($arg),*))*);
        )*
        $(
            #[doc = $help2]
            #[allow(unreachable_pub, reason = "a few of them are used by the tests")]
            pub static $name2: TargetOption<$value2> =
                TargetOption::new(key(KeyTable::Target, $key2, $kind2, NOW, $help2, $example2)$(.$with2($($arg2),*))*);
        )*
        /// Every option, in the order of the manual.
        static OPTIONS: &[&Key] = &[$(&$name.key,)* &$shared.key, $(&$name2.key,)*];
    };
}

#[rustfmt::skip]
options! {
    CONTEXT_LENGTH: Option<u64> = "context_length", Kind::Integer(1, MAX_CONTEXT), "Context length to declare. Default: that of the model. A longer one than the model was trained with needs `rope_scaling`.", "4096",
        or(&["num_ctx", "n_ctx", "ctx_size", "context_size"]), flag(Flag::new("context-length", "N")), fact("ctx {}"), group(Runtime), front(20), unit("tokens"), absent("the model's");
    ROPE_SCALING: Option<String> = "rope_scaling", Kind::Choice(&["yarn", "linear"]), "Scaling of the positions, `yarn` or `linear`, for a `context_length` beyond the trained one. Costs quality.", "\"yarn\"",
        or(&["rope_scaling_type"]), flag(Flag::new("rope-scaling", "KIND")), fact("{} rope"), group(Runtime), absent("none");
    EMBEDDING_TYPE: Option<String> = "embedding_type", Kind::TensorType, "Type of the token embedding.", "\"q8_0\"",
        or(&["token_embedding_type"]), flag(Flag::new("embedding-type", "TYPE").or(&["token-embedding-type"])), fact("emb {}"), group(TypesGroup), absent("same as quantization");
    OUTPUT_TYPE: Option<String> = "output_type", Kind::TensorType, "Type of the output matrix.", "\"q6_k\"",
        or(&["output_tensor_type"]), flag(Flag::new("output-type", "TYPE").or(&["output-tensor-type"])), fact("out {}"), group(TypesGroup), absent("same as quantization");
    TENSOR_TYPES: IndexMap<String, String> = "tensor_types", Kind::Rules, "Types by tensor: roles, parts of names, names with `*`, or `re:` patterns. The first match wins.", "{ \"re:ffn_down\" = \"q6_k\" }",
        or(&["tensor_type"]), flag(Flag::new("tensor-type", "PATTERN=TYPE").entries(tensor_type, false)), fact("{n} rule{s}"), group(TypesGroup), front(4), absent("no rules");
    LIKE: Option<PathBuf> = "like", Kind::Path, "GGUF whose types are copied: each matrix gets the type that the one of the same name has there. `tensor_types` and `quantization` come first and last.", "\"published-Q4_K_M.gguf\"",
        flag(Flag::new("like", "FILE")), fact("like {}"), group(TypesGroup), absent("none");
    PURE: bool = "pure", Kind::Bool, "Use the base type for every tensor, without a mix.", "true", flag(Flag::switch("pure")), fact("pure"), group(TypesGroup);
    ALLOW_REQUANTIZE: bool = "allow_requantize", Kind::Bool, "Requantize tensors that are already quantized; loses quality.", "true", flag(Flag::switch("allow-requantize")), group(TypesGroup);
    NO_FALLBACK: bool = "no_fallback", Kind::Bool, "Fail instead of using a fallback type when a type does not fit the shape of a tensor.", "true", flag(Flag::switch("no-fallback")), group(TypesGroup);
    IMATRIX: Option<PathBuf> = "imatrix", Kind::Path, "Importance matrix from `remold imatrix` or `llama-imatrix` (GGUF or .dat).", "\"imatrix.gguf\"",
        or(&["imatrix_file"]), flag(Flag::new("imatrix", "FILE")), fact("imatrix"), of_model(), group(Importance), front(10);
    IMATRIX_NAME: Option<String> = "imatrix_name", Kind::Text, "Name of the importance matrix in the metadata (`quantize.imatrix.file`). Default: its path as given.", "\"imatrix.gguf\"", named_after("imatrix"), group(Importance), absent("its path");
    EFFORT: Option<String> = "effort", Kind::Choice(&["reference", "max"]), "How hard to search for the scales of each block: `reference` gives the bytes of llama.cpp; `max` takes longer, and no block has a larger error than the reference.", "\"max\"",
        flag(Flag::new("effort", "EFFORT")), fact("effort {}"), group(TypesGroup), front(5);
    PRE_TOKENIZER: Option<String> = "pre_tokenizer", Kind::Text, "Name of the pre-tokenizer, if it cannot be detected.", "\"llama-bpe\"",
        or(&["tokenizer_pre"]), flag(Flag::new("pre", "NAME")), group(Tokenizer), absent("the model's");
    MODEL_NAME: Option<String> = "model_name", Kind::Text, "Model name to write (`general.name`).", "\"My model\"", flag(Flag::new("model-name", "NAME")), group(Tokenizer), absent("the model's");
    MODELFILE: bool = "modelfile", Kind::Bool, "Write an Ollama Modelfile next to the output.", "true", or(&["ollama_modelfile"]), flag(Flag::switch("modelfile")), fact("Modelfile"), unmeasured(), group(Runtime);
    MODELFILE_ADAPTER: Option<PathBuf> = "modelfile_adapter", Kind::Path, "Adapter to name in the Modelfile: a GGUF adapter, or a folder of PEFT. Ollama applies it to the model. Writes the Modelfile too.", "\"lora/adapter.gguf\"",
        flag(Flag::new("modelfile-adapter", "PATH")), of_model(), unmeasured(), group(Runtime);
    OLLAMA_CREATE: Option<String> = "ollama_create", Kind::Text, "Register the output in Ollama under this name once it is published (`ollama create`). Writes the Modelfile too.", "\"tiny:q4_k_m\"",
        flag(Flag::new("ollama-create", "NAME")), of_model(), unmeasured(), group(Runtime);
    USE_MLOCK: Option<bool> = "use_mlock", Kind::Bool, "Keep the model in memory when it runs. Written to the Modelfile, not to the GGUF.", "true",
        or(&["mlock"]), tri_state(), flag(Flag::switch("use-mlock")), unmeasured(), group(Runtime);
    ; shared MAX_SHARD_SIZE;
    SPLIT_MAX_TENSORS: Option<u64> = "split_max_tensors", Kind::Integer(1, MAX_SPLIT), "Split after this many tensors.", "128",
        conflicts(&["max_shard_size", "split_max_layers", "keep_split"]), flag(Flag::new("split-max-tensors", "N")), fact("split"), unmeasured(), group(Output), unit("tensors");
    SPLIT_MAX_LAYERS: Option<u64> = "split_max_layers", Kind::Integer(1, MAX_SPLIT), "Split after this many whole layers, in order. A tensor without a layer stays with the tensor before it.", "16",
        conflicts(&["max_shard_size", "split_max_tensors", "keep_split"]), flag(Flag::new("split-max-layers", "N")), fact("split"), unmeasured(), group(Output), unit("layers");
    NO_TENSOR_FIRST_SPLIT: bool = "no_tensor_first_split", Kind::Bool, "Put the metadata into the first file, without tensors.", "true",
        conflicts(&["keep_split"]), flag(Flag::switch("no-tensor-first-split")), unmeasured(), group(Output);
    KEEP_SPLIT: bool = "keep_split", Kind::Bool, "Keep the files of the source, with the same tensors in each.", "true",
        conflicts(&["max_shard_size", "split_max_tensors", "split_max_layers", "no_tensor_first_split"]), flag(Flag::switch("keep-split")), fact("split"), unmeasured(), group(Output);
    TARGET_SIZE: Option<String> = "target_size", Kind::Size, "Instead of a quantization: choose the types with the least loss for a file of at most this size.", "\"4.5GiB\"",
        conflicts(&["target_bpw", "max_kld"]), flag(Flag::new("target-size", "SIZE")), group(Budget), front(2);
    TARGET_BPW: Option<f64> = "target_bpw", Kind::Number(0.5, 32.0), "Instead of a quantization: choose the types with the least loss for at most this many bits per weight.", "4.25",
        conflicts(&["target_size", "max_kld"]), flag(Flag::new("target-bpw", "BITS")), group(Budget), front(2), unit("bits per weight");
    MAX_KLD: Option<f64> = "max_kld", Kind::Number(1e-9, 100.0), "Instead of a quantization: choose the types for the smallest file whose mean KL divergence from the source is at most this, as predicted from `budget_data` or `scores`.", "0.002",
        conflicts(&["target_size", "target_bpw"]), flag(Flag::new("max-kld", "NATS")), group(Budget), unit("nats");
    BUDGET_TYPES: Vec<String> = "budget_types", Kind::List, "Types that `target_size`, `target_bpw` and `max_kld` may choose from.", "[\"q4_k\", \"q6_k\"]",
        flag(Flag::new("budget-types", "TYPES")), group(Budget), absent("all");
    BUDGET_DATA: Option<PathBuf> = "budget_data", Kind::Path, "Text for budgets: the network is run on it with each tensor alone in each type, and the types are chosen by the KL divergence that this costs. Takes minutes for a small model.", "\"calibration.txt\"",
        flag(Flag::new("data", "FILE")), group(Budget), absent("the error of the weights decides");
    BUDGET_CHECK: Option<PathBuf> = "budget_check", Kind::Path, "Another text for budgets: the best mixes and file types are compared on it as a whole, and the one with the least KL divergence is taken.", "\"other.txt\"",
        flag(Flag::new("check-data", "FILE")), group(Budget), absent("a part of `budget_data`");
    SCORES: Option<PathBuf> = "scores", Kind::Path, "File of what each tensor costs in each type, for budgets. Read if it exists, else written from `budget_data`.", "\"scores.json\"",
        flag(Flag::new("scores", "FILE")), of_model(), group(Budget), absent("kept in the cache");
    SCORE_TIME: Option<String> = "score_time", Kind::Text, "Longest time to spend on measuring with `budget_data`. What is not measured is predicted.", "\"10m\"",
        flag(Flag::new("score-time", "TIME")), group(Budget), absent("until all is measured");
    LEAVE_OUTPUT: bool = "leave_output", Kind::Bool, "Do not quantize the output matrix.", "true",
        or(&["leave_output_tensor"]), flag(Flag::switch("leave-output").or(&["leave-output-tensor"])), group(TypesGroup);
    INCLUDE_WEIGHTS: Vec<String> = "include_weights", Kind::Selectors, "Use the importance matrix only for these tensors: a part of the name, or a selector as in `tensor_types`.", "[\"ffn\"]",
        conflicts(&["exclude_weights"]), flag(Flag::new("include-weights", "PATTERN")), group(Importance), absent("all tensors");
    EXCLUDE_WEIGHTS: Vec<String> = "exclude_weights", Kind::Selectors, "Do not use the importance matrix for these tensors; conflicts with `include_weights`.", "[\"output\"]",
        conflicts(&["include_weights"]), flag(Flag::new("exclude-weights", "PATTERN")), group(Importance), absent("no tensors");
    OVERRIDE_KV: IndexMap<String, Json> = "override_kv", Kind::Table, "Metadata to set: key → string, number, boolean, or a list of one of them.", "{ \"general.license\" = \"mit\" }",
        or(&["metadata"]), flag(Flag::new("override-kv", "KEY=TYPE:VALUE").entries(metadata, true).help("Set a metadata key; TYPE is int, float, bool or str")), group(Tokenizer);
    PRUNE_LAYERS: Vec<u32> = "prune_layers", Kind::Layers, "Layers to remove, counted from 0; the following layers are renumbered.", "[20, 21]",
        flag(Flag::new("prune-layers", "N,…")), fact("{n} layer{s} out"), group(TypesGroup);
}

/// GGUF.
pub(crate) static GGUF: FormatOptions = FormatOptions {
    format: FormatId::Gguf,
    types: Types::Files,
    heading: "GGUF options",
    purpose: "llama.cpp, Ollama, LM Studio",
    options: OPTIONS,
    notes,
};

/// ggml's files before GGUF.
pub(crate) static GGML: FormatOptions = FormatOptions {
    format: FormatId::Ggml,
    types: Types::Files,
    heading: "GGML options",
    purpose: "llama.cpp before 2023",
    options: &[],
    notes: no_notes,
};

/// What to know about a GGUF target that can be written.
fn notes(options: &Options) -> Vec<OptionNote> {
    let modelfile = options.get(&MODELFILE) || options.has(&MODELFILE_ADAPTER) || options.has(&OLLAMA_CREATE);
    let runtime_only = options.get(&USE_MLOCK) == Some(true) && !modelfile;
    let note = OptionNote {
        key: USE_MLOCK.key.name,
        message: "`use_mlock` is a runtime setting that cannot be stored in a GGUF",
        help: "It is written to the Modelfile: set `modelfile = true`, or pass --mlock to llama.cpp.",
    };
    if runtime_only { vec![note] } else { Vec::new() }
}

/// `PATTERN=TYPE`.
fn tensor_type(pair: &str) -> Result<(String, Json), Malformed> {
    const ONE: &str =
        "Give --tensor-type once for each rule, as in --tensor-type ffn_down=q6_k --tensor-type ffn_up=q6_k.";
    let is_type = |name: &str| crate::quant::Encoding::parse(name).is_some();
    match pair.rsplit_once('=') {
        // `ffn_down=q3_k,ffn_up=q3_k`
        Some((pattern, _))
            if pattern
                .split_once('=')
                .is_some_and(|(_, rest)| rest.split_once(',').is_some_and(|(name, _)| is_type(name))) =>
        {
            Err((format!("several rules in `{pair}`"), ONE))
        }
        Some((pattern, name)) => Ok((pattern.to_owned(), Json::from(name))),
        None => Err((format!("no `=` in `{pair}`"), "Write it as PATTERN=TYPE, as in ffn_down=q6_k.")),
    }
}

/// `KEY=TYPE:VALUE` as `string_parse_kv_override` of llama.cpp reads it. It stores the magnitude of a negative `int`.
fn metadata(pair: &str) -> Result<(String, Json), Malformed> {
    let malformed = |what: &str| {
        (format!("`{pair}`: {what}"), "Write it as KEY=int:7, KEY=float:0.5, KEY=bool:true or KEY=str:TEXT.")
    };
    let (key, rest) = pair.split_once('=').ok_or_else(|| malformed("there is no `=`"))?;
    let (kind, value) = rest.split_once(':').ok_or_else(|| malformed("there is no type before the value"))?;
    let value = match kind {
        "int" => {
            let n: i64 = value.parse().map_err(|e: ParseIntError| match e.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                    malformed("the value does not fit into 64 bits")
                }
                _ => malformed("the value is not a whole number"),
            })?;
            Json::from(n.unsigned_abs())
        }
        "float" => {
            let x: Option<f64> = value.parse().ok();
            let number = x.and_then(serde_json::Number::from_f64);
            Json::Number(number.ok_or_else(|| malformed("the value is not a number"))?)
        }
        "bool" => Json::Bool(value.parse().map_err(|_| malformed("the value is not true or false"))?),
        "str" => Json::from(value),
        _ => return Err(malformed("the type is not int, float, bool or str")),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_llama_quantize_reads_them() {
        for (pair, want) in [
            ("k=int:7", Json::from(7u64)),
            ("k=int:-7", Json::from(7u64)),
            ("k=float:1e-5", Json::from(1e-5)),
            ("k=float:4", Json::from(4.0)),
            ("k=bool:false", Json::from(false)),
            ("k=str:", Json::from("")),
            ("k=str:a=b:c", Json::from("a=b:c")),
        ] {
            assert_eq!(metadata(pair).unwrap(), ("k".to_owned(), want), "{pair}");
        }
        for pair in ["k", "k=7", "k=int:", "k=int:x", "k=int:1.5", "k=float:nan", "k=bool:yes", "k=text:x"] {
            assert!(metadata(pair).is_err(), "{pair}");
        }
    }
}
