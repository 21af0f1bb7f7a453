//! A [`Recipe`] → TOML that reads back as the same recipe, and the template of `recipe new`.

use super::fields::{get_recipe, get_target};
use super::keys::{Key, KeyTable, State, keys_of};
use super::options::{self, Types};
use super::steps::{STEPS, targets};
use super::types::{Recipe, Target};
use crate::model::FormatId;
use serde_json::Value as Json;
use std::fmt::Write as _;

/// The recipe as TOML, in the order of the manual. What equals its default is left out. `parse` gives the same recipe back; paths that are
/// not Unicode and nulls in the options of a step are the exceptions.
pub fn to_toml(recipe: &Recipe) -> String {
    let mut out = String::new();
    lines(&mut out, keys_of(KeyTable::Top).filter_map(|k| Some((k.name, get_recipe(recipe, k)?))));
    let source: Vec<_> = keys_of(KeyTable::Source).filter_map(|k| Some((k.name, get_recipe(recipe, k)?))).collect();
    if !source.is_empty() {
        header(&mut out, "[source]");
        lines(&mut out, source);
    }
    for step in &recipe.pipeline {
        header(&mut out, "[[pipeline]]");
        lines(&mut out, [("step", Json::String(step.step.clone()))]);
        lines(&mut out, step.options.iter().map(|(k, v)| (k.as_str(), v.clone())));
    }
    for target in &recipe.targets {
        header(&mut out, "[[target]]");
        lines(&mut out, keys_of(KeyTable::Target).filter_map(|k| Some((k.name, get_target(target, k)?))));
    }
    if recipe.validate.is_some() {
        header(&mut out, "[validate]");
        lines(&mut out, keys_of(KeyTable::Validate).filter_map(|k| Some((k.name, get_recipe(recipe, k)?))));
    }
    out
}

fn header(out: &mut String, header: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(header);
    out.push('\n');
}

fn lines<'a>(out: &mut String, keys: impl IntoIterator<Item = (&'a str, Json)>) {
    for (name, v) in keys {
        if !v.is_null() {
            key(out, name);
            out.push_str(" = ");
            value(out, &v);
            out.push('\n');
        }
    }
}

/// A key, quoted unless it is bare.
fn key(out: &mut String, name: &str) {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { out.push_str(name) } else { text(out, name) }
}

/// A basic string (TOML 1.0 §String): quotes, backslashes and control characters escaped.
fn text(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if crate::units::is_hidden(c) => {
                let code = u32::from(c);
                let _ = if code > 0xffff { write!(out, "\\U{code:08X}") } else { write!(out, "\\u{code:04X}") };
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A value on one line, as TOML.
pub(super) fn inline(v: &Json) -> String {
    let mut out = String::new();
    value(&mut out, v);
    out
}

fn value(out: &mut String, v: &Json) {
    match v {
        Json::Null => out.push_str("\"\""),
        Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Json::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(x) => {
                let _ = write!(out, "{x:?}");
            }
            None => {
                let _ = write!(out, "{n}");
            }
        },
        Json::String(s) => text(out, s),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().filter(|v| !v.is_null()).enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                value(out, item);
            }
            out.push(']');
        }
        Json::Object(map) => {
            out.push_str("{ ");
            for (i, (name, item)) in map.iter().filter(|(_, v)| !v.is_null()).enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                key(out, name);
                out.push_str(" = ");
                value(out, item);
            }
            out.push_str(" }");
        }
    }
}

/// The first format of that kind: for the targets in the template.
fn format_of(types: Types) -> FormatId {
    options::FORMAT_OPTIONS.iter().find(|f| f.types == types).map_or(FormatId::ALL[0], |f| f.format)
}

/// What `remold recipe new` writes: a recipe that checks clean, with every key this version acts on as a comment.
pub fn template() -> String {
    let (first_format, second_format) = (format_of(Types::Files), format_of(Types::Elements));
    let mut out = String::from(
        "# A recipe for remold. `remold recipe check FILE` checks it, `remold run FILE --dry-run` shows what it would do.\n\
         # docs/recipe.md describes every key. Lines that begin with `#` are suggestions.\n\n",
    );
    let now = |k: &&Key| matches!(k.state, State::Since(_));
    comments(&mut out, keys_of(KeyTable::Top).filter(now));
    out.push_str("\n[source]\n");
    comments(&mut out, keys_of(KeyTable::Source).filter(now));
    out.push_str("\n# Steps, in order, before anything is written:\n");
    for step in STEPS.iter().filter(|s| s.state != State::Later) {
        let name = format!("# step = \"{}\"", step.name);
        let _ = writeln!(out, "# [[pipeline]]\n{name:<44} # {}", step.purpose);
        comments(&mut out, step.keys.iter().copied().filter(now));
    }
    out.push_str("\n[[target]]\n");
    let _ = writeln!(out, "format = \"{first_format}\"\nquantization = \"q4_k_m\"");
    let first = |k: &&Key| k.fits(first_format) && !matches!(k.name, "format" | "quantization");
    comments(&mut out, keys_of(KeyTable::Target).filter(now).filter(first));
    out.push_str("\n# Another target from the same read of the source:\n# [[target]]\n");
    let _ = writeln!(out, "# format = \"{second_format}\"\n# quantization = \"f16\"");
    comments(&mut out, keys_of(KeyTable::Target).filter(now).filter(|k| options::formats_of(k) == [second_format]));
    out
}

fn comments(out: &mut String, keys: impl Iterator<Item = &'static Key>) {
    for k in keys {
        let line = format!("# {} = {}", k.name, k.example);
        let _ = writeln!(out, "{line:<44} # {}", k.help);
    }
}

/// A short name for lists: the recipe's own, or what its targets say after its steps.
pub(crate) fn title(recipe: &Recipe) -> String {
    let target =
        |t: &Target| t.quantization.as_ref().map_or_else(|| t.format.to_string(), |q| format!("{}:{q}", t.format));
    recipe.name.clone().unwrap_or_else(|| targets(recipe).iter().map(target).collect::<Vec<_>>().join(" + "))
}
