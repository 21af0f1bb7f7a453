//! YAML 1.2 (core schema) from the events of `saphyr-parser`, without recursion.
//!
//! Refuses several documents, tags beyond the core schema, keys that are not plain text, and aliases that would make the tree larger than
//! the limits of `tree`. Merge keys (`<<`) are YAML 1.1, so they are unknown keys.

use super::{LocatedProblem, Seen, once};
use crate::recipe::problem::{Problem, Span};
use crate::recipe::tree::{Budget, Entry, Node, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads one document. An empty one is an empty table.
pub(super) fn read(text: &str) -> Result<Node, LocatedProblem> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offsets = Offsets::new(body, text.len() - body.len());
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(body);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|e| {
            let start = offsets.byte(e.marker());
            let help = "This is not valid YAML. Indent with spaces and quote text that has special characters.";
            (Problem::error("", e.info().to_owned()).with_help(help), Span { start, end: start + 1 })
        })?;
        let at = Span { start: offsets.byte(&span.start), end: offsets.byte(&span.end) };
        if builder.event(event, at)? {
            break;
        }
    }
    Ok(builder.root.unwrap_or(Node { value: Value::Table(Vec::new()), at: Span::default() }))
}

/// Character index → byte offset.
struct Offsets {
    /// Byte offset of every character; `None` if the text is ASCII.
    table: Option<Vec<u32>>,
    skipped: usize,
    len: usize,
}

impl Offsets {
    fn new(body: &str, skipped: usize) -> Self {
        let table = (!body.is_ascii()).then(|| body.char_indices().map(|(i, _)| i as u32).collect());
        Self { table, skipped, len: body.len() }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let i = marker.index();
        let byte = match &self.table {
            Some(table) => table.get(i).map_or(self.len, |b| *b as usize),
            None => i.min(self.len),
        };
        byte + self.skipped
    }
}

/// An open list or table.
enum Frame {
    List { items: Vec<Node>, at: Span, anchor: usize },
    Table { entries: Vec<Entry>, seen: Seen, key: Option<(String, Span)>, at: Span, anchor: usize },
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    stack: Vec<Frame>,
    /// Finished anchored nodes with their extent.
    anchors: HashMap<usize, (Node, usize, usize)>,
    budget: Budget,
    documents: usize,
}

impl Builder {
    /// Takes one event; `true` at the end of the stream.
    fn event(&mut self, event: Event<'_>, at: Span) -> Result<bool, LocatedProblem> {
        let depth = self.stack.len() + 1;
        match event {
            Event::StreamEnd => return Ok(true),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let p = Problem::error("", "a second YAML document begins here");
                    return Err((p.with_help("A recipe is one document; put the other into its own file."), at));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.take(1, depth, at)?;
                if let Some(Frame::Table { seen, key: key @ None, .. }) = self.stack.last_mut() {
                    once(seen, &text, at)?;
                    *key = Some((text.into_owned(), at));
                } else {
                    let value = scalar(&text, style, tag.as_deref(), at)?;
                    self.finish(Node { value, at }, anchor);
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(depth, at, tag)?;
                self.stack.push(Frame::List { items: Vec::new(), at, anchor });
            }
            Event::MappingStart(anchor, tag) => {
                self.open(depth, at, tag)?;
                self.stack.push(Frame::Table { entries: Vec::new(), seen: Seen::new(), key: None, at, anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List { items, at: began, anchor }) => {
                    let at = Span { start: began.start, end: at.end };
                    self.finish(Node { value: Value::List(items), at }, anchor);
                }
                Some(Frame::Table { entries, at: began, anchor, .. }) => {
                    let at = Span { start: began.start, end: at.end };
                    self.finish(Node { value: Value::Table(entries), at }, anchor);
                }
                None => {}
            },
            Event::Alias(anchor) => {
                if let Some(Frame::Table { key: None, .. }) = self.stack.last() {
                    return Err((Problem::error("", "an alias cannot be a key").with_help("Write the key out."), at));
                }
                let Some((node, nodes, deep)) = self.anchors.get(&anchor) else {
                    let p = Problem::error("", "this alias refers to itself or to nothing");
                    return Err((p.with_help("An alias must come after the value that it refers to."), at));
                };
                self.budget.take(*nodes, depth + deep - 1, at)?;
                let node = Node { at, ..node.clone() };
                self.finish(node, 0);
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
        }
        Ok(false)
    }

    fn open(&mut self, depth: usize, at: Span, tag: Option<Cow<'_, Tag>>) -> Result<(), LocatedProblem> {
        self.budget.take(1, depth, at)?;
        if let Some(Frame::Table { key: None, .. }) = self.stack.last() {
            let p = Problem::error("", "a list or table cannot be a key");
            return Err((p.with_help("The keys of a recipe are plain words."), at));
        }
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq")) => {
                Err(unknown_tag(&tag, at))
            }
            _ => Ok(()),
        }
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            let (nodes, depth) = node.extent();
            self.anchors.insert(anchor, (node.clone(), nodes, depth));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Table { entries, key, .. }) => {
                if let Some((key, key_at)) = key.take() {
                    entries.push(Entry { key, key_at, node });
                }
            }
        }
    }
}

#[cold]
fn unknown_tag(tag: &Tag, at: Span) -> LocatedProblem {
    let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
    let p = Problem::error("", format!("the tag `{handle}{}` is not supported in a recipe", tag.suffix));
    (p.with_help("Remove the tag."), at)
}

/// Resolves a scalar by the core schema (YAML 1.2.2 §10.3.2).
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Result<Value, LocatedProblem> {
    let plain = style == ScalarStyle::Plain;
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => return Ok(Value::Text(text.to_owned())),
        Some(tag) if tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null") => {}
        Some(tag) => return Err(unknown_tag(tag, at)),
        None if !plain => return Ok(Value::Text(text.to_owned())),
        None => {}
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    })
}

fn number(text: &str) -> Option<Value> {
    if let Some(hex) = text.strip_prefix("0x") {
        return i128::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with(['+', '-'])).map(Value::Int);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i128::from_str_radix(octal, 8).ok().filter(|_| !octal.starts_with(['+', '-'])).map(Value::Int);
    }
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    match body {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Value::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Float(f64::NAN)),
        _ => {}
    }
    if !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Value::Int);
    }
    let begins = body.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let allowed = body.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    if begins && allowed && body.bytes().any(|b| b.is_ascii_digit()) {
        text.parse().ok().map(Value::Float)
    } else {
        None
    }
}
