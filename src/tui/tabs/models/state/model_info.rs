//! What the screen shows of a model: a digest of a [`Model`] made once, away from the drawing thread.

use super::remedies;
use crate::model::FormatId;
use crate::model::{MetaArray, MetaValue, Model, PerLayer, Role};
use crate::tui::core::{Level, units};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One line of a model's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious.
    pub level: Level,
    /// Stable identifier.
    pub code: String,
    /// One sentence.
    pub text: String,
    /// What to do about it; empty for what needs nothing.
    pub remedy: String,
}

/// What the tree shows of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Architecture, if known.
    pub architecture: Option<String>,
    /// Elements over all tensors.
    pub params: u64,
    /// The type most bytes are in.
    pub dtype: String,
    /// Number of findings worth a look.
    pub warnings: usize,
}

/// A part of a whole, for the bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// `attention`, `bf16`.
    pub name: String,
    /// The role, for the share of one.
    pub role: Option<Role>,
    /// Bytes as stored.
    pub bytes: u64,
    /// Elements.
    pub params: u64,
}

/// All tensors of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRow {
    /// Name without layer: `mlp.down_proj`.
    pub kind: String,
    /// Role.
    pub role: Role,
    /// How many.
    pub count: usize,
    /// Encoding, or `mixed`.
    pub encoding: String,
    /// Shape of the first.
    pub shape: String,
    /// Bytes over all.
    pub bytes: u64,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRow {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Encoding.
    pub encoding: &'static str,
    /// Shape as text, outermost first.
    pub shape: String,
    /// Elements.
    pub params: u64,
    /// Bytes as stored.
    pub bytes: u64,
}

/// Most operators, inputs and outputs of a graph that are named.
const MOST_OPERATORS: usize = 6;

/// The digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Where it is.
    pub path: PathBuf,
    /// It is a file, and its files are named beside it; else a folder, and they are named in it.
    pub is_file: bool,
    /// Format name.
    pub format: FormatId,
    /// For the tree.
    pub summary: Summary,
    /// Bytes of tensor data.
    pub bytes: u64,
    /// Labels and values of the configuration, most telling first.
    pub highlights: Vec<(String, String)>,
    /// By role, in a fixed order.
    pub by_role: Vec<Share>,
    /// By encoding, largest first.
    pub by_dtype: Vec<Share>,
    /// By kind, in order of appearance, norms last.
    pub kinds: Vec<KindRow>,
    /// The tensors in file order.
    pub tensors: Vec<TensorRow>,
    /// Metadata: key, type, value.
    pub metadata: Vec<(String, String, String)>,
    /// Values of the metadata that are shown cut, whole or nearly so, by key.
    pub whole: BTreeMap<String, String>,
    /// Tokenizer facts.
    pub tokenizer: Vec<(String, String)>,
    /// Files and their sizes.
    pub files: Vec<(String, u64)>,
    /// Findings, worst first.
    pub health: Vec<Finding>,
}

impl ModelInfo {
    /// Digests a model. A bias is a kind of its own: it has another shape than the weight beside it.
    pub fn digest(model: &Model) -> Self {
        let mut tensors = Vec::with_capacity(model.tensors.len());
        let mut kinds: indexmap::IndexMap<String, KindRow> = indexmap::IndexMap::new();
        let nothing = |name: &str, role| Share { name: name.into(), role, bytes: 0, params: 0 };
        let mut by_role = [Role::Embedding, Role::Attention, Role::Ffn, Role::Norm, Role::Output, Role::Other]
            .map(|role| nothing(role.name(), Some(role)));
        let mut by_dtype: indexmap::IndexMap<&str, Share> = indexmap::IndexMap::new();
        for t in &model.tensors {
            let (bytes, params) = (t.bytes(), t.shape.elems().unwrap_or(0));
            let bias = if t.name.ends_with(".bias") { ".bias" } else { "" };
            let (kind, role) = (format!("{}{bias}", t.kind()), t.role());
            let (shape, encoding) = (t.shape.to_string(), t.encoding.name());
            let of_type = by_dtype.entry(encoding).or_insert_with(|| nothing(encoding, None));
            for s in by_role.iter_mut().filter(|s| s.role == Some(role)).chain([of_type]) {
                s.bytes = s.bytes.saturating_add(bytes);
                s.params = s.params.saturating_add(params);
            }
            let row = kinds.entry(kind.clone()).or_insert_with(|| KindRow {
                kind,
                role,
                count: 0,
                encoding: encoding.to_owned(),
                shape: shape.clone(),
                bytes: 0,
            });
            row.count += 1;
            row.bytes = row.bytes.saturating_add(bytes);
            if row.encoding != encoding {
                "mixed".clone_into(&mut row.encoding);
            }
            tensors.push(TensorRow { name: t.name.to_string(), role, encoding, shape, params, bytes });
        }
        let mut kinds: Vec<KindRow> = kinds.into_values().collect();
        // Norms are small and many: they come after what takes the bytes.
        kinds.sort_by_key(|k| k.role == Role::Norm);
        let mut by_dtype: Vec<Share> = by_dtype.into_values().collect();
        by_dtype.sort_by_key(|s| std::cmp::Reverse(s.bytes));
        let config = model.config().unwrap_or(Value::Null);
        let health = health(model);
        let summary = Summary {
            architecture: architecture(model),
            params: model.parameters(),
            dtype: by_dtype.first().map_or_else(String::new, |s| s.name.clone()),
            warnings: health.iter().filter(|f| f.level >= Level::Warn).count(),
        };
        Self {
            path: model.path.clone(),
            is_file: !model.path.is_dir(),
            format: model.format,
            summary,
            bytes: model.tensor_bytes(),
            highlights: highlights(model),
            by_role: by_role.into_iter().filter(|s| s.params > 0).collect(),
            by_dtype,
            kinds,
            tensors,
            metadata: metadata(model, &config),
            whole: whole_values(model, &config),
            tokenizer: tokenizer(model),
            files: files(model),
            health,
        }
    }
}

