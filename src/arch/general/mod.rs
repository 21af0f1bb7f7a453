//! The `general.*` metadata: name, size, licence, tags and parents of a model, from its card, configuration and folder name.
//!
//! Follows gguf-py's `Metadata` (gguf-py/gguf/metadata.py): card first, then `_name_or_path`, then the folder's name.

mod card;
mod name;

use crate::model::{MetaArray, MetaValue, Metadata, Model, Result, Warning};
use card::Yaml;
use indexmap::IndexMap;
use name::{NameParts, name_parts, size_label, title};
use serde_json::Value;

/// Parameter counts of the output tensors, as the size label needs them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub total: u64,
    pub shared: u64,
    pub expert: u64,
    pub experts: u64,
}

impl Counts {
    /// Counts (name, dimensions outermost first) of the output tensors; stacked experts count once in `expert`.
    pub(crate) fn of<'a>(tensors: impl Iterator<Item = (&'a str, &'a [u64])>) -> Self {
        let mut c = Self::default();
        let (mut sum, mut stacked) = (0u64, 0u64);
        for (name, dims) in tensors {
            let size = dims.iter().fold(1u64, |a, d| a.saturating_mul(*d));
            c.total = c.total.saturating_add(size);
            if name.contains("_exps.") && dims.len() >= 3 {
                let experts = dims[dims.len() - 3].max(1);
                c.expert = c.expert.saturating_add(size / experts);
                sum = sum.saturating_add(experts);
                stacked += 1;
            } else {
                c.shared = c.shared.saturating_add(size);
            }
        }
        c.experts = sum.checked_div(stacked).unwrap_or(0);
        c
    }
}

/// Single-text fields by GGUF key suffix, each with the card's keys for it in order of precedence.
const TEXTS: &[(&str, &[&str])] = &[
    ("name", &["name", "model_name"]),
    ("author", &["author", "model_author", "model_creator"]),
    ("version", &["version", "model_version"]),
    ("organization", &["organization", "model_organization"]),
    ("finetune", &["finetune", "model_finetune"]),
    ("basename", &["basename", "model_basename", "model_type"]),
    ("description", &["description", "model_description"]),
    ("size_label", &["size_label", "model_size_label"]),
    ("license", &["license"]),
    ("license.name", &["license_name"]),
    ("license.link", &["license_link"]),
    ("source.url", &["url", "model_url"]),
    ("source.doi", &["doi", "model_doi"]),
    ("source.uuid", &["uuid", "model_uuid"]),
    ("source.repo_url", &["repo_url", "model_repo_url"]),
];

/// Sampling advice of generation_config.json: key, fields in order of precedence, whether the value is whole.
const SAMPLING: &[(&str, &[&str], bool)] = &[
    ("top_k", &["top_k"], true),
    ("top_p", &["top_p"], false),
    ("min_p", &["min_p"], false),
    ("xtc_probability", &["xtc_probability"], false),
    ("xtc_threshold", &["xtc_threshold"], false),
    ("temp", &["temperature"], false),
    ("penalty_last_n", &["penalty_last_n"], true),
    ("penalty_repeat", &["penalty_repeat", "repetition_penalty"], false),
    ("mirostat", &["mirostat"], true),
    ("mirostat_tau", &["mirostat_tau"], false),
    ("mirostat_eta", &["mirostat_eta"], false),
];

/// Writes the general metadata that precedes the architecture's parameters.
///
/// # Errors
/// When a sidecar cannot be read. A broken card or generation configuration is a warning.
pub(crate) fn write(
    model: &Model,
    config: &Value,
    counts: Counts,
    name: Option<&str>,
    md: &mut Metadata,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    md.insert("general.type".to_owned(), "model".into());
    sampling(model, md);
    let card = read_card(model, warnings)?;
    let mut texts: IndexMap<&str, String> = IndexMap::new();
    for (key, fields) in TEXTS {
        // If a field has no value, the next one is used.
        let value = fields.iter().filter_map(|f| card.get(*f)).find(|v| **v != Yaml::Null);
        let text = value.map(|v| v.texts().join(",")).filter(|t| !t.is_empty());
        if let Some(text) = text {
            texts.insert(key, text);
        }
    }
    let id = config.get("_name_or_path").and_then(Value::as_str).filter(|n| n.matches('/').count() <= 1);
    if let Some(id) = id {
        merge(&mut texts, name_parts(id, counts.total));
    }
    merge(&mut texts, name_parts(&folder_name(model), counts.total));
    if let Some(name) = name {
        texts.insert("name", name.to_owned());
    }
    if counts.total > 0 && !texts.contains_key("size_label") {
        texts.insert("size_label", size_label(counts.total, counts.shared, counts.expert, counts.experts));
    }
    for (key, _) in TEXTS {
        if let Some(text) = texts.get(key) {
            md.insert(format!("general.{key}"), text.as_str().into());
        }
    }
    relatives(&card, &["base_model", "base_models", "base_model_sources"], "base_model", counts.total, md);
    relatives(&card, &["datasets", "dataset", "dataset_sources"], "dataset", counts.total, md);
    for (key, fields) in [("tags", ["tags", "pipeline_tag"]), ("languages", ["languages", "language"])] {
        let present = fields.iter().filter_map(|f| card.get(*f)).filter(|v| **v != Yaml::Null);
        let list: Vec<Vec<u8>> = present.flat_map(Yaml::texts).map(|t| t.as_bytes().to_vec()).collect();
        if !list.is_empty() {
            md.insert(format!("general.{key}"), MetaArray::Str(list).into());
        }
    }
    Ok(())
}

