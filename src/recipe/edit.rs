//! One key of a recipe at a time, as text: what a form shows for it, what may be typed into it, and what it can be chosen from.
//!
//! Typed text goes through the reader of recipe files, so it is taken by the same rules and refused with the same messages.
//! Whether the recipe can be run says [`super::check()`]. Tests: `cargo test --lib recipe::edit`.

use super::fields::{clear_recipe, clear_target, get_recipe, get_target, set_step};
use super::keys::{Key, KeyTable, Kind};
use super::names::{TENSOR_TYPES, types_of};
use super::problem::{Problem, RecipeTable, Span};
use super::read::Reader;
use super::set;
use super::tree::{Entry, Node, Value};
use super::types::Recipe;
use super::write;
use crate::formats;
use crate::model::FormatId;
use serde_json::Value as Json;

/// Signs that a lone word of a list or a rule does not have. What has one is written as TOML.
const SIGNS: &[char] = &[',', '=', '[', ']', '{', '}', '"', '\''];

/// The value of a key in a table as it is typed; `None` if the recipe says nothing about it.
pub(crate) fn value_text(recipe: &Recipe, at: RecipeTable, key: &Key) -> Option<String> {
    let value = match (key.table, at) {
        (KeyTable::Target, RecipeTable::Target(i)) => get_target(recipe.targets.get(i)?, key)?,
        (KeyTable::Step(_), RecipeTable::Step(i)) => recipe.pipeline.get(i)?.options.get(key.name)?.clone(),
        (KeyTable::Target | KeyTable::Step(_), _) => return None,
        _ => get_recipe(recipe, key)?,
    };
    Some(shown(key.kind, &value))
}

/// Sets a key of a table to what was typed; an empty text takes it out of the recipe.
///
/// # Errors
/// When the text is not a value of the key; the recipe is as it was then. Unknown words are found by [`super::check()`].
pub(crate) fn set_text(recipe: &mut Recipe, at: RecipeTable, key: &'static Key, text: &str) -> Result<(), Problem> {
    let text = text.trim();
    if text.is_empty() {
        clear(recipe, at, key);
        return Ok(());
    }
    let node = Node { value: value(key.kind, text)?, at: Span::default() };
    let entry = Entry { key: key.name.to_owned(), key_at: Span::default(), node };
    let mut reader = Reader::default();
    reader.recipe = recipe.clone();
    match at {
        RecipeTable::Target(i) => {
            let Some(mut new) = reader.recipe.targets.get(i).cloned() else { return Ok(()) };
            reader.target_key(&mut new, &format!("target[{i}]"), key, &entry);
            if let Some(slot) = reader.recipe.targets.get_mut(i) {
                *slot = new;
            }
        }
        RecipeTable::Step(i) => {
            let value = reader.value(key, &entry, &at.key(key.name).to_string());
            if let (Some(value), Some(step)) = (value, reader.recipe.pipeline.get_mut(i)) {
                set_step(step, key, value);
            }
        }
        RecipeTable::Top | RecipeTable::Source | RecipeTable::Validate => reader.plain(key, &entry),
    }
    match reader.found.into_iter().map(|(p, _)| p).find(Problem::is_error) {
        Some(problem) => Err(without_file_help(key, problem)),
        None => {
            *recipe = reader.recipe;
            Ok(())
        }
    }
}

/// The canonical value of a key from a text as it is typed.
///
/// # Errors
/// When the text is not a value of the key.
pub(crate) fn read_value(key: &'static Key, text: &str) -> Result<Json, Problem> {
    let node = Node { value: value(key.kind, text.trim())?, at: Span::default() };
    let entry = Entry { key: key.name.to_owned(), key_at: Span::default(), node };
    let mut reader = Reader::default();
    let value = reader.value(key, &entry, key.name);
    match (value, reader.found.into_iter().map(|(p, _)| p).find(Problem::is_error)) {
        (_, Some(problem)) if matches!(key.kind, Kind::Choice(_)) => Err(problem),
        (_, Some(problem)) => Err(without_file_help(key, problem)),
        (Some(value), None) => Ok(value),
        (None, None) => Err(Problem::error(key.name, format!("{text:?} is not a value of `{}`", key.name))),
    }
}

/// How a number is written in a file does not matter where everything is typed as text.
fn without_file_help(key: &Key, problem: Problem) -> Problem {
    let lone = matches!(key.kind, Kind::Bool | Kind::Integer(..) | Kind::Number(..) | Kind::Choice(_));
    Problem { help: problem.help.filter(|_| !lone), ..problem }
}

