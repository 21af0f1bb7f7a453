//! `tokenizer_config.json`, `special_tokens_map.json` and the chat template.

use super::{Source, key, put, put_json};
use crate::model::{MetaArray, MetaValue, Result, Sidecars};
use serde_json::{Map, Value, json};

/// Writes the three files. `roles` are `bos_token` and the like with their ids; `config` is what the kind of tokenizer adds.
pub(super) fn write(
    source: &Source<'_>,
    roles: &[(&str, u32)],
    mut config: Map<String, Value>,
    out: &mut Sidecars,
) -> Result<()> {
    let mut map = Map::new();
    for (role, id) in roles {
        let text = source.text(*id as usize)?;
        map.insert(format!("{role}_token"), text.into());
        config.insert(format!("{role}_token"), text.into());
    }
    config.insert("clean_up_tokenization_spaces".into(), false.into());
    chat_template(source, &mut config, out);
    put_json(out, "tokenizer_config.json", &Value::Object(config));
    put_json(out, "special_tokens_map.json", &Value::Object(map));
    Ok(())
}

/// One template goes to `chat_template.jinja`; several, or one with carriage returns, which text files do not keep, to
/// `tokenizer_config.json`.
fn chat_template(source: &Source<'_>, config: &mut Map<String, Value>, out: &mut Sidecars) {
    let default = source.metadata.get(key::CHAT_TEMPLATE).and_then(MetaValue::as_str);
    let mut list = Vec::new();
    if let Some(MetaValue::Array(MetaArray::Str(names))) = source.metadata.get(key::CHAT_TEMPLATES) {
        for name in names {
            let name = String::from_utf8_lossy(name);
            let template = source.metadata.get(&format!("{}.{name}", key::CHAT_TEMPLATE)).and_then(MetaValue::as_str);
            if let Some(template) = template {
                list.push(json!({"name": name, "template": template}));
            }
        }
    }
    match default {
        Some(text) if list.is_empty() && !text.contains('\r') => put(out, "chat_template.jinja", text),
        Some(text) if list.is_empty() => {
            config.insert("chat_template".into(), text.into());
        }
        _ => {
            if let Some(text) = default {
                list.push(json!({"name": "default", "template": text}));
            }
            if !list.is_empty() {
                config.insert("chat_template".into(), list.into());
            }
        }
    }
}
