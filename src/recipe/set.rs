//! `--set KEY=VALUE`: one key of a recipe from the command line, by the rules and with the messages of a recipe file.

use super::keys::{self, Key, KeyTable, Kind};
use super::names;
use super::problem::{Problem, RecipeErrors, SourceText, Span};
use super::read::{Reader, flat_key, is_textual, unknown_key};
use super::syntax::{self, Syntax};
use super::tree::{Entry, Node, Value};
use super::types::Recipe;
use super::{fields, options, problem};
use crate::model::FormatId;
use std::path::PathBuf;

/// One step of a key's path.
#[derive(Debug, PartialEq)]
enum Part {
    Name(String, Span),
    Index(usize, Span),
}

/// Sets a key: `source.path=…`, `context_length=4096` (every target it fits), `target[1].quantization=q8_0` (the second target),
/// `target.tensor_types."re:ffn_down"=q6_k`, `validate.fail_if.kld_mean="> 0.1"`, `pipeline[0].sparsity=0.5`.
///
/// The value is TOML where it is TOML, text otherwise. The recipe is left as it was when anything is wrong.
///
/// # Errors
/// Unknown keys (with the nearest known one), values of a wrong type, targets that are not there.
pub fn apply_set(recipe: &mut Recipe, assignment: &str) -> Result<(), RecipeErrors> {
    let source = SourceText { file: Some(PathBuf::from("--set")), text: assignment.to_owned() };
    let mut reader = Reader::default();
    reader.recipe = recipe.clone();
    if let Err((problem, span)) = apply(&mut reader, assignment) {
        reader.found.push((problem, span));
    }
    reader.found.retain(|(p, _)| p.is_error());
    if reader.found.is_empty() {
        *recipe = reader.recipe;
        return Ok(());
    }
    Err(RecipeErrors::new(problem::placed(reader.found, &source)))
}

type Wrong = (Problem, Span);

fn wrong(message: impl Into<super::problem::Message>, at: Span, help: &str) -> Wrong {
    (Problem::error("", message).with_help(help), at)
}

fn apply(reader: &mut Reader<'_>, text: &str) -> Result<(), Wrong> {
    let (parts, equals) = path(text)?;
    let raw = (&text[equals + 1..], equals + 1);
    let whole = Span { start: 0, end: equals };
    let names: Vec<&str> =
        parts.iter().filter_map(|p| if let Part::Name(n, _) = p { Some(n.as_str()) } else { None }).collect();
    let indices: Vec<(usize, Span)> =
        parts.iter().filter_map(|p| if let Part::Index(i, at) = p { Some((*i, *at)) } else { None }).collect();
    if parts.first().is_none_or(|p| matches!(p, Part::Index(..))) {
        return Err(wrong("the key is missing", whole, "Write `KEY=VALUE`, for example `context_length=4096`."));
    }
    if let Some((_, at)) = indices.get(1) {
        return Err(wrong("only targets and steps can have an index", *at, ""));
    }
    let index = indices.first().copied();
    let (table, rest) = match names.as_slice() {
        ["source", rest @ ..] => (KeyTable::Source, rest),
        ["validate" | "validation", rest @ ..] => (KeyTable::Validate, rest),
        ["target" | "targets", rest @ ..] => (KeyTable::Target, rest),
        ["pipeline" | "steps", rest @ ..] => return step(reader, index, rest, raw, whole),
        ["format_options", format, rest @ ..] => {
            let Some(format) = names::format(format) else {
                return Err(wrong(format!("unknown format `{format}`"), whole, &names::format_help(format)));
            };
            return targets(reader, None, Some(format), rest, raw, whole);
        }
        rest @ [first, ..] => match keys::keys_of(KeyTable::Source).find(|k| k.flat.contains(first)) {
            Some(key) => return plain(reader, key, rest, raw, whole),
            None if flat_key(first).is_some() => (KeyTable::Target, rest),
            None => (KeyTable::Top, rest),
        },
        [] => (KeyTable::Top, &[][..]),
    };
    if table == KeyTable::Target {
        return targets(reader, index, None, rest, raw, whole);
    }
    if let Some((_, at)) = index {
        return Err(wrong("only targets and steps can have an index", at, ""));
    }
    let Some(name) = rest.first() else {
        return Err(wrong("a key of that table is missing", whole, "Write, for example, `source.path=runs/exp42`."));
    };
    match keys::find(table, name) {
        Some(key) => plain(reader, key, rest, raw, whole),
        None => Err(group(name, whole).unwrap_or_else(|| unknown(table, name, whole))),
    }
}