/// Takes a key out of a table.
pub(crate) fn clear(recipe: &mut Recipe, at: RecipeTable, key: &Key) {
    match at {
        RecipeTable::Target(i) => {
            if let Some(target) = recipe.targets.get_mut(i) {
                clear_target(target, key);
            }
        }
        RecipeTable::Step(i) => {
            if let Some(step) = recipe.pipeline.get_mut(i) {
                step.options.shift_remove(key.name);
            }
        }
        RecipeTable::Top | RecipeTable::Source | RecipeTable::Validate => clear_recipe(recipe, key),
    }
}

/// The words a key can be chosen from in a target of that format, of those this version can make; empty if it is typed.
pub(crate) fn choices(key: &Key, format: Option<FormatId>) -> &'static [&'static str] {
    match key.kind {
        Kind::Bool => &["false", "true"],
        Kind::Choice(words) => words,
        Kind::Format if key.table == KeyTable::Target => formats::written_names(),
        Kind::Quantization => format.map_or(&[], types_of),
        Kind::TensorType => TENSOR_TYPES,
        _ => &[],
    }
}

fn shown(kind: Kind, value: &Json) -> String {
    let plain = |t: &str| !t.is_empty() && t.trim() == t && !t.contains(SIGNS);
    let word = |v: &Json| match v {
        Json::String(t) => t.clone(),
        other => other.to_string(),
    };
    match value {
        Json::String(t) => t.clone(),
        Json::Array(items) if items.iter().all(|v| plain(&word(v))) => {
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        Json::Object(rules) if kind == Kind::Rules && rules.iter().all(|(k, v)| plain(k) && plain(&word(v))) => {
            rules.iter().map(|(k, v)| format!("{k} = {}", word(v))).collect::<Vec<_>>().join(", ")
        }
        Json::Object(all)
            if kind == Kind::Conditions && all.iter().all(|(k, v)| plain(k) && plain(&word(v).replace('=', ""))) =>
        {
            all.iter().map(|(k, v)| format!("{k} {}", word(v))).collect::<Vec<_>>().join(", ")
        }
        Json::Array(_) | Json::Object(_) => write::inline(value),
        other => other.to_string(),
    }
}

/// What was typed as a value of the reader's tree. What is none stays a text, which the reader refuses in its own words.
fn value(kind: Kind, text: &str) -> Result<Value, Problem> {
    let lone = || Value::Text(text.to_owned());
    Ok(match kind {
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Value::Bool(true),
            "false" | "no" | "off" => Value::Bool(false),
            _ => lone(),
        },
        Kind::Integer(..) => whole(text).map_or_else(lone, Value::Int),
        Kind::Number(..) => text.parse().ok().filter(|n: &f64| n.is_finite()).map_or_else(lone, Value::Float),
        Kind::List | Kind::Selectors if !text.starts_with('[') => {
            Value::List(words(text).map(|t| node(Value::Text(t.to_owned()))).collect())
        }
        Kind::Rules if !text.starts_with('{') => rules(text)?,
        Kind::Table if !text.starts_with('{') => match toml(&format!("{{ {text} }}")) {
            Ok(table) => dotted(table),
            Err(problem) => bare(text).ok_or(problem)?,
        },
        Kind::Conditions if !text.starts_with('{') && !text.contains(['"', '\'']) => conditions(text)?,
        Kind::Conditions if !text.starts_with('{') => toml(&format!("{{ {text} }}"))?,
        Kind::List | Kind::Selectors | Kind::Rules | Kind::Table | Kind::Conditions => toml(text)?,
        Kind::Layers => Value::Text(text.trim_matches(['[', ']']).to_owned()),
        _ => lone(),
    })
}

fn node(value: Value) -> Node {
    Node { value, at: Span::default() }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|t| !t.is_empty())
}

/// `4096`, `4 096`, `32k`.
fn whole(text: &str) -> Option<i128> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '_')).collect();
    let (digits, times) = match digits.strip_suffix(['k', 'K']) {
        Some(rest) => (rest, 1024),
        None => (digits.as_str(), 1),
    };
    digits.parse::<i128>().ok()?.checked_mul(times)
}

/// `ffn_down = q6_k, attn_v = q8_0`.
fn rules(text: &str) -> Result<Value, Problem> {
    let rule = |part: &str| match part.rsplit_once('=') {
        Some((selector, kind)) if !selector.trim().is_empty() && !kind.trim().is_empty() => Ok(Entry {
            key: selector.trim().to_owned(),
            key_at: Span::default(),
            node: node(Value::Text(kind.trim().to_owned())),
        }),
        _ => Err(Problem::error("", format!("{part:?} is not a rule"))
            .with_help("Write selectors and types, separated by commas: `ffn_down = q6_k, attn_v = q8_0`.")),
    };
    words(text).map(rule).collect::<Result<Vec<_>, _>>().map(Value::Table)
}

