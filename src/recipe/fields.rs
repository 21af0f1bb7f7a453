//! The typed fields of a recipe by key: what the reader sets, the writer gets and the checks go through.

use super::keys::{Key, Room};
use super::types::{Recipe, Step, Target, Validate};
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

/// The texts of a list.
fn items(v: &Json) -> Vec<String> {
    v.as_array().into_iter().flatten().map(text).collect()
}

fn numbers(v: &Json) -> Vec<u32> {
    v.as_array().into_iter().flatten().filter_map(|n| n.as_u64()?.try_into().ok()).collect()
}

fn table(v: &Json) -> IndexMap<String, Json> {
    v.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
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

fn of_items<T: Clone + Into<Json>>(list: &[T]) -> Option<Json> {
    (!list.is_empty()).then(|| Json::Array(list.iter().cloned().map(Into::into).collect()))
}

fn of_table(map: &IndexMap<String, Json>) -> Option<Json> {
    (!map.is_empty()).then(|| Json::Object(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
}

/// Puts a value of the key's kind into a target.
pub(crate) fn set_target(t: &mut Target, key: &Key, v: Json) {
    let flag = v.as_bool().unwrap_or(false);
    match key.name {
        "format" => t.format = text(&v),
        "quantization" => t.quantization = Some(text(&v)),
        "output" => t.output = Some(path(&v)),
        "output_name" => t.output_name = Some(text(&v)),
        "reuse" => t.reuse = Some(path(&v)),
        "force" => t.force = flag,
        "bare" => t.bare = flag,
        "context_length" => t.context_length = v.as_u64(),
        "embedding_type" => t.embedding_type = Some(text(&v)),
        "output_type" => t.output_type = Some(text(&v)),
        "tensor_types" => t.tensor_types = texts(&v),
        "leave_output" => t.leave_output = flag,
        "pure" => t.pure = flag,
        "allow_requantize" => t.allow_requantize = flag,
        "no_fallback" => t.no_fallback = flag,
        "imatrix" => t.imatrix = Some(path(&v)),
        "imatrix_name" => t.imatrix_name = Some(text(&v)),
        "target_size" => t.target_size = Some(text(&v)),
        "target_bpw" => t.target_bpw = v.as_f64(),
        "budget_types" => t.budget_types = items(&v),
        "include_weights" => t.include_weights = items(&v),
        "exclude_weights" => t.exclude_weights = items(&v),
        "override_kv" => t.override_kv = table(&v),
        "prune_layers" => t.prune_layers = numbers(&v),
        "effort" => t.effort = Some(text(&v)),
        "pre_tokenizer" => t.pre_tokenizer = Some(text(&v)),
        "model_name" => t.model_name = Some(text(&v)),
        "modelfile" => t.modelfile = flag,
        "use_mlock" => t.use_mlock = Some(flag),
        "max_shard_size" => t.max_shard_size = Some(text(&v)),
        "split_max_tensors" => t.split_max_tensors = v.as_u64(),
        "split_max_layers" => t.split_max_layers = v.as_u64(),
        "no_tensor_first_split" => t.no_tensor_first_split = flag,
        "keep_split" => t.keep_split = flag,
        later => {
            t.later.insert(later.to_owned(), v);
        }
    }
}

/// The value a target has for a key; `None` if it says nothing (a flag that is off says nothing).
pub(crate) fn get_target(t: &Target, key: &Key) -> Option<Json> {
    match key.name {
        "format" => Some(Json::String(t.format.clone())),
        "quantization" => of_text(&t.quantization),
        "output" => of_path(&t.output),
        "output_name" => of_text(&t.output_name),
        "reuse" => of_path(&t.reuse),
        "force" => of_flag(t.force),
        "bare" => of_flag(t.bare),
        "context_length" => t.context_length.map(Json::from),
        "embedding_type" => of_text(&t.embedding_type),
        "output_type" => of_text(&t.output_type),
        "tensor_types" => of_texts(&t.tensor_types),
        "leave_output" => of_flag(t.leave_output),
        "pure" => of_flag(t.pure),
        "allow_requantize" => of_flag(t.allow_requantize),
        "no_fallback" => of_flag(t.no_fallback),
        "imatrix" => of_path(&t.imatrix),
        "imatrix_name" => of_text(&t.imatrix_name),
        "target_size" => of_text(&t.target_size),
        "target_bpw" => t.target_bpw.map(Json::from),
        "budget_types" => of_items(&t.budget_types),
        "include_weights" => of_items(&t.include_weights),
        "exclude_weights" => of_items(&t.exclude_weights),
        "override_kv" => of_table(&t.override_kv),
        "prune_layers" => of_items(&t.prune_layers),
        "effort" => of_text(&t.effort),
        "pre_tokenizer" => of_text(&t.pre_tokenizer),
        "model_name" => of_text(&t.model_name),
        "modelfile" => of_flag(t.modelfile),
        "use_mlock" => t.use_mlock.map(Json::Bool),
        "max_shard_size" => of_text(&t.max_shard_size),
        "split_max_tensors" => t.split_max_tensors.map(Json::from),
        "split_max_layers" => t.split_max_layers.map(Json::from),
        "no_tensor_first_split" => of_flag(t.no_tensor_first_split),
        "keep_split" => of_flag(t.keep_split),
        later => t.later.get(later).cloned(),
    }
}

/// Puts a value into the top, `[source]` or `[validate]`.
pub(crate) fn set_recipe(r: &mut Recipe, key: &Key, v: Json) {
    match (key.room, key.name) {
        (Room::Top, "name") => r.name = Some(text(&v)),
        (Room::Top, "description") => r.description = Some(text(&v)),
        (Room::Top, "output_dir") => r.output_dir = Some(path(&v)),
        (Room::Top, "max_memory") => r.max_memory = Some(text(&v)),
        (Room::Top, "manifest") => r.manifest = v.as_bool(),
        (Room::Top, "parallel") => {}
        (Room::Source, "path") => r.source.path = Some(path(&v)),
        (Room::Source, "format") => r.source.format = Some(text(&v)),
        (Room::Source, "no_checksums") => r.source.no_checksums = v.as_bool().unwrap_or(false),
        (Room::Source, "densify") => r.source.densify = v.as_bool().unwrap_or(false),
        (Room::Validate, "data") => r.validate.get_or_insert_with(Validate::default).data = Some(path(&v)),
        (Room::Validate, "fail_if") => r.validate.get_or_insert_with(Validate::default).fail_if = texts(&v),
        (_, later) => {
            r.later.insert(later.to_owned(), v);
        }
    }
}

/// The value the top, `[source]` or `[validate]` has for a key.
pub(crate) fn get_recipe(r: &Recipe, key: &Key) -> Option<Json> {
    match (key.room, key.name) {
        (Room::Top, "name") => of_text(&r.name),
        (Room::Top, "description") => of_text(&r.description),
        (Room::Top, "output_dir") => of_path(&r.output_dir),
        (Room::Top, "max_memory") => of_text(&r.max_memory),
        (Room::Top, "manifest") => r.manifest.map(Json::Bool),
        (Room::Top, "parallel") => None,
        (Room::Source, "path") => of_path(&r.source.path),
        (Room::Source, "format") => of_text(&r.source.format),
        (Room::Source, "no_checksums") => of_flag(r.source.no_checksums),
        (Room::Source, "densify") => of_flag(r.source.densify),
        (Room::Validate, "data") => r.validate.as_ref().and_then(|v| of_path(&v.data)),
        (Room::Validate, "fail_if") => r.validate.as_ref().and_then(|v| of_texts(&v.fail_if)),
        (_, later) => r.later.get(later).cloned(),
    }
}

/// Puts a value into a step.
pub(crate) fn set_step(s: &mut Step, key: &Key, v: Json) {
    s.options.insert(key.name.to_owned(), v);
}