/// What is wrong with a table or a list that only a file can have at its top.
fn group(name: &str, at: Span) -> Option<Wrong> {
    let help = match super::read::group(name)? {
        "splitting" | "optimization" => {
            "It becomes a step. Set a key of the step: `pipeline[0].KEY=VALUE`; steps are counted from 0."
        }
        "target_formats" => "Set the format of a target, as in `target[0].format=gguf`; targets are counted from 0.",
        _ => "Write the format and its key, as in `format_options.gguf.context_length=4096`.",
    };
    Some(wrong(format!("`{name}` cannot be set as a whole"), at, help))
}

fn unknown(table: KeyTable, name: &str, at: Span) -> Wrong {
    let (message, help) = unknown_key(table, name);
    wrong(message, at, &help)
}

/// A key of the top, `[source]` or `[validate]`.
fn plain(
    reader: &mut Reader<'_>,
    key: &'static Key,
    names: &[&str],
    raw: (&str, usize),
    at: Span,
) -> Result<(), Wrong> {
    let entry = entry(key, names, raw, at)?;
    let before = fields::get_recipe(&reader.recipe, key);
    reader.plain(key, &entry);
    if let (true, Some(after)) = (names.len() > 1, fields::get_recipe(&reader.recipe, key)) {
        fields::set_recipe(&mut reader.recipe, key, merged(before, after));
    }
    Ok(())
}

/// A target key, for one target or every one that it fits.
fn targets(
    reader: &mut Reader<'_>,
    index: Option<(usize, Span)>,
    format: Option<FormatId>,
    names: &[&str],
    raw: (&str, usize),
    at: Span,
) -> Result<(), Wrong> {
    let Some(name) = names.first() else {
        return Err(wrong("a key of the target is missing", at, "Write, for example, `target.quantization=q4_k_m`."));
    };
    let Some(key) = keys::find(KeyTable::Target, name) else { return Err(unknown(KeyTable::Target, name, at)) };
    let entry = entry(key, names, raw, at)?;
    let count = reader.recipe.targets.len();
    let meant: Vec<usize> = match index {
        Some((i, _)) if i < count => vec![i],
        Some((i, at)) => {
            let help = "Targets are counted from 0.";
            return Err(wrong(format!("there is no target {i}; the recipe has {count}"), at, help));
        }
        None => {
            let fits = |f: FormatId| key.fits(f) && format.is_none_or(|g| f == g);
            (0..count).filter(|i| reader.recipe.targets.get(*i).is_some_and(|t| fits(t.format))).collect()
        }
    };
    if meant.is_empty() {
        let wanted = format.map_or_else(|| options::formats_text(key), |f| f.name().to_owned());
        let wanted = if wanted.is_empty() { "any".to_owned() } else { wanted };
        return Err(wrong(
            format!("`{name}` is for {wanted} targets, but the recipe has none"),
            at,
            "Add such a target.",
        ));
    }
    for i in meant {
        let Some(mut target) = reader.recipe.targets.get(i).cloned() else { continue };
        let before = fields::get_target(&target, key);
        reader.target_key(&mut target, &format!("target[{i}]"), key, &entry);
        if let (true, Some(after)) = (names.len() > 1, fields::get_target(&target, key)) {
            fields::set_target(&mut target, key, merged(before, after));
        }
        if let Some(slot) = reader.recipe.targets.get_mut(i) {
            *slot = target;
        }
        if !reader.found.is_empty() {
            break;
        }
    }
    Ok(())
}

/// A key of a step.
fn step(
    reader: &mut Reader<'_>,
    index: Option<(usize, Span)>,
    names: &[&str],
    raw: (&str, usize),
    at: Span,
) -> Result<(), Wrong> {
    let count = reader.recipe.pipeline.len();
    let Some((i, index_at)) = index else {
        return Err(wrong(
            "the number of the step is missing",
            at,
            "Write `pipeline[0].KEY=VALUE`; steps are counted from 0.",
        ));
    };
    let Some(mut step) = reader.recipe.pipeline.get(i).cloned() else {
        return Err(wrong(
            format!("there is no step {i}; the recipe has {count}"),
            index_at,
            "Steps are counted from 0. `convert` is not a step and is not counted.",
        ));
    };
    let Some(name) = names.first() else {
        return Err(wrong("a key of the step is missing", at, "Write `pipeline[0].KEY=VALUE`."));
    };
    let table = keys::step(&step.step).map(KeyTable::Step);
    let Some(key) = table.and_then(|r| keys::find(r, name)) else {
        return Err(unknown(table.unwrap_or(KeyTable::Top), name, at));
    };
    let entry = entry(key, names, raw, at)?;
    if let Some(v) = reader.value(key, &entry, &format!("pipeline[{i}].{}", key.name)) {
        fields::set_step(&mut step, key, v);
    }
    if let Some(slot) = reader.recipe.pipeline.get_mut(i) {
        *slot = step;
    }
    Ok(())
}