/// `kld_mean > 0.05, top1_agreement < 90`.
fn conditions(text: &str) -> Result<Value, Problem> {
    let one = |part: &str| {
        let at = part.find(['<', '>']).filter(|at| *at > 0);
        let (metric, condition) = at.map(|at| part.split_at(at)).ok_or_else(|| {
            Problem::error("", format!("{part:?} is not a condition"))
                .with_help("Write a metric, a comparison and a number: `kld_mean > 0.05, top1_agreement < 90`.")
        })?;
        let metric = metric.trim().trim_end_matches('=').trim_end().to_owned();
        Ok(Entry { key: metric, key_at: Span::default(), node: node(Value::Text(condition.trim().to_owned())) })
    };
    words(text).map(one).collect::<Result<Vec<_>, _>>().map(Value::Table)
}

/// `general.license = mit`: texts without their quotes, where that is all that is missing.
fn bare(text: &str) -> Option<Value> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').map(|(k, v)| (k.trim(), v.trim()))?;
        let node = set::value(value, 0, false).ok()?;
        (!key.is_empty()).then(|| Entry { key: key.to_owned(), key_at: Span::default(), node })
    };
    words(text).map(pair).collect::<Option<Vec<_>>>().map(Value::Table)
}

/// A table without tables inside: the dots that were typed are a part of the name again.
fn dotted(value: Value) -> Value {
    fn put(entries: Vec<Entry>, head: &str, out: &mut Vec<Entry>) {
        for e in entries {
            let key = format!("{head}{}", e.key);
            match e.node.value {
                Value::Table(inner) => put(inner, &format!("{key}."), out),
                value => out.push(Entry { key, key_at: e.key_at, node: node(value) }),
            }
        }
    }
    let Value::Table(entries) = value else { return value };
    let mut out = Vec::new();
    // The reader of TOML bounds the depth.
    put(entries, "", &mut out);
    Value::Table(out)
}

