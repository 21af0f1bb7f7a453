//! Metadata the user sets: `override_kv`, as natural values or as llama-quantize writes them.
//!
//! Whole numbers become `u32` and others `f32`, as in llama-quantize (`gguf_set_val_u32` in `src/llama-quant.cpp`); a negative one,
//! whose sign llama-quantize drops, becomes `i32`. Refuses what would make the file unreadable.

use crate::model::{MetaArray, MetaValue, Metadata, ModelError, OptionPath, Result};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use indexmap::IndexMap;
use serde_json::Value as Json;

/// Longest key: llama-quantize takes no longer one.
const MAX_KEY_BYTES: usize = 127;

/// Keys that say how the file itself is laid out.
const LAYOUT: &[&str] = &["general.alignment", "general.quantization_version"];

/// What to set, checked against the metadata the model has.
///
/// # Errors
/// Values GGUF has no type for; keys of the file's layout; another architecture or number of layers; a value of another kind than the
/// model has under that key.
pub(crate) fn overrides(target: &Target, source: &Metadata) -> Result<Vec<(String, MetaValue)>> {
    let mut flat = IndexMap::new();
    let given = target.get(&gguf::OVERRIDE_KV);
    for (key, value) in &given {
        flatten(key.clone(), value, &mut flat);
    }
    let mut out = Vec::new();
    for (key, value) in flat {
        let refuse = |what: &str, hint: &str| {
            Err(ModelError::request(what)
                .in_option(OptionPath::entry(&gguf::OVERRIDE_KV, key.as_str()))
                .with_hint(hint))
        };
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return refuse("a key has 1 to 127 bytes", "Write it as in `general.license`.");
        }
        if key.starts_with("split.") || LAYOUT.contains(&key.as_str()) {
            return refuse("this key describes the layout of the file", "remold writes it itself; remove it.");
        }
        let value = match convert(value) {
            Ok(value) => value,
            Err(what) => return refuse(what, "Give a text, a number, true or false, or a list of one of them."),
        };
        let before = source.get(&key);
        // A whole number is accepted where a fraction is allowed.
        let value = match (before, value) {
            (Some(MetaValue::F32(_)), MetaValue::U32(n)) => MetaValue::F32(n as f32),
            (Some(MetaValue::F32(_)), MetaValue::I32(n)) => MetaValue::F32(n as f32),
            (_, value) => value,
        };
        let structural = key == "general.architecture" || key.ends_with(".block_count");
        if structural && before.is_some_and(|b| *b != value) {
            let what = "the tensors match its present value; with another value no runtime loads the file";
            return refuse(what, "Remove it; `prune_layers` removes layers.");
        }
        if let Some(before) = before.filter(|b| !replaces(&key, b, &value)) {
            let what = format!("the model has {} here, not {}", kind(before), kind(&value));
            return refuse(&what, "Give a value of the same type; readers reject any other.");
        }
        out.push((key, value));
    }
    Ok(out)
}

/// Tables inside are dots in the key: TOML reads `general.license = \"mit\"` as a table `general`.
fn flatten<'a>(key: String, value: &'a Json, out: &mut IndexMap<String, &'a Json>) {
    match value {
        Json::Object(inner) => inner.iter().for_each(|(k, v)| flatten(format!("{key}.{k}"), v, out)),
        value => {
            out.shift_remove(&key);
            out.insert(key, value);
        }
    }
}

fn convert(value: &Json) -> Result<MetaValue, &'static str> {
    const NUMBER: &str = "the number is too large for GGUF's 32 bits";
    const MIXED: &str = "a list needs at least one value, and all values must have the same type";
    Ok(match value {
        Json::Bool(b) => (*b).into(),
        Json::String(s) => s.as_str().into(),
        Json::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
            (Some(n), ..) => MetaValue::U32(u32::try_from(n).map_err(|_| NUMBER)?),
            (_, Some(n), _) => MetaValue::I32(i32::try_from(n).map_err(|_| NUMBER)?),
            (.., Some(n)) => MetaValue::F32(Some(n as f32).filter(|f| f.is_finite()).ok_or(NUMBER)?),
            _ => return Err(NUMBER),
        },
        Json::Array(items) => {
            let all = |take: fn(&Json) -> bool| !items.is_empty() && items.iter().all(take);
            let numbers = || items.iter().filter_map(|v| v.as_f64().map(|x| x as f32));
            MetaValue::Array(if all(Json::is_string) {
                MetaArray::Str(items.iter().filter_map(|v| Some(v.as_str()?.as_bytes().to_vec())).collect())
            } else if all(Json::is_boolean) {
                MetaArray::Bool(items.iter().filter_map(Json::as_bool).collect())
            } else if all(|v| v.is_i64() || v.is_u64()) {
                let whole = items.iter().map(|v| v.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or(NUMBER));
                MetaArray::I32(whole.collect::<Result<_, _>>()?)
            } else if all(Json::is_number) && numbers().all(f32::is_finite) {
                MetaArray::F32(numbers().collect())
            } else {
                return Err(MIXED);
            })
        }
        Json::Null | Json::Object(_) => return Err(MIXED),
    })
}

