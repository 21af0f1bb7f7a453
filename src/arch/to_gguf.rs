//! Hugging Face → GGUF, the complete conversion.

use super::class::{LAYER_COUNT_KEYS, hf_class, names_family};
use super::config::{COMMON_IGNORED, Config};
use super::family::{Family, by_class};
use super::general::{self, Counts};
use super::params::{Params, Source, fields};
use super::rope::Rope;
use super::tensors::{self, Shapes};
use super::types::{ConfigField, ConfigStatus, GgufModel, GgufOptions, OutType};
use super::vocab::{VocabRequest, vocab_metadata};
use super::wrapped;
use crate::model::{MetaValue, Metadata, Model, ModelError, Result, Sidecars, TensorEntry, Warning};
use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;
use serde_json::Value;
use std::path::Path;

/// gguf-py's GGML_QUANT_VERSION.
const QUANTIZATION_VERSION: u32 = 2;

/// See [`super::to_gguf()`].
pub(crate) fn convert(model: &Model, options: &GgufOptions) -> Result<GgufModel> {
    let root = read_config(model)?;
    let class = hf_class(&root)?;
    let family = by_class(class)?;
    if let Some(quantized) = super::quantized(model) {
        return Err(quantized.refusal());
    }
    let mut config = Config::new(root.as_object().unwrap_or(&serde_json::Map::new()));
    if names_family(&root, family) {
        (family.defaults)(&mut config);
    }
    let rope = Rope::read(&config);
    let blocks = config.need_uint(&LAYER_COUNT_KEYS, "block_count")?;
    wrapped::refuse_unmerged(model)?;
    let unwrapped = wrapped::without_wrappers(model, family, &config);
    let model = unwrapped.as_ref().map_or(model, |(unwrapped, _)| unwrapped);
    let mut warnings: Vec<Warning> = unwrapped.iter().map(|(_, note)| note.clone()).collect();
    let sources = tensors::sources(model, family, &config, &mut warnings);
    let out_type = resolve(options.out_type, &sources);
    let mut md = Metadata::new();
    md.insert("general.architecture".to_owned(), family.info.gguf_arch.into());
    let mut params = Params { arch: family.info.gguf_arch, md, file_type: file_type(out_type) };
    let source = Source { model, config: &config, rope: &rope, blocks };
    let mut out = (family.extra)(&source, &mut params)?;
    let vocab = vocab_metadata(&VocabRequest {
        sidecars: &model.sidecars,
        config: &root,
        arch: family.info.gguf_arch,
        hf_class: class,
        pre_tokenizer: options.pre_tokenizer.as_deref(),
    })?;
    let tokens = token_count(&vocab.entries);
    let shapes = shapes(family, &config, blocks, tokens)?;
    out.extend(tensors::map(sources, family, &shapes)?);
    check_tensors(&out, tokens, &mut warnings)?;
    let counts = Counts::of(out.iter().map(|t| (t.name.as_str(), &t.shape.0[..])));
    general::write(model, &root, counts, options.model_name.as_deref(), &mut params.md, &mut warnings)?;
    (family.params)(&source, &mut params)?;
    params.md.insert("general.quantization_version".to_owned(), QUANTIZATION_VERSION.into());
    params.md.extend(vocab.entries);
    warnings.extend(vocab.warnings);
    warn_values(family, &config, &mut warnings);
    config.mark("architectures", "general.architecture");
    config.mark("vocab_size", "tokenizer.ggml.tokens");
    let config_table = config.table(&[COMMON_IGNORED, family.ignored]);
    warnings.extend(unknown_fields(&config_table));
    let encodings = out.iter().map(|t| encoding(t, out_type)).collect();
    let mut all = model.warnings.clone();
    all.extend(warnings);
    let mut converted =
        Model { tensors: out, metadata: params.md, sidecars: Sidecars::default(), warnings: all, ..model.clone() };
    super::identify(&mut converted);
    Ok(GgufModel { model: converted, encodings, architecture: family.info.gguf_arch.to_owned(), config_table })
}

/// A warning for each field of `config.json` that nothing reads.
fn unknown_fields(table: &[ConfigField]) -> impl Iterator<Item = Warning> {
    table.iter().filter(|f| f.status == ConfigStatus::Unknown).map(|field| {
        let text = format!("config.json: nothing is known of the field {} ({}).", field.name, field.detail);
        Warning::new("config.unknown-field", text)
    })
}

fn read_config(model: &Model) -> Result<Value> {
    let config = model.sidecars.json_with_words("config.json")?.ok_or_else(|| {
        ModelError::bad("there is no config.json next to the tensors")
            .in_file(&model.path)
            .with_hint("It has the architecture and the sizes of the network; put it into the folder of the tensors.")
    })?;
    if config.is_object() {
        Ok(config)
    } else {
        Err(ModelError::bad("not a JSON object").in_file(Path::new("config.json")))
    }
}

