//! One value of the tree → the canonical value of its key's kind, or what is wrong with it.

use super::keys::{Key, Kind};
use super::names;
use super::problem::{Message, Span};
use super::read::{Reader, key_place};
use super::tree::{Entry, Node, Value};
use serde_json::{Map, Number, Value as Json};

/// The canonical value of an entry; `None` after reporting a problem to the reader.
pub(crate) fn convert(key: &Key, e: &Entry, path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let node = &e.node;
    let wrong_type = |reader: &mut Reader<'_>, help: &str| {
        let message = match node.value {
            Value::Null => "has no value".to_owned(),
            _ => format!("must be {}, not {}", key.kind.describe(), node.describe()),
        };
        let message = Message::of_key(&e.key, message);
        let help = if node_is_null(node) && help.is_empty() {
            format!("Give it {} or remove the key.", key.kind.describe())
        } else {
            help.to_owned()
        };
        reader.wrong(path, node.at, message, &help);
        None
    };
    match (key.kind, &node.value) {
        (Kind::Text | Kind::Path | Kind::TensorType, Value::Text(t)) => Some(Json::String(t.clone())),
        (Kind::Quantization, Value::Text(t)) => Some(Json::String(names::quantization(t))),
        (Kind::Text | Kind::Path, Value::Int(_) | Value::Float(_) | Value::Bool(_)) => {
            wrong_type(reader, "Put it in quotes.")
        }
        (Kind::Format, Value::Text(t)) => match names::format(t) {
            Some(format) => Some(Json::from(format.name())),
            None => {
                reader.unknown_format(path, node.at, t);
                None
            }
        },
        (Kind::Bool, Value::Bool(b)) => Some(Json::Bool(*b)),
        (Kind::Bool, Value::Text(_)) => wrong_type(reader, "Write `true` or `false`, without quotes."),
        (Kind::Integer(low, high), Value::Int(i)) => match u64::try_from(*i) {
            Ok(n) if (low..=high).contains(&n) => Some(Json::from(n)),
            _ => wrong_type(reader, ""),
        },
        (Kind::Integer(..) | Kind::Number(..), Value::Text(_)) => {
            wrong_type(reader, "Write the number without quotes.")
        }
        (Kind::Number(low, high), Value::Int(_) | Value::Float(_)) => {
            number(node, low, high).or_else(|| wrong_type(reader, ""))
        }
        (Kind::Size, Value::Text(t)) => Some(Json::String(t.clone())),
        (Kind::Size, Value::Int(i)) if *i >= 0 => Some(Json::String(i.to_string())),
        (Kind::Choice(words), Value::Text(t)) => choice(words, t, e, path, reader),
        (Kind::List | Kind::Selectors, Value::List(items)) => list(key, items, path, reader),
        (Kind::List | Kind::Selectors, Value::Text(_) | Value::Int(_) | Value::Float(_)) => {
            list(key, std::slice::from_ref(node), path, reader)
        }
        (Kind::Layers, Value::List(items)) => layers(e, items, path, reader),
        (Kind::Layers, Value::Text(_) | Value::Int(_)) => layers(e, std::slice::from_ref(node), path, reader),
        (Kind::Rules, Value::List(_) | Value::Text(_)) => rules(e, path, reader),
        (Kind::Rules | Kind::Conditions, Value::Table(entries)) => texts_table(key, entries, path, reader),
        (Kind::Table, Value::Table(_)) => free(node, path, reader),
        _ => wrong_type(reader, ""),
    }
}

/// A number from `low` to `high`.
fn number(node: &Node, low: f64, high: f64) -> Option<Json> {
    let x = match node.value {
        Value::Int(i) => i as f64,
        Value::Float(x) => x,
        _ => return None,
    };
    (low..=high).contains(&x).then(|| Number::from_f64(x).map(Json::Number)).flatten()
}

