//! Merges, special-token ids, add-token flags, chat template and normalizer flags, found where llama.cpp's converter finds
//! them and written in its order (source of the rules: gguf-py/gguf/vocab.py, `SpecialVocab`).

use super::chat::{self, ChatTemplate};
use super::files::{Files, truthy};
use super::{Entries, key};
use crate::model::{MetaArray, Result, Warning};
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Roles that the converter looks for, in its order.
const ROLES: [&str; 7] = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

/// The entries besides the tokens.
#[derive(Debug, Default)]
pub(super) struct SpecialVocab {
    merges: Vec<Vec<u8>>,
    ids: IndexMap<String, u32>,
    flags: IndexMap<String, bool>,
    chat_template: Option<ChatTemplate>,
    lowercase: Option<bool>,
    strip_accents: Option<bool>,
}

/// How much to load.
pub(super) struct Options<'a> {
    /// Read the merges.
    pub merges: bool,
    /// Ids from here on are ignored.
    pub n_vocab: Option<usize>,
    /// Roles to look for; `None` for the usual ones.
    pub roles: Option<&'a [&'a str]>,
}

impl SpecialVocab {
    /// Reads the entries from the files.
    pub(super) fn load(files: &Files<'_>, options: &Options<'_>, warnings: &mut Vec<Warning>) -> Result<Self> {
        let mut out = Self::default();
        let mut roles: Vec<&str> = options.roles.unwrap_or(&ROLES).to_vec();
        let mut config = files.tokenizer_config.clone().unwrap_or_default();
        if let Some(json) = &files.tokenizer_json {
            if options.merges {
                out.merges = json.model.merges.iter().map(|(a, b)| merge_text(a, b)).collect();
            }
            out.parse_normalizer(&json.normalizer, 0);
            out.parse_post_processor(&json.post_processor, &mut config, &mut roles);
        }
        if !config.is_empty() {
            out.chat_template = chat::find(files, &config, warnings)?;
            out.read_config(&config, files, &roles, options.n_vocab);
        }
        for role in &roles {
            let field = format!("{role}_token_id");
            let value = [Some(files.config), files.config.get("text_config")]
                .into_iter()
                .flatten()
                .filter_map(|c| c.get(&field))
                .find(|v| !v.is_null());
            if let Some(id) = value.and_then(Value::as_i64) {
                match u32::try_from(id) {
                    Ok(id) => out.set_id(role, id, options.n_vocab),
                    Err(_) => warnings.push(Warning::new(
                        "tokenizer.special-id",
                        format!("{field} in config.json is {id}, which is not a token; it is ignored."),
                    )),
                }
            }
        }
        if options.merges && out.merges.is_empty() {
            out.merges = files.merges_txt(warnings)?.iter().map(|(a, b)| merge_text(a, b)).collect();
        }
        Ok(out)
    }

    /// Appends the entries in the converter's order; an existing key keeps its place and takes the new value.
    pub(super) fn write(self, entries: &mut Entries) {
        if !self.merges.is_empty() {
            entries.set(key::MERGES, MetaArray::Str(self.merges));
        }
        for (role, id) in self.ids {
            if let Some(name) = key::token_id(&role) {
                entries.set(name, id);
            }
        }
        for (role, value) in self.flags {
            if let Some(name) = key::add_token(&role) {
                entries.set(name, value);
            }
        }
        if let Some(template) = self.chat_template {
            template.write(entries);
        }
        if let Some(value) = self.lowercase {
            entries.set(key::LOWERCASE, value);
        }
        if let Some(value) = self.strip_accents {
            entries.set(key::STRIP_ACCENTS, value);
        }
    }

    /// Sets an id unless the role has one.
    pub(super) fn set_id(&mut self, role: &str, id: u32, n_vocab: Option<usize>) {
        if n_vocab.is_none_or(|n| (id as usize) < n) {
            self.ids.entry(role.to_owned()).or_insert(id);
        }
    }