/// Resolves `auto`: the type of the first matrix that is bf16 or f16, f16 if there is none.
fn resolve(out_type: OutType, sources: &[TensorEntry]) -> OutType {
    if out_type != OutType::Auto {
        return out_type;
    }
    let of = |t: &TensorEntry| match t.encoding {
        _ if t.shape.rank() < 2 => None,
        Encoding::Plain(DType::BF16) => Some(OutType::BF16),
        Encoding::Plain(DType::F16) => Some(OutType::F16),
        _ => None,
    };
    sources.iter().find_map(of).unwrap_or(OutType::F16)
}

/// gguf-py's LlamaFileType.
fn file_type(out_type: OutType) -> u32 {
    match out_type {
        OutType::F32 => 0,
        OutType::F16 | OutType::Auto => 1,
        OutType::Q8_0 => 7,
        OutType::BF16 => 32,
    }
}

/// The type a tensor is written in (`ModelBase.prepare_tensors`): vectors, norms, routers, positions and token types stay f32.
fn encoding(tensor: &TensorEntry, out_type: OutType) -> Encoding {
    let name = tensor.name.as_str();
    let routed = name.starts_with("blk.") && name.ends_with(".ffn_gate_inp.weight");
    let table = name == "position_embd.weight" || name == "token_types.weight";
    let kept = tensor.shape.rank() <= 1 || name.ends_with("_norm.weight") || !name.ends_with(".weight");
    if kept || routed || table {
        return DType::F32.into();
    }
    match out_type {
        OutType::F32 => DType::F32.into(),
        OutType::BF16 => DType::BF16.into(),
        OutType::F16 | OutType::Auto => DType::F16.into(),
        OutType::Q8_0 if tensor.cols().is_multiple_of(32) => BlockType::Q8_0.into(),
        OutType::Q8_0 => DType::F16.into(),
    }
}

fn token_count(entries: &[(String, MetaValue)]) -> Option<u64> {
    let tokens = entries.iter().find(|(k, _)| k == "tokenizer.ggml.tokens")?;
    if let MetaValue::Array(a) = &tokens.1 { Some(a.len() as u64) } else { None }
}

fn shapes(family: &Family, config: &Config, blocks: u64, tokens: Option<u64>) -> Result<Shapes> {
    let experts = match &family.experts {
        Some(e) => config.need_uint(e.count, "expert_count")?,
        None => 0,
    };
    let heads = config.uint(fields::HEADS, "attention.head_count")?;
    let heads_kv = config.uint(fields::KV_HEADS, "attention.head_count_kv")?;
    Ok(Shapes { blocks, heads, heads_kv, vocabulary: tokens, experts })
}

/// Checks ranks and types that GGUF can hold, unique names, and an embedding that fits the vocabulary.
fn check_tensors(tensors: &[TensorEntry], tokens: Option<u64>, warnings: &mut Vec<Warning>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for t in tensors {
        if !seen.insert(t.name.as_str()) {
            return Err(ModelError::bad("two tensors of the source lead to this name").field(t.name.clone()));
        }
        if t.shape.rank() > 4 {
            return Err(ModelError::unsupported(format!("{} dimensions; GGUF has at most 4", t.shape.rank()))
                .field(t.name.clone()));
        }
        if matches!(t.encoding, Encoding::Plain(DType::C64 | DType::C128) | Encoding::Block(_)) {
            return Err(
                ModelError::unsupported(format!("{} weights cannot be converted", t.encoding)).field(t.name.clone())
            );
        }
    }
    let rows = tensors.iter().find(|t| t.name == "token_embd.weight").and_then(|t| t.shape.0.first().copied());
    let (Some(rows), Some(tokens)) = (rows, tokens) else {
        return Ok(());
    };
    if tokens > rows {
        let what = format!("the tokenizer has {tokens} tokens but the embedding has {rows} rows");
        let hint = "Tokens were added without resizing the embedding: take the tokenizer files the model was trained with, or remove the added tokens.";
        return Err(ModelError::bad(what).field("token_embd.weight").with_hint(hint));
    }
    if tokens < rows {
        let text = format!(
            "The embedding has {rows} rows but the vocabulary {tokens} tokens; llama.cpp refuses such a file. \
             Set vocab_size in config.json to {rows} to have the vocabulary padded."
        );
        warnings.push(Warning::about("vocab.mismatch", "token_embd.weight", text));
    }
    Ok(())
}

/// Values that have no key in GGUF and for which llama.cpp assumes another value.
fn warn_values(family: &Family, config: &Config, warnings: &mut Vec<Warning>) {
    for (field, values) in family.expects {
        let value = match config.peek(field) {
            None => continue,
            Some(Value::String(s)) => s.clone(),
            Some(v) => v.to_string(),
        };
        if !values.contains(&value.as_str()) {
            let default = if config.is_default(field) { " by default" } else { "" };
            let text = format!(
                "config.json: {field} is {value}{default}, but llama.cpp computes {} as if it were {}; results will differ.",
                family.info.gguf_arch, values[0]
            );
            warnings.push(Warning::new("config.unsupported-value", text));
        }
    }
    let name = config.peek("_name_or_path").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    if family.info.gguf_arch == "qwen3" && name.contains("qwen3-reranker") {
        let text = "A Qwen3 reranker is converted as the language model it is; llama.cpp's own converter makes a ranking model of it.";
        warnings.push(Warning::new("model.reranker", text));
    }
}
