//! The typed fields of a recipe by key: what the reader sets, the writer gets and the checks go through.

use super::keys::{Key, KeyTable};
use super::types::{Recipe, Step, Target, Validate};
use crate::model::FormatId;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

fn text(v: &Json) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}

fn path(v: &Json) -> PathBuf {
    PathBuf::from(text(v))
}

fn texts(v: &Json) -> IndexMap<String, String> {
    v.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect()
}

fn of_path(p: &Option<PathBuf>) -> Option<Json> {
    p.as_deref().map(Path::to_string_lossy).map(|s| Json::String(s.into_owned()))
}

fn of_text(t: &Option<String>) -> Option<Json> {
    t.clone().map(Json::String)
}

fn of_flag(b: bool) -> Option<Json> {
    b.then_some(Json::Bool(true))
}

fn of_texts(map: &IndexMap<String, String>) -> Option<Json> {
    let object: Map<_, _> = map.iter().map(|(k, v)| (k.clone(), Json::String(v.clone()))).collect();
    (!object.is_empty()).then_some(Json::Object(object))
}

/// Puts a value of the key's kind into a target. A format that is not known leaves the target as it is.
pub(crate) fn set_target(t: &mut Target, key: &Key, v: Json) {
    let flag = v.as_bool().unwrap_or(false);
    match key.name {
        "format" => t.format = FormatId::parse(&text(&v)).unwrap_or(t.format),
        "quantization" => t.quantization = Some(text(&v)),
        "output" => t.output = Some(path(&v)),
        "output_name" => t.output_name = Some(text(&v)),
        "reuse" => t.reuse = Some(path(&v)),
        "force" => t.force = flag,
        "bare" => t.bare = flag,
        _ => t.options.put(key, Some(v)),
    }
}

/// The value a target has for a key; `None` if it says nothing (a flag that is off says nothing).
pub(crate) fn get_target(t: &Target, key: &Key) -> Option<Json> {
    match key.name {
        "format" => Some(Json::from(t.format.name())),
        "quantization" => of_text(&t.quantization),
        "output" => of_path(&t.output),
        "output_name" => of_text(&t.output_name),
        "reuse" => of_path(&t.reuse),
        "force" => of_flag(t.force),
        "bare" => of_flag(t.bare),
        _ => t.options.json(key).cloned(),
    }
}

/// Takes a key out of a target. Every target has a format.
pub(crate) fn clear_target(t: &mut Target, key: &Key) {
    match key.name {
        "format" => {}
        "quantization" => t.quantization = None,
        "output" => t.output = None,
        "output_name" => t.output_name = None,
        "reuse" => t.reuse = None,
        "force" => t.force = false,
        "bare" => t.bare = false,
        _ => t.options.put(key, None),
    }
}

/// Puts a value into the top, `[source]` or `[validate]`.
pub(crate) fn set_recipe(r: &mut Recipe, key: &Key, v: Json) {
    match (key.table, key.name) {
        (KeyTable::Top, "name") => r.name = Some(text(&v)),
        (KeyTable::Top, "description") => r.description = Some(text(&v)),
        (KeyTable::Top, "output_dir") => r.output_dir = Some(path(&v)),
        (KeyTable::Top, "max_memory") => r.max_memory = Some(text(&v)),
        (KeyTable::Top, "manifest") => r.manifest = v.as_bool(),
        (KeyTable::Top, "parallel") => {}
        (KeyTable::Source, "path") => r.source.path = Some(path(&v)),
        (KeyTable::Source, "format") => r.source.format = FormatId::parse(&text(&v)),
        (KeyTable::Source, "no_checksums") => r.source.no_checksums = v.as_bool().unwrap_or(false),
        (KeyTable::Source, "densify") => r.source.densify = v.as_bool().unwrap_or(false),
        (KeyTable::Source, "lora") => r.source.lora = Some(path(&v)),
        (KeyTable::Source, "hyperparameters") => {
            r.source.hyperparameters =
                v.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        }
        (KeyTable::Validate, "data") => r.validate.get_or_insert_with(Validate::default).data = Some(path(&v)),
        (KeyTable::Validate, "fail_if") => r.validate.get_or_insert_with(Validate::default).fail_if = texts(&v),
        (KeyTable::Validate, "context") => r.validate.get_or_insert_with(Validate::default).context = v.as_u64(),
        (KeyTable::Validate, "chunks") => r.validate.get_or_insert_with(Validate::default).chunks = v.as_u64(),
        (KeyTable::Validate, "as") => r.validate.get_or_insert_with(Validate::default).rounding = Some(text(&v)),
        (_, later) => {
            r.later.insert(later.to_owned(), v);
        }
    }
}