/// What the table held before, with the new keys on top.
fn merged(before: Option<serde_json::Value>, after: serde_json::Value) -> serde_json::Value {
    match (before, after) {
        (Some(serde_json::Value::Object(mut old)), serde_json::Value::Object(new)) => {
            old.extend(new);
            serde_json::Value::Object(old)
        }
        (_, after) => after,
    }
}

/// The value as an entry of the key; `key.inner=value` becomes a table of one.
fn entry(key: &Key, names: &[&str], (raw, start): (&str, usize), at: Span) -> Result<Entry, Wrong> {
    let table = matches!(key.kind, Kind::Rules | Kind::Conditions | Kind::Table);
    if names.len() > 2 || (names.len() == 2 && !table) {
        return Err(wrong(format!("`{}` has no keys of its own", key.name), at, ""));
    }
    let textual = if names.len() == 2 { key.kind != Kind::Table } else { is_textual(key.kind) };
    let node = value(raw, start, textual)?;
    let name = names.first().map_or(key.name, |n| n);
    let make = |key: &str, node: Node| Entry { key: key.to_owned(), key_at: at, node };
    Ok(match names.get(1) {
        None => make(name, node),
        Some(inner) => {
            let at = node.at;
            make(name, Node { value: Value::Table(vec![make(inner, node)]), at })
        }
    })
}

/// The value: TOML if it is, else text. Text that begins like a TOML string, list or table must be one.
pub(super) fn value(raw: &str, start: usize, textual: bool) -> Result<Node, Wrong> {
    let trimmed = raw.trim();
    let at = Span { start, end: start + raw.len() };
    let text = || Node { value: Value::Text(trimmed.to_owned()), at };
    // `{source}-{quant}` is a name with placeholders, and no table.
    let quoted = trimmed.starts_with(['"', '\'', '[']) || (trimmed.starts_with('{') && !textual);
    if trimmed.is_empty() {
        return Err(wrong("the value is missing", at, "Write `KEY=VALUE`; an empty text is `\"\"`."));
    }
    if textual && !quoted {
        return Ok(text());
    }
    let document = SourceText { file: None, text: format!("v = {trimmed}") };
    let (node, found) = syntax::read(&document, Syntax::Toml);
    let value = match node.map(|n| n.value) {
        Some(Value::Table(entries)) if found.is_empty() && entries.len() == 1 => {
            entries.into_iter().next().map(|e| e.node.value)
        }
        _ => None,
    };
    match (value, found.into_iter().next()) {
        (Some(value), _) => Ok(Node { value: moved(value, at), at }),
        (None, Some((problem, _))) if quoted => Err((problem, at)),
        (None, _) => Ok(text()),
    }
}

/// The same value with every place at the assignment's value.
fn moved(value: Value, at: Span) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(|n| Node { value: moved(n.value, at), at }).collect()),
        Value::Table(entries) => {
            let entries = entries.into_iter().map(|e| Entry {
                key_at: at,
                node: Node { value: moved(e.node.value, at), at },
                ..e
            });
            Value::Table(entries.collect())
        }
        other => other,
    }
}