fn toml(text: &str) -> Result<Value, Problem> {
    set::value(text, 0, false).map(|n| n.value).map_err(|(problem, _)| problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::keys::{State, find, keys_of};
    use crate::recipe::options::gguf;
    use crate::recipe::steps::STEPS;
    use crate::recipe::{Step, Syntax, Target, parse, to_toml};

    const FIRST: RecipeTable = RecipeTable::Target(0);

    fn blank() -> Recipe {
        Recipe { targets: vec![Target::of(FormatId::Gguf)], ..Recipe::default() }
    }

    #[test]
    fn every_key_of_a_target_goes_in_comes_out_and_is_taken_out_again() {
        for key in keys_of(KeyTable::Target)
            .filter(|k| k.state != State::Later && k.fits(FormatId::Gguf) && k.name != "format")
        {
            let text = format!("[[target]]\nformat = \"gguf\"\n{} = {}\n", key.name, key.example);
            let wanted = parse(&text, Syntax::Toml, None).unwrap();
            let typed = value_text(&wanted, FIRST, key).unwrap_or_else(|| panic!("{} is not shown", key.name));
            let mut recipe = blank();
            set_text(&mut recipe, FIRST, key, &typed).unwrap_or_else(|p| panic!("{}: {typed}: {p}", key.name));
            assert_eq!(recipe, wanted, "{}: {typed}", key.name);
            assert_eq!(parse(&to_toml(&recipe), Syntax::Toml, None).unwrap(), wanted, "{}", key.name);
            set_text(&mut recipe, FIRST, key, "  ").unwrap();
            assert_eq!(recipe, blank(), "{}", key.name);
        }
    }

    #[test]
    fn every_key_outside_of_targets_goes_in_comes_out_and_is_taken_out_again() {
        let tables = [(KeyTable::Top, RecipeTable::Top), (KeyTable::Source, RecipeTable::Source)];
        let steps = STEPS.iter().map(|s| (KeyTable::Step(s.name), RecipeTable::Step(0)));
        for (table, at) in tables.into_iter().chain(steps) {
            for key in keys_of(table).filter(|k| matches!(k.state, State::Since(_))) {
                let mut start = blank();
                if let KeyTable::Step(name) = table {
                    start.pipeline = vec![Step { step: name.to_owned(), ..Step::default() }];
                }
                let example = key.example.trim_matches('"').trim_matches(['[', ']']);
                // Selectors are typed as bare words.
                let example = if key.kind == Kind::Selectors { example.replace('"', "") } else { example.to_owned() };
                let mut recipe = start.clone();
                set_text(&mut recipe, at, key, &example).unwrap_or_else(|p| panic!("{}: {p}", key.name));
                assert_ne!(recipe, start, "{}", key.name);
                assert_eq!(value_text(&recipe, at, key).as_deref(), Some(example.as_str()), "{}", key.name);
                assert_eq!(parse(&to_toml(&recipe), Syntax::Toml, None).unwrap(), recipe, "{}", key.name);
                set_text(&mut recipe, at, key, " ").unwrap();
                assert_eq!(recipe, start, "{}", key.name);
            }
        }
    }

    #[test]
    fn what_people_type_is_taken() {
        let set = |name: &str, text: &str| {
            let mut recipe = blank();
            set_text(&mut recipe, FIRST, find(KeyTable::Target, name).unwrap(), text).unwrap();
            recipe.targets.remove(0)
        };
        assert_eq!(set("context_length", "32k").get(&gguf::CONTEXT_LENGTH), Some(32_768));
        assert_eq!(set("context_length", "4 096").get(&gguf::CONTEXT_LENGTH), Some(4096));
        assert_eq!(set("prune_layers", "3, 5").get(&gguf::PRUNE_LAYERS), [3, 5]);
        assert_eq!(set("prune_layers", "1-3, 5").get(&gguf::PRUNE_LAYERS), [1, 2, 3, 5]);
        assert!(set("pure", "yes").get(&gguf::PURE));
        assert_eq!(set("include_weights", "ffn, attn_v").get(&gguf::INCLUDE_WEIGHTS), ["ffn", "attn_v"]);
        assert_eq!(set("override_kv", "general.license = \"mit\"").get(&gguf::OVERRIDE_KV)["general.license"], "mit");
        let bare = set("override_kv", "general.license = mit, x.y = 3").get(&gguf::OVERRIDE_KV);
        assert_eq!((&bare["general.license"], &bare["x.y"]), (&Json::from("mit"), &Json::from(3)));
        assert_eq!(set("override_kv", "a.b.c = 1, d = true").get(&gguf::OVERRIDE_KV).len(), 2);
        let rules = set("tensor_types", "ffn_down = q6_k, re:attn_(k|v)=q8_0").get(&gguf::TENSOR_TYPES);
        assert_eq!(
            rules.iter().map(|(k, v)| format!("{k}>{v}")).collect::<Vec<_>>(),
            ["ffn_down>q6_k", "re:attn_(k|v)>q8_0"]
        );
    }

    #[test]
    fn conditions_are_typed_as_on_the_command_line() {
        let key = find(KeyTable::Validate, "fail_if").unwrap();
        let mut recipe = blank();
        for text in ["kld_mean > 0.05, top1_agreement < 90", "kld_mean >0.05,top1_agreement= < 90"] {
            set_text(&mut recipe, RecipeTable::Validate, key, text).unwrap();
            let found: Vec<_> =
                recipe.validate.as_ref().unwrap().fail_if.iter().map(|(k, v)| format!("{k} {v}")).collect();
            assert!(found[0].starts_with("kld_mean >") && found[1] == "top1_agreement < 90", "{found:?}");
        }
        set_text(&mut recipe, RecipeTable::Validate, key, "kld_mean = \"> 0.05\"").unwrap();
        assert_eq!(value_text(&recipe, RecipeTable::Validate, key).as_deref(), Some("kld_mean > 0.05"));
        for wrong in ["kld_mean", "> 3", "kld_mean 0.05"] {
            assert!(set_text(&mut recipe, RecipeTable::Validate, key, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused_and_changes_nothing() {
        for (name, text) in [
            ("context_length", "many"),
            ("pure", "perhaps"),
            ("target_bpw", "little"),
            ("tensor_types", "ffn_down"),
            ("tensor_types", "{ \"a\" = "),
            ("override_kv", "general.license"),
            ("override_kv", "general.license = \"mit"),
            ("prune_layers", "first"),
            ("effort", "most"),
        ] {
            let mut recipe = blank();
            let said = set_text(&mut recipe, FIRST, find(KeyTable::Target, name).unwrap(), text);
            assert!(said.is_err_and(|p| !p.message.is_empty()), "{name} = {text}");
            assert_eq!(recipe, blank(), "{name}");
        }
    }

    #[test]
    fn signs_in_patterns_are_kept_by_quotes() {
        let key = find(KeyTable::Target, "tensor_types").unwrap();
        let mut recipe = blank();
        let rules = [("re:blk.[0-9]{1,2}.ffn".to_owned(), "q6_k".to_owned())];
        recipe.targets[0].set(&gguf::TENSOR_TYPES, rules.into_iter().collect());
        let text = value_text(&recipe, FIRST, key).unwrap();
        let mut again = blank();
        set_text(&mut again, FIRST, key, &text).unwrap();
        assert_eq!(again, recipe, "{text}");
    }
}
