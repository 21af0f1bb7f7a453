//! Rendering a chat template.
//!
//! The environment is that of transformers (`utils/chat_template_utils.py`): blocks are trimmed, loops have `break` and `continue`,
//! `raise_exception` ends the rendering, `strftime_now` gives the date. Python's methods of texts, lists and tables work.
//!
//! The limits here stop templates that loop or grow. They do not stop everything: an expression can be nested so deeply that the stack
//! overflows, and values that share their parts can be exponentially large. Templates of models are therefore rendered in another process.

use super::{ChatTokens, Message};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest template that is rendered, in bytes: those of models have up to about 20 kB.
const MAX_TEMPLATE_BYTES: usize = 256 << 10;

/// Longest text of a conversation, in bytes. Those that are rendered here have some hundreds.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Work and memory of one rendering; a unit is an instruction or about 64 bytes. Real templates need some thousands.
const FUEL: u64 = 400_000;

/// A chat template that can be rendered.
pub(crate) struct ChatTemplate<'a> {
    environment: Environment<'a>,
    tokens: &'a ChatTokens,
    asked_date: Arc<AtomicBool>,
}

impl<'a> ChatTemplate<'a> {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub(crate) fn parse(text: &'a str, tokens: &'a ChatTokens) -> Result<Self, String> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(format!("it has {} bytes; the limit is {MAX_TEMPLATE_BYTES}", text.len()));
        }
        let asked_date = Arc::new(AtomicBool::new(false));
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|e| one_line(&e))?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", |text: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, text))
        });
        let asked = asked_date.clone();
        environment.add_function("strftime_now", move |_format: String| {
            asked.store(true, Ordering::Relaxed);
            String::new()
        });
        environment.add_template("chat", text).map_err(|e| one_line(&e))?;
        Ok(Self { environment, tokens, asked_date })
    }

    /// The text of a conversation; with `prompt`, followed by what asks the model for an answer.
    ///
    /// # Errors
    /// What the template refuses, in one line.
    pub(crate) fn render(&self, messages: &[Message<'_>], prompt: bool) -> Result<String, String> {
        let messages: Vec<Value> =
            messages.iter().map(|m| context! { role => m.role.name(), content => m.content }).collect();
        let values = context! {
            messages => messages,
            add_generation_prompt => prompt,
            bos_token => self.tokens.bos.as_deref().unwrap_or_default(),
            eos_token => self.tokens.eos.as_deref().unwrap_or_default(),
        };
        let template = self.environment.get_template("chat").map_err(|e| one_line(&e))?;
        let text = template.render(values).map_err(|e| one_line(&e))?;
        match text.len() > MAX_TEXT_BYTES {
            true => Err(format!("the text of a short conversation has {} bytes", text.len())),
            false => Ok(text),
        }
    }

    /// True if a rendering asked for the date.
    pub(crate) fn asked_date(&self) -> bool {
        self.asked_date.load(Ordering::Relaxed)
    }
}

/// JSON as Python writes it: `", "` and `": "` between items, and no escapes for HTML.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // The other options of `json.dumps` change nothing in what conversations hold.
    for known in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(known)?;
    }
    options.assert_all_used()?;
    let bad = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, e.to_string());
    match indent {
        Some(_) => serde_json::to_string_pretty(value).map_err(bad),
        None => {
            let json = serde_json::to_value(value).map_err(bad)?;
            let mut out = String::new();
            python_json(&json, &mut out);
            Ok(out)
        }
    }
}

fn python_json(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                python_json(item, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (i, (key, item)) in entries.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push_str(": ");
                python_json(item, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn one_line(error: &Error) -> String {
    let text = error.to_string();
    let at = error.line().map_or_else(String::new, |line| format!(" (line {line})"));
    let line = text.lines().next().unwrap_or_default();
    // The name of the template says nothing.
    format!("{}{at}", line.split(" (in chat").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    const HELLO: [Message<'_>; 1] = [Message { role: Role::User, content: "Hi" }];

    fn rendered(template: &str) -> Result<String, String> {
        let tokens = ChatTokens { bos: Some("<s>".into()), eos: Some("</s>".into()), ..ChatTokens::default() };
        ChatTemplate::parse(template, &tokens)?.render(&HELLO, true)
    }

    #[test]
    fn blocks_and_methods_are_pythons() {
        let text = "{% for m in messages %}\n  {% if m.role == 'user' %}\n{{ bos_token + m['content'].upper().strip() }}\n  {% endif %}\n{% endfor %}\n";
        assert_eq!(rendered(text).unwrap(), "<s>HI\n");
        assert_eq!(rendered("{{ {'a': [1, 'é<']} | tojson }}").unwrap(), r#"{"a": [1, "é<"]}"#);
        assert_eq!(
            rendered("{{ raise_exception('no such role') }}").unwrap_err(),
            "invalid operation: no such role (line 1)"
        );
        assert!(rendered("{% for %}").is_err());
    }

    #[test]
    fn templates_that_grow_without_end_are_stopped() {
        let double = "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}";
        for text in [
            double,
            "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "{{ ('a' * 90000000) | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{{ '<|end|>' * 20000 }}",
        ] {
            assert!(rendered(text).is_err(), "{text}");
        }
    }
}