/// Cuts `a.b[1]."c=d"=…` into parts; gives the place of the equals sign.
fn path(text: &str) -> Result<(Vec<Part>, usize), Wrong> {
    let mut parts = Vec::new();
    let mut pos = 0;
    loop {
        let rest = &text[pos..];
        let Some(first) = rest.chars().next() else {
            let all = Span { start: 0, end: text.len() };
            return Err(wrong("there is no `=`", all, "Write `KEY=VALUE`, for example `context_length=4096`."));
        };
        let len = match first {
            '=' => return Ok((parts, pos)),
            '.' => 1,
            '"' | '\'' => {
                let Some(close) = rest[1..].find(first) else {
                    return Err(wrong("this quote is never closed", Span { start: pos, end: text.len() }, ""));
                };
                parts.push(Part::Name(rest[1..=close].to_owned(), Span { start: pos, end: pos + close + 2 }));
                close + 2
            }
            '[' => {
                let end = rest.find(']').unwrap_or(rest.len() - 1);
                let at = Span { start: pos, end: pos + end + 1 };
                let number = rest.get(1..end).and_then(|n| n.trim().parse().ok());
                let Some(number) = number else {
                    let name = match parts.last() {
                        Some(Part::Name(name, _)) => name.as_str(),
                        _ => "target",
                    };
                    let help = format!("Write `{name}[0]`; targets and steps are counted from 0.");
                    return Err(wrong("expected a number in brackets", at, &help));
                };
                parts.push(Part::Index(number, at));
                end + 1
            }
            _ => {
                let len = rest.find(['=', '.', '[']).unwrap_or(rest.len());
                let name = rest[..len].trim();
                let at = Span { start: pos, end: pos + len };
                match name.parse() {
                    Ok(number) if !parts.is_empty() => parts.push(Part::Index(number, at)),
                    _ => parts.push(Part::Name(name.to_owned(), at)),
                }
                len
            }
        };
        pos += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::options::{common, gguf};
    use crate::recipe::{Syntax, parse};

    fn recipe() -> Recipe {
        parse("target_formats = [\"gguf:q4_k_m\", \"safetensors\"]\n[[pipeline]]\nstep = \"prune\"", Syntax::Toml, None)
            .unwrap()
    }

    #[test]
    fn keys_are_set_where_they_belong() {
        let mut r = recipe();
        for set in [
            "source.path=runs/exp 42",
            "name=5",
            "target.context_length=4096",
            "target[0].tensor_types.\"re:a=b\"=q6_k",
            "target.0.tensor_types.ffn=q5_k",
            "embedding-type=q8_0",
            "format_options.gguf.use_mlock=true",
            "max_shard_size=5GB",
            "target[1].quantization=f16",
            "pipeline[0].layers=[\"ffn\", 'attention']",
            "validate.fail_if.rmse=> 0.1",
            "hardware_optimization.tensor_cores=true",
        ] {
            apply_set(&mut r, set).unwrap_or_else(|e| panic!("{set}: {e}"));
        }
        assert_eq!(r.source.path.as_deref(), Some(std::path::Path::new("runs/exp 42")));
        assert_eq!(r.name.as_deref(), Some("5"));
        assert_eq!(
            (r.targets[0].get(&gguf::CONTEXT_LENGTH), r.targets[1].get(&gguf::CONTEXT_LENGTH)),
            (Some(4096), None)
        );
        let rules: Vec<_> = r.targets[0].get(&gguf::TENSOR_TYPES).iter().map(|(k, v)| format!("{k} {v}")).collect();
        assert_eq!(rules, ["re:a=b q6_k", "ffn q5_k"]);
        assert_eq!(r.targets[0].get(&gguf::USE_MLOCK), Some(true));
        assert_eq!(r.targets[1].get(&common::MAX_SHARD_SIZE).as_deref(), Some("5GB"));
        assert_eq!(r.targets[1].quantization.as_deref(), Some("f16"));
        assert_eq!(r.pipeline[0].options["layers"], serde_json::json!(["ffn", "attention"]));
        assert_eq!(r.validate.unwrap().fail_if["rmse"], "> 0.1");
        assert_eq!(r.later["hardware_optimization"], serde_json::json!({"tensor_cores": true}));
    }

    #[test]
    fn mistakes_are_reported_and_change_nothing() {
        for (set, want) in [
            ("", "there is no `=`"),
            ("=4", "the key is missing"),
            ("target.contxt_length=4", "Did you mean `context_length`?"),
            ("contxt_length=4", "Did you mean `context_length`?"),
            ("context_length=many", "must be a whole number from 1 to 2147483648"),
            ("context_length=0", "must be a whole number"),
            ("context_length=", "the value is missing"),
            ("target[7].pure=true", "there is no target 7"),
            ("target[x].pure=true", "expected a number in brackets"),
            ("target.pure=[", "--set:1:13"),
            ("opset=20", "is for onnx, ort targets"),
            ("pure.x=1", "has no keys of its own"),
            ("pipeline[0].sparsity=2", "a number from 0 to 1"),
            ("pipeline[3].sparsity=2", "there is no step 3"),
            ("source.\"path=x", "never closed"),
            ("source=x", "a key of that table is missing"),
        ] {
            let mut r = recipe();
            let text = apply_set(&mut r, set).expect_err(set).to_string();
            assert!(text.contains(want), "{set}: {text}");
            assert_eq!(r, recipe(), "{set}");
        }
    }
}