    fn parse_normalizer(&mut self, normalizer: &Value, depth: usize) {
        match normalizer["type"].as_str() {
            Some("Lowercase") => self.lowercase = Some(true),
            Some("StripAccents") => self.strip_accents = Some(true),
            Some("BertNormalizer") => {
                self.lowercase = normalizer["lowercase"].as_bool().or(self.lowercase);
                self.strip_accents = normalizer["strip_accents"].as_bool().or(self.strip_accents);
            }
            // serde_json limits the depth of the file; the limit here makes the rule visible.
            Some("Sequence") if depth < 64 => {
                for inner in normalizer["normalizers"].as_array().into_iter().flatten() {
                    self.parse_normalizer(inner, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// The flags of `RobertaProcessing`, `TemplateProcessing` and `ByteLevel`; changes the roles' tokens in `config`.
    fn parse_post_processor(&mut self, post: &Value, config: &mut Map<String, Value>, roles: &mut Vec<&str>) {
        let has_config = !config.is_empty();
        let mut s = Specials {
            bos: config.get("bos_token").cloned().unwrap_or_default(),
            cls: config.get("cls_token").cloned().unwrap_or_default(),
            eos: config.get("eos_token").cloned().unwrap_or_default(),
            sep: config.get("sep_token").cloned().unwrap_or_default(),
        };
        if !truthy(&s.bos) && truthy(&s.cls) && has_config {
            s.bos = s.cls.clone();
            config.insert("bos_token".into(), s.bos.clone());
        }
        if !truthy(&s.eos) && truthy(&s.sep) && has_config {
            s.eos = s.sep.clone();
            config.insert("eos_token".into(), s.eos.clone());
        }
        let single = [post.clone()];
        let processors = post["processors"].as_array().map_or(&single[..], Vec::as_slice);
        for processor in processors {
            match processor["type"].as_str() {
                Some("ByteLevel") => {
                    self.flags.entry("bos".into()).or_insert(false);
                    self.flags.entry("eos".into()).or_insert(false);
                }
                Some("RobertaProcessing") => {
                    for role in ["bos", "eos", "sep"] {
                        self.flags.insert(role.into(), true);
                    }
                    if !truthy(&s.cls) && has_config {
                        s.cls = processor["cls"].get(0).cloned().unwrap_or_else(|| s.bos.clone());
                        config.insert("cls_token".into(), s.cls.clone());
                    }
                    if !truthy(&s.sep) && has_config {
                        s.sep = processor["sep"].get(0).cloned().unwrap_or_else(|| s.eos.clone());
                        config.insert("sep_token".into(), s.sep.clone());
                    }
                }
                Some("TemplateProcessing") => self.parse_template(processor, config, roles, &mut s, has_config),
                _ => {}
            }
        }
    }

    fn parse_template(
        &mut self,
        processor: &Value,
        config: &mut Map<String, Value>,
        roles: &mut Vec<&str>,
        s: &mut Specials,
        has_config: bool,
    ) {
        let single = processor["single"].as_array().map_or(&[][..], Vec::as_slice);
        let (mut first, mut last) = (Value::Null, Value::Null);
        if let [head, .., tail] = single {
            first = special_id(head);
            if truthy(&first) {
                if !has_config {
                    s.bos = first.clone();
                } else if first != s.bos && first != s.cls {
                    if !truthy(&s.bos) {
                        s.bos = first.clone();
                        config.insert("bos_token".into(), first.clone());
                    }
                    if !truthy(&s.cls) {
                        s.cls = first.clone();
                        config.insert("cls_token".into(), first.clone());
                    }
                }
                self.flags.insert("bos".into(), first == s.bos || first == s.cls);
            }
            last = special_id(tail);
            if truthy(&last) {
                if !has_config {
                    s.eos = last.clone();
                } else if last != s.eos {
                    for role in ["eot", "eom"] {
                        if !roles.contains(&role) {
                            roles.push(role);
                            config.insert(format!("{role}_token"), s.eos.clone());
                            break;
                        }
                    }
                    s.eos = last.clone();
                    config.insert("eos_token".into(), last.clone());
                }
                self.flags.insert("eos".into(), last == s.eos);
            }
        }
        let Some(mut pair) = processor["pair"].as_array().map(Vec::as_slice).filter(|p| !p.is_empty()) else {
            return;
        };
        if truthy(&first) && special_id(&pair[0]) == first {
            pair = &pair[1..];
        }
        if truthy(&last) && pair.last().is_some_and(|p| special_id(p) == last) {
            pair = &pair[..pair.len() - 1];
        }
        let [a, middle @ .., b] = pair else { return };
        if middle.is_empty() || a["Sequence"]["id"] != "A" || b["Sequence"]["id"] != "B" {
            return;
        }
        let ends = |v: &Value| truthy(v) && (*v == s.sep || *v == s.eos);
        let mut sep = ends(&special_id(&middle[0])) && !truthy(&last);
        if let [_, second] = middle {
            sep |= ends(&special_id(second));
        }
        self.flags.insert("sep".into(), sep);
        if sep && !truthy(&s.sep) && has_config {
            config.insert("sep_token".into(), s.eos.clone());
        }
    }

    /// Flags and tokens of `tokenizer_config.json`; ids are those of the first added token with that text.
    fn read_config(&mut self, config: &Map<String, Value>, files: &Files<'_>, roles: &[&str], n_vocab: Option<usize>) {
        for role in roles {
            if let Some(add) = config.get(&format!("add_{role}_token")).and_then(Value::as_bool) {
                self.flags.entry((*role).to_owned()).or_insert(add);
            }
            let entry = config.get(&format!("{role}_token"));
            let Some(text) = entry.and_then(|e| e.as_str().or_else(|| e["content"].as_str())) else { continue };
            let added = files.tokenizer_json.iter().flat_map(|j| &j.added_tokens).find(|t| t.content == text);
            if let Some(token) = added {
                self.set_id(role, token.id, n_vocab);
            }
        }
    }
}

/// The tokens that `tokenizer_config.json` names, as written there (text or object).
struct Specials {
    bos: Value,
    cls: Value,
    eos: Value,
    sep: Value,
}

fn special_id(part: &Value) -> Value {
    part["SpecialToken"]["id"].clone()
}

/// A merge as GGUF holds it; spaces within a token are written `Ġ` (U+0120).
fn merge_text(a: &str, b: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len() + b.len() + 1);
    for (i, part) in [a, b].into_iter().enumerate() {
        if i == 1 {
            out.push(b' ');
        }
        for (j, piece) in part.split(' ').enumerate() {
            if j > 0 {
                out.extend_from_slice("Ġ".as_bytes());
            }
            out.extend_from_slice(piece.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spaces_within_merged_tokens_are_encoded() {
        assert_eq!(merge_text("a", "b"), b"a b");
        assert_eq!(merge_text(" x", "y "), "Ġx yĠ".as_bytes());
    }

    fn flags(post: Value, config: Value) -> (Vec<(String, bool)>, Map<String, Value>) {
        let mut out = SpecialVocab::default();
        let mut config = config.as_object().cloned().unwrap_or_default();
        out.parse_post_processor(&post, &mut config, &mut ROLES.to_vec());
        (out.flags.into_iter().collect(), config)
    }

    #[test]
    fn post_processors_decide_the_flags() {
        let token = |t: &str| json!({"SpecialToken": {"id": t, "type_id": 0}});
        let seq = |t: &str| json!({"Sequence": {"id": t, "type_id": 0}});
        let bert = json!({"type": "TemplateProcessing",
            "single": [token("C"), seq("A"), token("S")],
            "pair": [token("C"), seq("A"), token("S"), seq("B"), token("S")]});
        let (f, c) = flags(bert, json!({"cls_token": "C", "sep_token": "S"}));
        assert_eq!(f, [("bos".to_owned(), true), ("eos".to_owned(), true), ("sep".to_owned(), false)]);
        assert_eq!((&c["bos_token"], &c["eos_token"]), (&json!("C"), &json!("S")));

        let llama3 = json!({"type": "Sequence", "processors": [{"type": "ByteLevel"},
            {"type": "TemplateProcessing", "single": [token("B"), seq("A")], "pair": [token("B"), seq("A"), token("B"), seq("B")]}]});
        let (f, _) = flags(llama3, json!({"bos_token": "B", "eos_token": "E"}));
        assert_eq!(f, [("bos".to_owned(), true), ("eos".to_owned(), false), ("sep".to_owned(), false)]);

        let (f, c) =
            flags(json!({"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]}), json!({"x": 1}));
        assert_eq!(f, [("bos".to_owned(), true), ("eos".to_owned(), true), ("sep".to_owned(), true)]);
        assert_eq!((&c["cls_token"], &c["sep_token"]), (&json!("<s>"), &json!("</s>")));

        let other_end = json!({"type": "TemplateProcessing", "single": [seq("A"), token("T")], "pair": []});
        let (f, c) = flags(other_end, json!({"eos_token": "E"}));
        assert_eq!(f, [("eos".to_owned(), true)]);
        assert_eq!((&c["eot_token"], &c["eos_token"]), (&json!("E"), &json!("T")));
    }

    #[test]
    fn malformed_post_processors_are_harmless() {
        for post in [
            json!(null),
            json!(1),
            json!({"type": "TemplateProcessing"}),
            json!({"processors": 3}),
            json!({"type": "TemplateProcessing", "single": [1, 2], "pair": [1]}),
            json!({"type": "TemplateProcessing", "single": {"a": 1}, "pair": "x"}),
        ] {
            assert_eq!(flags(post, json!({"bos_token": "B"})).0, []);
        }
    }
}