/// The value the top, `[source]` or `[validate]` has for a key.
pub(crate) fn get_recipe(r: &Recipe, key: &Key) -> Option<Json> {
    match (key.table, key.name) {
        (KeyTable::Top, "name") => of_text(&r.name),
        (KeyTable::Top, "description") => of_text(&r.description),
        (KeyTable::Top, "output_dir") => of_path(&r.output_dir),
        (KeyTable::Top, "max_memory") => of_text(&r.max_memory),
        (KeyTable::Top, "manifest") => r.manifest.map(Json::Bool),
        (KeyTable::Top, "parallel") => None,
        (KeyTable::Source, "path") => of_path(&r.source.path),
        (KeyTable::Source, "format") => r.source.format.map(|f| Json::from(f.name())),
        (KeyTable::Source, "no_checksums") => of_flag(r.source.no_checksums),
        (KeyTable::Source, "densify") => of_flag(r.source.densify),
        (KeyTable::Source, "lora") => of_path(&r.source.lora),
        (KeyTable::Source, "hyperparameters") => {
            let given = &r.source.hyperparameters;
            (!given.is_empty()).then(|| Json::Object(given.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
        }
        (KeyTable::Validate, "data") => r.validate.as_ref().and_then(|v| of_path(&v.data)),
        (KeyTable::Validate, "fail_if") => r.validate.as_ref().and_then(|v| of_texts(&v.fail_if)),
        (KeyTable::Validate, "context") => r.validate.as_ref()?.context.map(Json::from),
        (KeyTable::Validate, "chunks") => r.validate.as_ref()?.chunks.map(Json::from),
        (KeyTable::Validate, "as") => r.validate.as_ref().and_then(|v| of_text(&v.rounding)),
        (_, later) => r.later.get(later).cloned(),
    }
}

/// Takes a key out of the top, `[source]` or `[validate]`.
pub(crate) fn clear_recipe(r: &mut Recipe, key: &Key) {
    match (key.table, key.name) {
        (KeyTable::Top, "name") => r.name = None,
        (KeyTable::Top, "description") => r.description = None,
        (KeyTable::Top, "output_dir") => r.output_dir = None,
        (KeyTable::Top, "max_memory") => r.max_memory = None,
        (KeyTable::Top, "manifest") => r.manifest = None,
        (KeyTable::Top, "parallel") => {}
        (KeyTable::Source, "path") => r.source.path = None,
        (KeyTable::Source, "format") => r.source.format = None,
        (KeyTable::Source, "no_checksums") => r.source.no_checksums = false,
        (KeyTable::Source, "densify") => r.source.densify = false,
        (KeyTable::Source, "lora") => r.source.lora = None,
        (KeyTable::Source, "hyperparameters") => r.source.hyperparameters.clear(),
        (KeyTable::Validate, "data") => r.validate.iter_mut().for_each(|v| v.data = None),
        (KeyTable::Validate, "fail_if") => r.validate.iter_mut().for_each(|v| v.fail_if.clear()),
        (KeyTable::Validate, "context") => r.validate.iter_mut().for_each(|v| v.context = None),
        (KeyTable::Validate, "chunks") => r.validate.iter_mut().for_each(|v| v.chunks = None),
        (KeyTable::Validate, "as") => r.validate.iter_mut().for_each(|v| v.rounding = None),
        (_, later) => {
            r.later.shift_remove(later);
        }
    }
}

/// Puts a value into a step.
pub(crate) fn set_step(s: &mut Step, key: &Key, v: Json) {
    s.options.insert(key.name.to_owned(), v);
}