fn architecture(model: &Model) -> Option<String> {
    let network = model.network.as_ref()?;
    network.model_type.as_ref().or(network.architecture.as_ref()).cloned()
}

fn health(model: &Model) -> Vec<Finding> {
    let warn = |w: &crate::model::Warning| Finding {
        level: Level::Warn,
        code: w.code.clone(),
        text: w.text.clone(),
        remedy: remedies::of(&w.code).to_owned(),
    };
    let mut out: Vec<Finding> = model.warnings.iter().map(warn).collect();
    out.extend(model.opaque.iter().map(|o| Finding {
        level: Level::Info,
        code: "not.converted".into(),
        text: o.clone(),
        remedy: String::new(),
    }));
    out
}

fn highlights(model: &Model) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut put = |label: &str, value: Option<String>| {
        if let Some(v) = value {
            out.push((label.to_owned(), v));
        }
    };
    if let Some(network) = &model.network {
        let first = |n: &Option<PerLayer>| n.as_ref().and_then(PerLayer::first);
        put("layers", network.layers.map(|v| v.to_string()));
        put("hidden", network.hidden_size.map(|v| v.to_string()));
        let (heads, kv) = (first(&network.heads), first(&network.kv_heads));
        put("heads", heads.map(|h| kv.map_or_else(|| h.to_string(), |k| format!("{h}/{k}"))));
        put("ffn", first(&network.ffn_size).map(|v| v.to_string()));
        put("experts", network.experts.filter(|e| *e > 0).map(|e| e.to_string()));
        put("context", network.context.map(units::count));
        put("vocab", network.vocabulary.map(units::count));
        let scaling = network.rope.scaling.as_ref();
        put("rope", scaling.map(|s| s.factor.map_or_else(|| s.kind.to_string(), |f| format!("{} ×{f}", s.kind))));
        put("embeddings", network.tied_embeddings.map(|t| if t { "tied" } else { "untied" }.to_owned()));
    }
    if let Some(graph) = &model.graph {
        put("nodes", Some(units::count(graph.nodes.len() as u64)));
        put("opset", Some(graph.opset_texts().join(" · ")));
        put("inputs", Some(named(&graph.inputs())));
        put("outputs", Some(named(&graph.outputs())));
        let operators = graph.operators();
        let most: Vec<String> =
            operators.iter().take(MOST_OPERATORS).map(|o| format!("{} {}", o.shown(), o.nodes)).collect();
        put("operators", Some(most.join(" · ")));
    }
    put("name", model.metadata.get("general.name").and_then(MetaValue::as_str).map(str::to_owned));
    out
}

/// Values of a graph with their types.
fn named(values: &[&crate::graph::Value]) -> String {
    let shown = |v: &&crate::graph::Value| format!("{} {}", v.name, v.ty);
    values.iter().take(MOST_OPERATORS).map(shown).collect::<Vec<_>>().join(" · ")
}

fn array_len(value: &MetaValue) -> Option<u64> {
    if let MetaValue::Array(a) = value { Some(a.len() as u64) } else { None }
}

fn metadata(model: &Model, config: &Value) -> Vec<(String, String, String)> {
    let own = model.metadata.iter().map(|(k, v)| (k.clone(), type_text(v), value_text(v)));
    let from_config = config.as_object().into_iter().flatten().map(|(k, v)| {
        let kind = match v {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(n) if n.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "str",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        let text = v.as_str().map_or_else(|| clip(&v.to_string()), clip);
        (format!("config.{k}"), kind.to_owned(), text)
    });
    own.chain(from_config).collect()
}

/// Most of a value that is kept for reading, in bytes.
const WHOLE: usize = 64 << 10;
/// Most elements of an array that are kept for reading.
const WHOLE_ELEMS: usize = 1000;

/// Values that one line cannot show: texts of several lines, arrays, objects.
fn whole_values(model: &Model, config: &Value) -> BTreeMap<String, String> {
    let cut = |text: String| {
        let end = text.char_indices().map(|(i, _)| i).find(|i| *i >= WHOLE);
        end.map_or(text.clone(), |end| format!("{}\n… {} of {} bytes", &text[..end], end, text.len()))
    };
    let own = model.metadata.iter().filter_map(|(key, value)| match value {
        MetaValue::Str(text) if text.len() > 60 || text.contains('\n') => Some((key.clone(), cut(text.clone()))),
        MetaValue::Array(array) if array.len() > 8 => Some((key.clone(), cut(elements(array)))),
        _ => None,
    });
    let from_config = config.as_object().into_iter().flatten().filter_map(|(key, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(value).ok()?,
            _ => return None,
        };
        Some((format!("config.{key}"), cut(text)))
    });
    own.chain(from_config).collect()
}

