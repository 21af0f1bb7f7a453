//! Chat templates: `chat_template.jinja`, `additional_chat_templates/`, `chat_template.json`, `tokenizer_config.json`.

use super::files::Files;
use super::{Entries, key};
use crate::model::{MetaArray, Result, Warning};
use serde_json::{Map, Value};

/// Folder of further templates in a Hugging Face folder.
const ADDITIONAL: &str = "additional_chat_templates/";

/// One template, or several with names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ChatTemplate {
    One(String),
    Named(Vec<(String, String)>),
}

/// The template the converter would use: `tokenizer_config.json` first, then the files.
pub(super) fn find(
    files: &Files<'_>,
    config: &Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<ChatTemplate>> {
    if config.get("chat_template").is_some() && additional(files).next().is_some() {
        let text = "additional_chat_templates/ is left out: tokenizer_config.json has templates of its own, which llama.cpp's converter takes alone.";
        warnings.push(Warning::new("tokenizer.chat-template", text));
    }
    match config.get("chat_template") {
        None => in_files(files),
        Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(ChatTemplate::One(text.clone()))),
        Some(Value::Array(list)) => Ok(Some(named(list))),
        Some(_) => {
            let text = "chat_template in tokenizer_config.json is neither a text nor a list; it is left out.";
            warnings.push(Warning::new("tokenizer.chat-template", text));
            Ok(None)
        }
    }
}

/// The further templates: name, and name of the file.
fn additional<'a>(files: &Files<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    files.sidecars.0.keys().filter_map(|file| {
        let stem = file.strip_prefix(ADDITIONAL)?.strip_suffix(".jinja")?;
        Some((stem, file.as_str()))
    })
}

fn in_files(files: &Files<'_>) -> Result<Option<ChatTemplate>> {
    let mut all = Vec::new();
    for (name, file) in additional(files) {
        all.extend(files.text(file)?.map(|text| (name.to_owned(), text)));
    }
    if let Some(text) = files.text("chat_template.jinja")? {
        if all.is_empty() {
            return Ok(Some(ChatTemplate::One(text)));
        }
        all.insert(0, ("default".to_owned(), text));
        return Ok(Some(ChatTemplate::Named(all)));
    }
    let json = files.sidecars.json("chat_template.json")?;
    Ok(match json.as_ref().and_then(|j| j.get("chat_template")) {
        Some(Value::String(text)) => Some(ChatTemplate::One(text.clone())),
        Some(Value::Array(list)) => Some(named(list)),
        // The converter uses the further ones only beside a default one; alone they are kept here.
        _ => (!all.is_empty()).then_some(ChatTemplate::Named(all)),
    })
}

fn named(list: &[Value]) -> ChatTemplate {
    let entry = |v: &Value| Some((v["name"].as_str()?.to_owned(), v["template"].as_str()?.to_owned()));
    ChatTemplate::Named(list.iter().filter_map(entry).collect())
}

impl ChatTemplate {
    /// Named templates first, then their names, then the default (gguf-py/gguf/gguf_writer.py, `add_chat_template`). The
    /// converter lists the names in no fixed order; here they are in the order of the files.
    pub(super) fn write(self, entries: &mut Entries) {
        let list = match self {
            Self::One(text) => return entries.set(key::CHAT_TEMPLATE, text),
            Self::Named(list) => list,
        };
        let mut default = None;
        let mut names: Vec<Vec<u8>> = Vec::new();
        for (name, template) in list {
            let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            if name == "default" {
                default = Some(template);
            } else if !name.is_empty() {
                entries.set(&format!("{}.{name}", key::CHAT_TEMPLATE), template);
                if !names.contains(&name.clone().into_bytes()) {
                    names.push(name.into_bytes());
                }
            }
        }
        if !names.is_empty() {
            entries.set(key::CHAT_TEMPLATES, MetaArray::Str(names));
        }
        if let Some(text) = default {
            entries.set(key::CHAT_TEMPLATE, text);
        }
    }
}
