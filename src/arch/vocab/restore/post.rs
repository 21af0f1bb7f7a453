//! The post-processor of `tokenizer.json` that gives the flags for adding begin, end and separator tokens.

use super::Source;
use crate::model::Result;
use serde_json::{Map, Value, json};

/// The post-processor (`null` for none). Flags that no post-processor expresses are put into `config`. `end` is the token at
/// the end of a text.
pub(super) fn build(source: &Source<'_>, byte_level: bool, config: &mut Map<String, Value>) -> Result<Value> {
    let (bos, eos, sep) = (source.flag("bos"), source.flag("eos"), source.flag("sep"));
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true});
    let first = source.id("bos").filter(|_| bos == Some(true));
    let last = source.id("eos").filter(|_| eos == Some(true));
    if first.is_none() && last.is_none() && sep != Some(true) {
        let mut roles = vec![("bos", bos), ("eos", eos), ("sep", sep)];
        let bytes_say_it = byte_level && bos == Some(false) && eos == Some(false);
        if bytes_say_it {
            roles.drain(..2);
        }
        for (role, flag) in roles {
            if let Some(flag) = flag {
                config.insert(format!("add_{role}_token"), flag.into());
            }
        }
        if bytes_say_it {
            return Ok(bytes);
        }
        return Ok(Value::Null);
    }
    let mut specials = Map::new();
    let mut token = |id: u32, type_id: u32| -> Result<Value> {
        let text = source.text(id as usize)?;
        specials.insert(text.to_owned(), json!({"id": text, "ids": [id], "tokens": [text]}));
        Ok(json!({"SpecialToken": {"id": text, "type_id": type_id}}))
    };
    let sequence = |name: &str, type_id: u32| json!({"Sequence": {"id": name, "type_id": type_id}});
    let separator = source.id("sep").or_else(|| source.id("eos"));
    let between: Vec<u32> = match (sep, last) {
        (None, _) => Vec::new(),
        (Some(true), Some(end)) => vec![end, separator.unwrap_or(end)],
        (Some(true), None) => separator.into_iter().collect(),
        (Some(false), _) if byte_level => first.or(last).into_iter().collect(),
        (Some(false), _) => last.or(first).into_iter().collect(),
    };
    let (mut single, mut pair) = (Vec::new(), Vec::new());
    if let Some(id) = first {
        single.push(token(id, 0)?);
        pair.push(token(id, 0)?);
    }
    single.push(sequence("A", 0));
    pair.push(sequence("A", 0));
    for id in between {
        pair.push(token(id, 0)?);
    }
    pair.push(sequence("B", 1));
    if let Some(id) = last {
        single.push(token(id, 0)?);
        pair.push(token(id, 1)?);
    }
    let template = json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": specials});
    if byte_level && (bos == Some(false) || eos == Some(false)) {
        return Ok(json!({"type": "Sequence", "processors": [bytes, template]}));
    }
    Ok(template)
}
