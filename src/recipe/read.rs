//! The tree → a [`Recipe`]: canonical tables, flat keys and the guide's groups alike; every problem is reported with its place.

use super::fields::{set_recipe, set_step, set_target};
use super::keys::{self, GROUP_ALIASES, GROUPS, Key, KeyTable, Kind, State, keys_of};
use super::names;
use super::options;
use super::problem::Message;
use super::problem::{MAX_FOUND, Problem, Span};
use super::steps;
use super::tree::{Entry, Node, Value};
use super::types::{Recipe, Step, Target, Validate};
use super::value::convert;
use crate::model::FormatId;
use std::collections::HashMap;

/// Position of every key that was read, by canonical path: `target[0].context_length`.
pub(crate) type Places = HashMap<String, Span>;

/// Under which the place of a key is kept, where that of its value is kept under its path.
pub(crate) fn key_place(path: &str) -> String {
    format!("{path}\0key")
}

/// Names of target keys that say nothing at the top of a file, where `target_format` and `source_format` are meant.
const NOT_FLAT: &[&str] = &["format", "type", "path"];

/// The format of a target whose own is missing or unknown, until the recipe is refused.
const PLACEHOLDER: FormatId = FormatId::ALL[0];

/// Targets and steps of one recipe at most.
const MAX_TARGETS: usize = 256;

/// A target key outside of a target: it applies to every target that it fits and that does not set it.
struct Flat<'n> {
    key: &'static Key,
    format: Option<FormatId>,
    entry: &'n Entry,
}

/// Reads one tree.
#[derive(Default)]
pub(crate) struct Reader<'n> {
    pub recipe: Recipe,
    pub found: Vec<(Problem, Span)>,
    pub places: Places,
    flats: Vec<Flat<'n>>,
}

impl<'n> Reader<'n> {
    /// Reads the root of a recipe.
    pub(crate) fn read(&mut self, root: &'n Node) {
        match &root.value {
            Value::Table(entries) => self.top(entries),
            Value::Null => {}
            _ => self.wrong("", root.at, format!("a recipe must be a table of keys, not {}", root.describe()), ""),
        }
        self.spread();
    }

    /// Enough is wrong already; more would only cost time.
    fn is_full(&self) -> bool {
        self.found.len() >= MAX_FOUND
    }

    pub(crate) fn wrong(&mut self, path: &str, at: Span, message: impl Into<Message>, help: &str) {
        if !self.is_full() {
            self.found.push((Problem::error(path, message).with_help(help), at));
        }
    }

    /// The value of a key, in its canonical form; remembers the place and reports problems.
    pub(crate) fn value(&mut self, key: &Key, entry: &Entry, path: &str) -> Option<serde_json::Value> {
        self.places.insert(path.to_owned(), entry.node.at);
        convert(key, entry, path, self)
    }