/// The first elements of an array, one a line.
fn elements(array: &MetaArray) -> String {
    let texts = array.texts(WHOLE_ELEMS, |s| clip(&String::from_utf8_lossy(s)));
    let mut lines: Vec<String> = texts.iter().enumerate().map(|(i, text)| format!("{i:>6}  {text}")).collect();
    if array.len() > WHOLE_ELEMS {
        lines.push(format!("… {} more", units::count((array.len() - WHOLE_ELEMS) as u64)));
    }
    lines.join("\n")
}

fn type_text(value: &MetaValue) -> String {
    match value {
        MetaValue::Array(a) => format!("[{}]", units::count(a.len() as u64)),
        v => v.type_name().to_owned(),
    }
}

fn clip(text: &str) -> String {
    const MAX_CHARS: usize = 400;
    let line: String = text.chars().take(MAX_CHARS).map(|c| if c == '\n' { '⏎' } else { c }).collect();
    crate::units::placeholders(&line).into_owned()
}

fn value_text(value: &MetaValue) -> String {
    const SHOWN: usize = 8;
    match value {
        MetaValue::Str(v) => clip(v),
        MetaValue::Array(MetaArray::Nested(v)) => format!("{} arrays", v.len()),
        MetaValue::Array(a) => {
            let more = if a.len() > SHOWN { ", …" } else { "" };
            format!("{}{more}", a.texts(SHOWN, |s| clip(&String::from_utf8_lossy(s))).join(", "))
        }
        scalar => scalar.scalar_text().unwrap_or_default(),
    }
}

fn tokenizer(model: &Model) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (label, key) in [
        ("model", "tokenizer.ggml.model"),
        ("pre-tokenizer", "tokenizer.ggml.pre"),
        ("begin token", "tokenizer.ggml.bos_token_id"),
        ("end token", "tokenizer.ggml.eos_token_id"),
        ("unknown token", "tokenizer.ggml.unknown_token_id"),
        ("padding token", "tokenizer.ggml.padding_token_id"),
    ] {
        if let Some(v) = model.metadata.get(key) {
            out.push((label.to_owned(), value_text(v)));
        }
    }
    for (label, key) in [("tokens", "tokenizer.ggml.tokens"), ("merges", "tokenizer.ggml.merges")] {
        if let Some(n) = model.metadata.get(key).and_then(array_len) {
            out.push((label.to_owned(), units::count(n)));
        }
    }
    if let Ok(Some(config)) = model.sidecars.json("tokenizer_config.json") {
        for key in ["tokenizer_class", "bos_token", "eos_token", "unk_token", "pad_token", "model_max_length"] {
            let value = config.get(key).map(|v| v.get("content").unwrap_or(v));
            if let Some(v) = value.filter(|v| !v.is_null()) {
                let text = v.as_str().map_or_else(|| clip(&v.to_string()), clip);
                // transformers writes 10^30 where no length is set (`VERY_LARGE_INTEGER`).
                let no_limit = key == "model_max_length" && text.parse().is_ok_and(|n: f64| n >= 1e18);
                out.push((key.replace('_', " "), if no_limit { "not set".to_owned() } else { text }));
            }
        }
    }
    for file in ["tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "merges.txt"] {
        if model.sidecars.has(file) {
            out.push(("file".to_owned(), file.to_owned()));
        }
    }
    let template = model.metadata.contains_key("tokenizer.chat_template") || model.sidecars.has("chat_template.jinja");
    if !out.is_empty() {
        out.push(("chat template".to_owned(), if template { "✓" } else { "none" }.to_owned()));
    }
    out
}

fn files(model: &Model) -> Vec<(String, u64)> {
    let base = if model.path.is_dir() { Some(model.path.as_path()) } else { model.path.parent() };
    let size = |p: &std::path::Path| std::fs::metadata(p).map_or(0, |m| m.len());
    let mut out: Vec<(String, u64)> = model
        .files
        .iter()
        .map(|p| (base.and_then(|b| p.strip_prefix(b).ok()).unwrap_or(p).display().to_string(), size(p)))
        .collect();
    out.extend(model.sidecars.0.iter().map(|(name, s)| match s {
        crate::model::Sidecar::File(p) => (name.clone(), size(p)),
        crate::model::Sidecar::Bytes(b) => (name.clone(), b.len() as u64),
    }));
    out
}