fn sampling(model: &Model, md: &mut Metadata) {
    // Not every model has a valid one; the converter ignores a broken file.
    let Ok(Some(Value::Object(generation))) = model.sidecars.json("generation_config.json") else {
        return;
    };
    if let Some(sequence) = generation.get("sequence").and_then(Value::as_str) {
        md.insert("general.sampling.sequence".to_owned(), sequence.into());
    }
    for (key, fields, whole) in SAMPLING {
        let value = fields.iter().find_map(|f| generation.get(*f)).and_then(Value::as_f64);
        if let Some(v) = value {
            let value = if *whole { MetaValue::I32(v as i32) } else { MetaValue::F32(v as f32) };
            md.insert(format!("general.sampling.{key}"), value);
        }
    }
}

fn read_card(model: &Model, warnings: &mut Vec<Warning>) -> Result<IndexMap<String, Yaml>> {
    let Some(bytes) = model.sidecars.read("README.md")? else {
        return Ok(IndexMap::new());
    };
    Ok(card::front_matter(&String::from_utf8_lossy(&bytes)).unwrap_or_else(|e| {
        let text = format!("README.md: the model card cannot be read and is left out: {e}.");
        warnings.push(Warning::new("card.unreadable", text));
        IndexMap::new()
    }))
}

fn merge(texts: &mut IndexMap<&str, String>, parts: NameParts) {
    let found = [
        ("name", parts.full.map(|f| title(&f))),
        ("organization", parts.organization.map(|o| title(&o))),
        ("basename", parts.basename),
        ("finetune", parts.finetune),
        ("version", parts.version),
        ("size_label", parts.size_label),
    ];
    for (key, value) in found {
        if let Some(value) = value {
            texts.entry(key).or_insert(value);
        }
    }
}

/// Name of the folder the model is in, as given: a link's own name, as llama.cpp's converter takes it, not that of its target.
fn folder_name(model: &Model) -> String {
    let given = std::path::absolute(&model.path).ok().filter(|p| p.file_name().is_some());
    let path = given.or_else(|| std::fs::canonicalize(&model.path).ok()).unwrap_or_else(|| model.path.clone());
    let folder = if path.is_file() { path.parent().map(std::path::Path::to_path_buf) } else { Some(path) };
    let name = folder.as_deref().and_then(std::path::Path::file_name);
    name.map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned())
}

/// Base models or data sets: a count and a group of keys for each.
fn relatives(card: &IndexMap<String, Yaml>, fields: &[&str], group: &str, parameters: u64, md: &mut Metadata) {
    let Some(value) = fields.iter().find_map(|f| card.get(*f)) else {
        return;
    };
    let items: Vec<&Yaml> = match value {
        Yaml::List(items) => items.iter().collect(),
        Yaml::Str(_) => vec![value],
        _ => Vec::new(),
    };
    md.insert(format!("general.{group}.count"), (items.len() as u32).into());
    for (i, item) in items.into_iter().enumerate() {
        let entry: IndexMap<String, String> = match item {
            Yaml::Map(map) => map.iter().filter_map(|(k, v)| Some((k.clone(), v.text()?.to_owned()))).collect(),
            Yaml::Str(id) => relative(id, parameters),
            _ => continue,
        };
        for key in ["name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"] {
            if let Some(text) = entry.get(key) {
                md.insert(format!("general.{group}.{i}.{key}"), text.as_str().into());
            }
        }
    }
}

fn relative(id: &str, parameters: u64) -> IndexMap<String, String> {
    let mut out = IndexMap::new();
    let url = ["http://", "https://", "ssh://"].iter().any(|p| id.starts_with(p));
    let inner = if url {
        out.insert("repo_url".to_owned(), id.to_owned());
        let path =
            id.split_once("://").and_then(|(s, rest)| rest.strip_prefix("huggingface.co/").filter(|_| s != "ssh"));
        match path.filter(|p| p.split('/').count() == 2 && p.split('/').all(|s| !s.is_empty())) {
            Some(path) => path,
            None => return out,
        }
    } else {
        id
    };
    let parts = name_parts(inner, parameters);
    if let (false, Some(org), Some(full)) = (url, &parts.organization, &parts.full) {
        out.insert("repo_url".to_owned(), format!("https://huggingface.co/{org}/{full}"));
    }
    let named = [
        ("name", parts.full.map(|f| title(&f))),
        ("organization", parts.organization.map(|o| title(&o))),
        ("version", parts.version),
    ];
    out.extend(named.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))));
    out
}