    fn top(&mut self, entries: &'n [Entry]) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for e in entries {
            let group = group(&e.key);
            let key = keys_of(KeyTable::Top).find(|k| k.is_called(&e.key) || k.flat.contains(&e.key.as_str()));
            let source = keys_of(KeyTable::Source).find(|k| k.flat.contains(&e.key.as_str()));
            let canonical = group.or(key.map(|k| k.name)).or(source.map(|k| k.name));
            if let Some(name) = canonical.or_else(|| flat_key(&e.key).map(|k| k.name))
                && let Some(first) = seen.insert(name, &e.key)
            {
                self.twice(e, first);
                continue;
            }
            match (group, key.or(source)) {
                (Some(group), _) => self.group(group, e),
                (_, Some(key)) => self.plain(key, e),
                _ => match flat_key(&e.key) {
                    Some(key) => self.flats.push(Flat { key, format: None, entry: e }),
                    None => self.unknown(KeyTable::Top, e),
                },
            }
        }
    }

    fn twice(&mut self, e: &Entry, first: &str) {
        let message = format!("`{}` means the same as `{first}` above", e.key);
        self.wrong(&e.key, e.key_at, message, "Keep one of them.");
    }

    /// A key of the top, `[source]` or `[validate]`.
    pub(crate) fn plain(&mut self, key: &'static Key, e: &Entry) {
        let path = path_of(key, "");
        if let Some(v) = self.value(key, e, &path) {
            if key.state == State::NoEffect && v == serde_json::Value::Bool(false) {
                let note = Problem::note(path, format!("`{}` has no effect", e.key)).with_help(key.help);
                self.found.push((note, e.node.at));
            }
            set_recipe(&mut self.recipe, key, v);
        }
    }

    fn group(&mut self, group: &str, e: &'n Entry) {
        match group {
            "source" => match &e.node.value {
                Value::Text(t) => {
                    let name = if FormatId::parse(t).is_some() { "format" } else { "path" };
                    if let Some(key) = keys::find(KeyTable::Source, name) {
                        self.plain(key, e);
                    }
                }
                _ => self.table(e, |me, inner| me.keyed(KeyTable::Source, inner)),
            },
            "validate" => match &e.node.value {
                Value::Bool(on) => self.recipe.validate = on.then(Validate::default),
                _ => {
                    self.recipe.validate = Some(Validate::default());
                    self.table(e, |me, inner| me.keyed(KeyTable::Validate, inner));
                }
            },
            "pipeline" => self.pipeline(e),
            "target" => match &e.node.value {
                Value::List(items) => items.iter().for_each(|n| self.target(n)),
                _ => self.target(&e.node),
            },
            "target_format" => self.target(&e.node),
            "target_formats" => match &e.node.value {
                Value::List(items) if !items.is_empty() => items.iter().for_each(|n| self.target(n)),
                Value::Text(_) => self.target(&e.node),
                _ => self.expected(e, "a list of formats"),
            },
            "format_options" => self.table(e, Self::format_options),
            "optimization" => self.table(e, |me, inner| {
                for e in inner {
                    match keys::step(&e.key) {
                        Some(step @ ("prune" | "distil")) => me.step_of(step, e),
                        _ => {
                            let help = names::suggest(
                                &e.key,
                                ["pruning", "distillation"],
                                "Allowed here: `pruning`, `distillation`.",
                            );
                            me.wrong(&e.key, e.key_at, format!("unknown key `{}`", e.key), &help);
                        }
                    }
                }
            }),
            _ => self.step_of("split", e),
        }
    }

    /// Runs `then` on the entries of a table.
    fn table(&mut self, e: &'n Entry, then: impl FnOnce(&mut Self, &'n [Entry])) {
        match &e.node.value {
            Value::Table(entries) => then(self, entries),
            _ => {
                let what = GROUPS.iter().find(|(g, _)| Some(*g) == group(&e.key)).map_or("a table", |(_, w)| w);
                self.expected(e, what);
            }
        }
    }

    pub(crate) fn expected(&mut self, e: &Entry, what: &str) {
        let message = format!("`{}` must be {what}, not {}", e.key, e.node.describe());
        self.wrong(&e.key, e.node.at, message, "");
    }

    /// The keys of `[source]` or `[validate]`.
    fn keyed(&mut self, table: KeyTable, entries: &[Entry]) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for e in entries {
            match keys::find(table, &e.key) {
                Some(key) => match seen.insert(key.name, &e.key) {
                    Some(first) => self.twice(e, first),
                    None => self.plain(key, e),
                },
                None => self.unknown(table, e),
            }
        }
    }

    /// A `[[target]]`, or `FORMAT:QUANTIZATION`.
    fn target(&mut self, node: &'n Node) {
        let index = self.recipe.targets.len();
        if index >= MAX_TARGETS {
            return self.wrong("target", node.at, format!("more than {MAX_TARGETS} targets"), "Use several recipes.");
        }
        let at = format!("target[{index}]");
        self.places.insert(at.clone(), node.at);
        // A target whose format is missing or unknown is kept, so that its other keys are read too; the recipe is refused.
        let mut target = Target::of(PLACEHOLDER);
        match &node.value {
            Value::Text(t) => {
                let (format, quantization) = t.split_once(':').unwrap_or((t, ""));
                self.places.insert(format!("{at}.format"), node.at);
                match names::format(format) {
                    Some(format) => target.format = format,
                    None => self.unknown_format(&format!("{at}.format"), node.at, format),
                }
                if !quantization.is_empty() {
                    target.quantization = Some(names::quantization(quantization));
                    self.places.insert(format!("{at}.quantization"), node.at);
                }
            }
            Value::Table(entries) => {
                let mut seen: HashMap<&str, &str> = HashMap::new();
                for e in entries {
                    match keys::find(KeyTable::Target, &e.key) {
                        Some(key) => match seen.insert(key.name, &e.key) {
                            Some(first) => self.twice(e, first),
                            None => self.target_key(&mut target, &at, key, e),
                        },
                        None => self.unknown(KeyTable::Target, e),
                    }
                }
                if !seen.contains_key("format") {
                    let help =
                        format!("Add `format`. {}", names::listed("Formats", &names::format_list(&FormatId::ALL)));
                    self.wrong(&format!("{at}.format"), node.at, "this target has no `format`", &help);
                }
            }
            _ => {
                let message = format!("a target must be a table or `FORMAT:QUANTIZATION`, not {}", node.describe());
                self.wrong(&at, node.at, message, "");
            }
        }
        self.recipe.targets.push(target);
    }

    pub(crate) fn unknown_format(&mut self, path: &str, at: Span, format: &str) {
        self.wrong(path, at, format!("unknown format `{format}`"), &names::format_help(format));
    }

    pub(crate) fn target_key(&mut self, target: &mut Target, at: &str, key: &'static Key, e: &Entry) {
        if let Some(v) = self.value(key, e, &format!("{at}.{}", key.name)) {
            set_target(target, key, v);
        }
    }

    fn format_options(&mut self, formats: &'n [Entry]) {
        for f in formats {
            let Some(format) = names::format(&f.key) else {
                self.wrong(&f.key, f.key_at, format!("unknown format `{}`", f.key), &names::format_help(&f.key));
                continue;
            };
            self.table(f, |me, entries| {
                let mut seen: HashMap<&str, &str> = HashMap::new();
                for e in entries {
                    match keys::find(KeyTable::Target, &e.key) {
                        Some(key) => match seen.insert(key.name, &e.key) {
                            Some(first) => me.twice(e, first),
                            None => me.flats.push(Flat { key, format: Some(format), entry: e }),
                        },
                        None => me.unknown(KeyTable::Target, e),
                    }
                }
            });
        }
    }

    fn pipeline(&mut self, e: &'n Entry) {
        let Value::List(items) = &e.node.value else { return self.expected(e, "a list of steps") };
        if items.len() > MAX_TARGETS {
            return self.wrong("pipeline", e.key_at, format!("more than {MAX_TARGETS} steps"), "Use several recipes.");
        }
        for node in items {
            let Value::Table(entries) = &node.value else {
                let message = format!("a step must be a table with the key `step`, not {}", node.describe());
                self.wrong("pipeline", node.at, message, "Write `step = \"prune\"`.");
                continue;
            };
            let words: Vec<&str> = steps::names().into_iter().chain(["convert"]).collect();
            match entries.iter().find(|e| e.key == "step").map(|e| (&e.node, e.node.at)) {
                Some((Node { value: Value::Text(name), .. }, at)) => match keys::step(name) {
                    Some(step) => self.step(step, at, entries),
                    None if name == "convert" => self.convert_step(entries),
                    None => {
                        let help = names::suggest(name, words.iter().copied(), &names::listed("Steps", &words));
                        self.wrong("pipeline", at, format!("unknown step `{name}`"), &help);
                    }
                },
                Some((other, at)) => {
                    let message = format!("`step` must be a string, not {}", other.describe());
                    self.wrong("pipeline", at, message, &names::listed("Steps", &words));
                }
                None => self.wrong("pipeline", node.at, "this step has no `step`", &names::listed("Steps", &words)),
            }
        }
    }

    /// `convert` is how the guide's pipelines say their targets: its keys count as if they stood at the top.
    fn convert_step(&mut self, entries: &'n [Entry]) {
        for e in entries.iter().filter(|e| e.key != "step") {
            match (group(&e.key), flat_key(&e.key)) {
                (Some(g @ ("target_format" | "target_formats" | "format_options" | "target")), _) => self.group(g, e),
                (_, Some(key)) => self.flats.push(Flat { key, format: None, entry: e }),
                _ => match keys_of(KeyTable::Top)
                    .find(|k| k.is_called(&e.key) && matches!(k.name, "parallel" | "output_dir"))
                {
                    Some(key) => self.plain(key, e),
                    None => self.unknown(KeyTable::Target, e),
                },
            }
        }
    }

    /// A table elsewhere that becomes a step.
    fn step_of(&mut self, step: &'static str, e: &'n Entry) {
        match &e.node.value {
            Value::Table(entries) => self.step(step, e.key_at, entries),
            _ => self.expected(e, "a table"),
        }
    }

    fn step(&mut self, name: &'static str, at: Span, entries: &[Entry]) {
        let mut step = Step { step: name.to_owned(), ..Step::default() };
        let path = format!("pipeline[{}]", self.recipe.pipeline.len());
        self.places.insert(path.clone(), at);
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for e in entries.iter().filter(|e| e.key != "step") {
            match keys::find(KeyTable::Step(name), &e.key) {
                Some(key) => match seen.insert(key.name, &e.key) {
                    Some(first) => self.twice(e, first),
                    None => {
                        if let Some(v) = self.value(key, e, &format!("{path}.{}", key.name)) {
                            set_step(&mut step, key, v);
                        }
                    }
                },
                None => self.unknown(KeyTable::Step(name), e),
            }
        }
        self.recipe.pipeline.push(step);
    }

    /// Gives flat keys to the targets they fit; those of `format_options` first, because they are the more special.
    fn spread(&mut self) {
        let mut flats = std::mem::take(&mut self.flats);
        flats.sort_by_key(|f| f.format.is_none());
        for Flat { key, format, entry } in flats {
            let targets = self.recipe.targets.iter().enumerate();
            let fits = |t: &Target| format.map_or(key.fits(t.format), |f| f == t.format);
            let meant: Vec<usize> = targets.filter(|(_, t)| fits(t)).map(|(i, _)| i).collect();
            if meant.is_empty() {
                if self.has_unknown_format() {
                    continue;
                }
                self.no_target(key, format, entry);
                continue;
            }
            if key.name == "output" && meant.len() > 1 {
                let help = "Use `output_dir`, or give each [[target]] an `output`.";
                self.wrong(
                    "output",
                    entry.key_at,
                    format!("`{}` would give {} targets the same output", entry.key, meant.len()),
                    help,
                );
                continue;
            }
            let path = |i: usize| format!("target[{i}].{}", key.name);
            let open: Vec<usize> = meant.into_iter().filter(|i| !self.places.contains_key(&path(*i))).collect();
            let Some(first) = open.first() else { continue };
            let Some(v) = self.value(key, entry, &path(*first)) else { continue };
            for i in open {
                self.places.insert(path(i), entry.node.at);
                if let Some(t) = self.recipe.targets.get_mut(i) {
                    set_target(t, key, v.clone());
                }
            }
        }
    }

    /// True if a target's format is not known: whether a key fits it cannot be said.
    fn has_unknown_format(&self) -> bool {
        self.found.iter().any(|(p, _)| p.path.starts_with("target[") && p.path.ends_with("].format"))
    }

    fn no_target(&mut self, key: &Key, format: Option<FormatId>, e: &Entry) {
        let wanted = format.map_or_else(|| options::formats_text(key), |f| f.name().to_owned());
        let (message, help) = if self.recipe.targets.is_empty() {
            (
                format!("`{}` is at the top, but the recipe has no target", e.key),
                "Add `target_format = \"gguf\"` or a [[target]].".to_owned(),
            )
        } else {
            let have: Vec<&str> = self.recipe.targets.iter().map(|t| t.format.name()).collect();
            let help = format!("The targets are: {}. Remove the key or add such a target.", have.join(", "));
            (format!("`{}` is for {wanted} targets, but the recipe has none", e.key), help)
        };
        self.wrong(if self.recipe.targets.is_empty() { "target" } else { key.name }, e.key_at, message, &help);
    }

    pub(crate) fn unknown(&mut self, table: KeyTable, e: &Entry) {
        if self.is_full() {
            return;
        }
        let (message, help) = unknown_key(table, &e.key);
        self.wrong(&e.key, e.key_at, message, &help);
    }
}