/// A value's kind in words.
fn kind(value: &MetaValue) -> &'static str {
    match value {
        MetaValue::Str(_) => "a text",
        MetaValue::Bool(_) => "true or false",
        MetaValue::F32(_) | MetaValue::F64(_) => "a number with a fraction",
        MetaValue::Array(_) => "a list",
        _ => "a whole number",
    }
}

/// True if readers take `after` where they found `before`. Hyper-parameters may be one number for all layers or one for each.
fn replaces(key: &str, before: &MetaValue, after: &MetaValue) -> bool {
    let list = |v: &MetaValue| matches!(v, MetaValue::Array(_));
    let number = |v: &MetaValue| !list(v) && !matches!(v, MetaValue::Str(_));
    let of_layers = !key.starts_with("tokenizer.") && !key.starts_with("general.");
    kind(before) == kind(after) || (of_layers && (list(before) && number(after) || number(before) && list(after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use serde_json::json;

    fn run(pairs: Json) -> Result<Vec<(String, MetaValue)>> {
        let mut source = Metadata::new();
        source.insert("general.architecture".into(), "llama".into());
        source.insert("llama.block_count".into(), 4u32.into());
        source.insert("llama.context_length".into(), 128u32.into());
        source.insert("llama.rope.freq_base".into(), 1e4f32.into());
        source.insert("llama.attention.head_count".into(), MetaArray::U32(vec![1, 2]).into());
        source.insert("tokenizer.ggml.tokens".into(), MetaArray::Str(vec![b"a".to_vec()]).into());
        let target = Target::of(FormatId::Gguf).with(&gguf::OVERRIDE_KV, serde_json::from_value(pairs).unwrap());
        overrides(&target, &source)
    }

    #[test]
    fn natural_values_get_ggufs_types() {
        let got = run(json!({
            "general": { "license": "mit", "tags": ["a", "b"] },
            "llama.context_length": 4096, "x.negative": -3, "x.float": 0.5, "x.flag": true, "x.list": [1, -2],
            "llama.attention.head_count": 8, "llama.block_count": 4, "llama.rope.freq_base": 500_000,
        }));
        let want: Vec<(String, MetaValue)> = vec![
            ("general.license".into(), "mit".into()),
            ("general.tags".into(), MetaArray::Str(vec![b"a".to_vec(), b"b".to_vec()]).into()),
            ("llama.context_length".into(), 4096u32.into()),
            ("x.negative".into(), MetaValue::I32(-3)),
            ("x.float".into(), MetaValue::F32(0.5)),
            ("x.flag".into(), true.into()),
            ("x.list".into(), MetaArray::I32(vec![1, -2]).into()),
            ("llama.attention.head_count".into(), 8u32.into()),
            ("llama.block_count".into(), 4u32.into()),
            ("llama.rope.freq_base".into(), 500_000f32.into()),
        ];
        assert_eq!(got.unwrap(), want);
    }

    #[test]
    fn what_no_reader_takes_is_refused() {
        for (pairs, part) in [
            (json!({ "general.alignment": 64 }), "the layout of the file"),
            (json!({ "split.count": 2 }), "the layout of the file"),
            (json!({ "general.architecture": "qwen2" }), "no runtime loads"),
            (json!({ "llama.block_count": 3 }), "no runtime loads"),
            (json!({ "llama.context_length": "long" }), "a whole number here, not a text"),
            (json!({ "tokenizer.ggml.tokens": 1 }), "a list here, not a whole number"),
            (json!({ "x": 4294967296u64 }), "too large"),
            (json!({ "x": 1e300 }), "too large"),
            (json!({ "x": [1, "a"] }), "the same type"),
            (json!({ "x": [] }), "the same type"),
            (json!({ "x": null }), "the same type"),
            (json!({ "": 1 }), "1 to 127"),
            (json!({ "k".repeat(128): 1 }), "1 to 127"),
        ] {
            let e = run(pairs.clone()).unwrap_err();
            assert!(e.to_string().contains(part) && e.hint().is_some(), "{pairs}: {e}");
        }
    }
}