/// One of `words`, in any case.
fn choice(words: &[&'static str], text: &str, e: &Entry, path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let word = words.iter().find(|w| w.eq_ignore_ascii_case(text));
    if word.is_none() {
        let help = names::suggest(text, words.iter().copied(), &names::listed("Allowed", words));
        reader.wrong(path, e.node.at, Message::of_key(&e.key, format!("has no option {text:?}")), &help);
    }
    word.map(|word| Json::String((*word).to_owned()))
}

/// A table whose values are strings: the rules of `tensor_types`, the conditions of `fail_if`.
fn texts_table(key: &Key, entries: &[Entry], path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let mut out = Map::new();
    for inner in entries {
        let inner_path = format!("{path}.{}", inner.key);
        reader.places.insert(inner_path.clone(), inner.node.at);
        reader.places.insert(key_place(&inner_path), inner.key_at);
        match &inner.node.value {
            Value::Text(t) => {
                out.insert(inner.key.clone(), Json::String(t.clone()));
            }
            _ => {
                let help = match key.kind {
                    Kind::Conditions => "Write the comparison as a string: `\"> 0.05\"`.",
                    _ => "Write the type as a string: `\"q6_k\"`.",
                };
                let message = format!("`{}` must be a string, not {}", inner.key, inner.node.describe());
                reader.wrong(&inner_path, inner.node.at, message, help);
            }
        }
    }
    Some(Json::Object(out))
}

fn node_is_null(node: &Node) -> bool {
    matches!(node.value, Value::Null)
}

fn list(key: &Key, items: &[Node], path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let mut out = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(t) => out.push(Json::String(t.clone())),
            Value::Int(_) | Value::Float(_) if key.kind == Kind::List => out.extend(free(item, path, reader)),
            _ => {
                let message = format!("must be {}, but it contains {}", key.kind.describe(), item.describe());
                reader.wrong(path, item.at, Message::of_key(key.name, message), "");
            }
        }
    }
    Some(Json::Array(out))
}

/// Most layers that are listed: more are in no network.
const MAX_RANGE: u32 = 4096;

/// `3, 5`, or `20-23`.
pub(crate) fn layer_numbers(text: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        all.extend(range(part)?);
        if all.len() > MAX_RANGE as usize {
            return None;
        }
    }
    Some(all)
}

/// `20`, or `20-23`.
fn range(text: &str) -> Option<Vec<u32>> {
    let number = |t: &str| t.trim().parse::<u32>().ok();
    let Some((from, to)) = text.split_once('-') else { return Some(vec![number(text)?]) };
    let (from, to) = (number(from)?, number(to)?);
    (from <= to && to - from < MAX_RANGE).then(|| (from..=to).collect())
}

/// Numbers, or texts of them with commas between, as llama-quantize takes them.
fn layers(e: &Entry, items: &[Node], path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let mut out = Vec::new();
    for item in items {
        let numbers: Option<Vec<u32>> = match &item.value {
            Value::Int(n) => u32::try_from(*n).ok().map(|n| vec![n]),
            Value::Text(t) => layer_numbers(t),
            _ => None,
        };
        let Some(numbers) = numbers else {
            let message = Message::of_key(&e.key, format!("must be a list of layer numbers, not {}", item.describe()));
            reader.wrong(path, item.at, message, "Layers are counted from 0: `[20, 21]`.");
            return None;
        };
        out.extend(numbers.into_iter().map(Json::from));
    }
    Some(Json::Array(out))
}

/// `pattern=type` as llama-quantize takes it: the pattern is a regular expression.
fn rules(e: &Entry, path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let lone = std::slice::from_ref(&e.node);
    let items = if let Value::List(items) = &e.node.value { items.as_slice() } else { lone };
    let mut out = Map::new();
    for item in items {
        let pair = if let Value::Text(t) = &item.value { t.rsplit_once('=') } else { None };
        match pair {
            Some((pattern, kind)) if !pattern.is_empty() && !kind.is_empty() => {
                let selector = format!("re:{pattern}");
                reader.places.insert(format!("{path}.{selector}"), item.at);
                out.insert(selector, Json::String(kind.to_owned()));
            }
            _ => {
                let message = format!("must be rules like `pattern=type`, not {}", item.describe());
                let message = Message::of_key(&e.key, message);
                reader.wrong(path, item.at, message, "Or write a table: `{ \"re:pattern\" = \"q6_k\" }`.");
            }
        }
    }
    Some(Json::Object(out))
}

/// Any value but nothing and numbers that are not finite; the tree's depth is bounded already.
fn free(node: &Node, path: &str, reader: &mut Reader<'_>) -> Option<Json> {
    let wrong = |reader: &mut Reader<'_>, at: Span, message: &str| {
        reader.wrong(path, at, message, "");
        None
    };
    Some(match &node.value {
        Value::Null => return wrong(reader, node.at, "this key has no value"),
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => match (u64::try_from(*i), i64::try_from(*i)) {
            (Ok(n), _) => Json::from(n),
            (_, Ok(n)) => Json::from(n),
            _ => return wrong(reader, node.at, "this number is too large"),
        },
        Value::Float(x) => match Number::from_f64(*x) {
            Some(n) => Json::Number(n),
            None => return wrong(reader, node.at, "this number is not finite"),
        },
        Value::Text(t) => Json::String(t.clone()),
        Value::List(items) => Json::Array(items.iter().filter_map(|n| free(n, path, reader)).collect()),
        Value::Table(entries) => {
            let inner = entries.iter().filter_map(|e| Some((e.key.clone(), free(&e.node, path, reader)?)));
            Json::Object(inner.collect())
        }
    })
}