/// Message and help for an unknown key in a table.
pub(crate) fn unknown_key(table: KeyTable, name: &str) -> (String, String) {
    let mut known: Vec<&str> = keys_of(table).flat_map(|k| k.aliases.iter().chain([&k.name]).copied()).collect();
    let later = matches!(table, KeyTable::Step(s) if steps::find(s).is_some_and(|s| s.state == State::Later));
    // Only what works now is proposed, unless nothing of it does.
    let shown = |k: &&Key| matches!(k.state, State::Since(_)) || later || table == KeyTable::Validate;
    let mut allowed: Vec<&str> = keys_of(table).filter(shown).map(|k| k.name).collect();
    let place = match table {
        KeyTable::Top => {
            known.extend(GROUPS.iter().map(|(g, _)| *g).chain(GROUP_ALIASES.iter().map(|(a, _)| *a)));
            known.extend(keys::keys().flat_map(|k| k.flat.iter().copied()));
            known.extend(keys_of(KeyTable::Target).map(|k| k.name).filter(|n| !NOT_FLAT.contains(n)));
            allowed.extend(GROUPS.iter().map(|(g, _)| *g));
            "at the top".to_owned()
        }
        KeyTable::Source => "of [source]".to_owned(),
        KeyTable::Target => "of a target".to_owned(),
        KeyTable::Validate => "of [validate]".to_owned(),
        KeyTable::Step(s) => format!("of the step `{s}`"),
    };
    let elsewhere = keys::keys().find(|k| k.table != table && k.is_called(name)).map(|k| match k.table {
        KeyTable::Top => "It belongs at the top of the recipe. ".to_owned(),
        KeyTable::Source => "It belongs in [source]. ".to_owned(),
        KeyTable::Target => "It belongs in a [[target]]. ".to_owned(),
        KeyTable::Validate => "It belongs in [validate]. ".to_owned(),
        KeyTable::Step(s) => format!("It belongs in the step `{s}`. "),
    });
    let rest = format!("Keys {place}: {}.", allowed.join(", "));
    let help = elsewhere.map_or_else(|| names::suggest(name, known, &rest), |e| e + &rest);
    (format!("unknown key `{name}`"), help)
}

/// The canonical group of a key at the top.
pub(crate) fn group(name: &str) -> Option<&'static str> {
    let name = GROUP_ALIASES.iter().find(|(a, _)| *a == name).map_or(name, |(_, g)| g);
    GROUPS.iter().find(|(g, _)| *g == name).map(|(g, _)| *g)
}

/// The target key that a name at the top means.
pub(crate) fn flat_key(name: &str) -> Option<&'static Key> {
    if NOT_FLAT.contains(&name) { None } else { keys::find(KeyTable::Target, name) }
}

/// Canonical path of a key; `at` is the path of its target or step.
pub(crate) fn path_of(key: &Key, at: &str) -> String {
    match key.table {
        KeyTable::Top => key.name.to_owned(),
        KeyTable::Source => format!("source.{}", key.name),
        KeyTable::Validate => format!("validate.{}", key.name),
        KeyTable::Target | KeyTable::Step(_) => format!("{at}.{}", key.name),
    }
}

/// True if the text of a value of that kind is taken literally, without being read as a number or flag.
pub(crate) fn is_textual(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Text | Kind::Path | Kind::Choice(_) | Kind::Format | Kind::Quantization | Kind::TensorType | Kind::Size
    )
}
