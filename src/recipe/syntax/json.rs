//! JSON (RFC 8259), strictly, with places. Strings and numbers are decoded by `serde_json`.
//!
//! Not read as YAML, although YAML claims to contain JSON: tabs, surrogate pairs and keys on a line of their own differ, and a comment
//! or a trailing comma should be reported, not accepted.

use super::{LocatedProblem, Seen, once};
use crate::recipe::problem::{Problem, Span};
use crate::recipe::tree::{Budget, Entry, Node, Value};

/// Reads one JSON value.
pub(super) fn read(text: &str) -> Result<Node, LocatedProblem> {
    let skip = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader { text, pos: skip, budget: Budget::default() };
    let node = reader.value(1)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wrong("unexpected text after the end of the JSON value")),
    }
}

struct Reader<'t> {
    text: &'t str,
    pos: usize,
    budget: Budget,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn wrong(&self, message: &str) -> LocatedProblem {
        let help = match self.peek() {
            Some(b'/' | b'#') => "JSON has no comments; TOML and YAML do.",
            Some(b'\'') => "JSON requires double quotes.",
            Some(b'}' | b']') => "JSON does not allow a comma before a closing bracket.",
            _ => "This is not valid JSON.",
        };
        (Problem::error("", message).with_help(help), Span { start: self.pos, end: self.pos + 1 })
    }

    /// A value at a depth; the depth is bounded by the budget before anything recurses.
    fn value(&mut self, depth: usize) -> Result<Node, LocatedProblem> {
        self.space();
        let start = self.pos;
        self.budget.take(1, depth, Span { start, end: start + 1 })?;
        let value = match self.peek() {
            Some(b'{') => Value::Table(self.table(depth)?),
            Some(b'[') => Value::List(self.list(depth)?),
            Some(b'"') => Value::Text(self.string()?),
            Some(_) => self.word()?,
            None => return Err(self.wrong("unexpected end of the text, expected a value")),
        };
        Ok(Node { value, at: Span { start, end: self.pos } })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, LocatedProblem> {
        let mut items = Vec::new();
        self.pos += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.pos += 1;
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.separator(b']')? {
                return Ok(items);
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Vec<Entry>, LocatedProblem> {
        let mut entries = Vec::new();
        let mut seen = Seen::new();
        self.pos += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.pos += 1;
            return Ok(entries);
        }
        loop {
            self.space();
            let start = self.pos;
            if self.peek() != Some(b'"') {
                return Err(self.wrong("expected a key in double quotes"));
            }
            let key = self.string()?;
            let key_at = Span { start, end: self.pos };
            once(&mut seen, &key, key_at)?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("expected `:` after the key"));
            }
            self.pos += 1;
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, key_at, node });
            if self.separator(b'}')? {
                return Ok(entries);
            }
        }
    }

    /// After an item: `true` at the closing bracket, `false` after a comma.
    fn separator(&mut self, close: u8) -> Result<bool, LocatedProblem> {
        self.space();
        match self.peek() {
            Some(b) if b == close => {
                self.pos += 1;
                Ok(true)
            }
            Some(b',') => {
                self.pos += 1;
                Ok(false)
            }
            None => Err(self.wrong(&format!("the text ends before the closing `{}`", close as char))),
            Some(_) => Err(self.wrong(&format!("expected `,` or `{}`", close as char))),
        }
    }

    /// A string that begins at the current double quote.
    fn string(&mut self) -> Result<String, LocatedProblem> {
        let bytes = self.text.as_bytes();
        let start = self.pos;
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => {
                    let p = Problem::error("", "this string is never closed");
                    return Err((p.with_help("This is not valid JSON."), Span { start, end: bytes.len() }));
                }
            }
        }
        self.pos = end + 1;
        let text = self.text.get(start..self.pos).unwrap_or("");
        serde_json::from_str(text).map_err(|_| {
            let p = Problem::error("", "this string has an invalid escape or a raw control character");
            (p.with_help("Write `\\\\` for a backslash and `\\n` for a line feed."), Span { start, end: self.pos })
        })
    }

    /// `true`, `false`, `null` or a number.
    fn word(&mut self) -> Result<Value, LocatedProblem> {
        let bytes = self.text.as_bytes();
        let start = self.pos;
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || b"+-._".contains(b);
        let end = start + bytes[start..].iter().take_while(|b| is_word(b)).count();
        let text = self.text.get(start..end).unwrap_or("");
        let value = match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => number(text),
        };
        let Some(value) = value else { return Err(self.wrong("expected a value")) };
        self.pos = end;
        Ok(value)
    }
}

/// A JSON number; whole numbers stay whole.
fn number(text: &str) -> Option<Value> {
    let decoded: f64 = serde_json::from_str(text).ok()?;
    if text.contains(['.', 'e', 'E']) { Some(Value::Float(decoded)) } else { text.parse().ok().map(Value::Int) }
}
