//! What cannot be wrong with the text but is wrong with the wish: unknown words, values out of range, and what this version cannot do.

use super::fields::{get_recipe, get_target};
use super::keys::{Key, KeyTable, Kind, State, keys_of};
use super::meaning;
use super::names::{self, FILE_TYPES, GRAPH_TYPES, METRICS, TENSOR_TYPES, listed, suggest};
use super::options::{self, Types};
use super::problem::{MAX_FOUND, Message, Problem, RecipePath, RecipeTable};
use super::selector::Selector;
use super::steps::{self, Effect};
use super::types::{Recipe, Step, Target, Validate};
use super::values::{Condition, parse_size};
use crate::formats;
use crate::model::FormatId;

/// Rules of one target at most: twice the tensors of the largest models, each of which may be compiled.
const MAX_RULES: usize = 10_000;

const SELECTORS: &str = "A selector is a role (attention, ffn, norm, embedding, output), a part of a name (ffn_down), a name with `*`, or `re:` followed by a regular expression.";

/// What is said of things that a later version will do.
const NOT_YET: &str = "is not available in this version";

/// What the running version can do. Names are lower case.
#[derive(Clone, Copy, Debug)]
pub struct Available<'a> {
    /// Formats that can be written.
    pub formats: &'a [FormatId],
    /// Quantizations of a whole GGUF.
    pub quantizations: &'a [&'a str],
    /// Types of single tensors in a GGUF.
    pub tensor_types: &'a [&'a str],
    /// Metrics that `fail_if` can be measured by.
    pub metrics: &'a [&'a str],
    /// Whether `validate.data` can be used.
    pub evaluation: bool,
}

impl Default for Available<'static> {
    fn default() -> Self {
        Self {
            formats: formats::written(),
            quantizations: names::FILE_TYPES,
            tensor_types: names::TENSOR_TYPES,
            metrics: names::METRICS,
            evaluation: true,
        }
    }
}

/// Everything that is wrong with a recipe, without opening its source. Problems name the key; those of a recipe that came from text get
/// their places from [`super::Parsed`].
pub fn check(recipe: &Recipe) -> Vec<Problem> {
    check_with(recipe, &Available::default())
}

/// As [`check`], against what the caller says is available.
pub(crate) fn check_with(recipe: &Recipe, available: &Available<'_>) -> Vec<Problem> {
    let mut checker = Checker { available, out: Vec::new() };
    checker.recipe(recipe);
    checker.out
}

struct Checker<'a> {
    available: &'a Available<'a>,
    out: Vec<Problem>,
}

fn not_yet(path: &RecipePath, what: &str, help: impl Into<String>) -> Problem {
    Problem::of(path, format!("{what} {NOT_YET}")).unavailable().with_help(help)
}

fn key_not_yet(path: &RecipePath, key: &Key) -> Problem {
    let problem = Problem::of(path, Message::of_key(key.name, NOT_YET.to_owned())).unavailable();
    problem.with_help("Remove it to run the recipe.")
}

impl Checker<'_> {
    fn recipe(&mut self, r: &Recipe) {
        for key in keys_of(KeyTable::Top).filter(|k| k.state == State::Later) {
            if get_recipe(r, key).is_some() {
                self.out.push(key_not_yet(&RecipeTable::Top.key(key.name), key));
            }
        }
        for (keys, table) in [(KeyTable::Top, RecipeTable::Top), (KeyTable::Source, RecipeTable::Source)] {
            for key in keys_of(keys).filter(|k| k.kind == Kind::Path) {
                let value = get_recipe(r, key);
                self.path(key, &table.key(key.name), value.as_ref().and_then(|v| v.as_str()).unwrap_or(""));
            }
        }
        if let Some(format) = r.source.format
            && formats::spec(format).is_none_or(|f| f.read.is_none())
        {
            self.out.push(not_yet(
                &RecipeTable::Source.key("format"),
                &format!("reading {format}"),
                "Remove it or choose another.",
            ));
        }
        for (i, step) in r.pipeline.iter().enumerate() {
            self.step(i, step, r);
        }
        if let Some((i, first)) = steps::out_of_order(r) {
            let (path, name) = (RecipeTable::Step(i).key(""), &r.pipeline[i].step);
            let message = format!(
                "the step `{name}` changes tensors and comes after `{first}`, which decides how they are written"
            );
            self.out.push(Problem::of(&path, message).with_help(format!("Move it before `{first}`.")));
        }
        if r.targets.is_empty() {
            let help = "Add a [[target]] with `format = \"gguf\"` and a `quantization`.";
            let path = RecipeTable::Top.key("target");
            self.out.push(Problem::of(&path, "the recipe has no target, so there is nothing to write").with_help(help));
        }
        for (i, target) in r.targets.iter().enumerate() {
            self.target(RecipeTable::Target(i), target);
            self.outputs(i, target, r);
        }
        if let Some(validate) = &r.validate {
            self.validate(validate);
        }
    }

    fn step(&mut self, i: usize, step: &Step, r: &Recipe) {
        let (table, before) = (RecipeTable::Step(i), self.out.len());
        let path = &table.key("");
        let Some(spec) = steps::find(&step.step) else {
            let words = steps::names();
            let help = suggest(&step.step, words.iter().copied(), &listed("Steps", &words));
            self.out.push(Problem::of(path, format!("unknown step `{}`", step.step)).with_help(help));
            return;
        };
        if spec.state == State::Later {
            self.out.push(not_yet(path, &format!("the step `{}`", spec.name), "Remove it to run the recipe."));
            return;
        }
        for key in spec.keys.iter().filter(|k| k.state == State::Later && step.options.contains_key(k.name)) {
            self.out.push(key_not_yet(&table.key(key.name), key));
        }
        for name in spec.required.iter().filter(|name| !steps::has_value(step, name)) {
            let key = spec.keys.iter().find(|k| k.name == *name);
            let help = key.map_or(String::new(), |k| format!("Add `{} = {}`. {}", k.name, k.example, k.help));
            let message = format!("the step `{}` needs `{name}`", spec.name);
            self.out.push(Problem::of(&table.key(*name), message).with_help(help));
        }
        // A quantization is checked below, for the targets that take it.
        for key in spec.keys.iter().filter(|k| k.state != State::Later && k.kind != Kind::Quantization) {
            if let Some(value) = step.options.get(key.name) {
                // Only a quantization depends on the format.
                self.value(key, &table.key(key.name), value, FormatId::ALL[0]);
            }
        }
        for problem in (spec.check)(step) {
            self.out.push(Problem::of(&table.key(problem.key), problem.message).with_help(problem.help));
        }
        let sound = self.out.len() == before;
        if matches!(spec.effect, Effect::Targets(_)) && sound {
            self.step_of_targets(i, step, r);
        }
    }

    /// What a step says about targets is checked as if the targets said it; it must say something about one of them.
    fn step_of_targets(&mut self, i: usize, step: &Step, r: &Recipe) {
        let (mut acts, mut checked) = (false, Vec::new());
        for (target, changed) in steps::targets_around(r, i) {
            acts |= changed != target;
            if changed.quantization != target.quantization
                && let Some(text) = changed.quantization.as_ref().filter(|_| !checked.contains(&target.format))
            {
                checked.push(target.format);
                self.quantization(&RecipeTable::Step(i).key("quantization"), text, target.format);
            }
        }
        if !acts && !r.targets.is_empty() {
            let message =
                format!("the step `{}` has no effect: every target sets this itself or does not support it", step.step);
            let help = "Remove the step, or the option of the targets.";
            self.out.push(Problem::of(&RecipeTable::Step(i).key(""), message).with_help(help));
        }
    }

    fn target(&mut self, at: RecipeTable, t: &Target) {
        let format = t.format;
        if !self.available.formats.contains(&format) {
            let help = listed("This version writes", &names::format_list(self.available.formats));
            self.out.push(not_yet(&at.key("format"), &format!("writing {format}"), help));
        }
        for key in keys_of(KeyTable::Target) {
            let Some(value) = get_target(t, key) else { continue };
            let path = at.key(key.name);
            match key.state {
                _ if !key.fits(format) => {
                    let formats = options::formats_text(key);
                    let message = format!("is for {formats} targets, but this one is {format}");
                    self.out.push(Problem::of(&path, Message::of_key(key.name, message)).with_help("Remove it."));
                }
                _ if key.state == State::Later => {
                    self.out.push(key_not_yet(&path, key));
                }
                _ => self.value(key, &path, &value, format),
            }
        }
        if let Some((one, other)) = t.conflict() {
            let message = format!("`{one}` and `{other}` cannot be given together");
            self.out.push(Problem::of(&at.key(other), message).with_help("Keep one of them."));
        }
        for note in options::of(format).map(|f| (f.notes)(&t.options)).into_iter().flatten() {
            self.out.push(Problem::note(at.key(note.key).to_string(), note.message).with_help(note.help));
        }
    }

    fn value(&mut self, key: &Key, path: &RecipePath, value: &serde_json::Value, format: FormatId) {
        let text = value.as_str().unwrap_or("");
        match key.kind {
            Kind::Quantization => self.quantization(path, text, format),
            Kind::TensorType => self.tensor_type(path, text),
            Kind::Path => self.path(key, path, text),
            Kind::Integer(low, high) if !value.as_u64().is_some_and(|n| (low..=high).contains(&n)) => {
                let message = format!("must be {}, not {value}", key.kind.describe());
                self.out.push(Problem::of(path, Message::of_key(key.name, message)));
            }
            Kind::Size => {
                let p = match parse_size(text) {
                    Some(0) => Problem::of(path, Message::of_key(key.name, "cannot be 0".to_owned())),
                    None => Problem::of(path, format!("{text:?} is not a size")),
                    Some(_) => return,
                };
                self.out.push(p.with_help("A size is a number of bytes, or a number with KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)."));
            }
            Kind::Selectors => {
                for selector in value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
                    if let Err(why) = Selector::parse(selector) {
                        self.out.push(Problem::of(path, why).with_help(SELECTORS));
                    }
                }
            }
            Kind::Rules => {
                let rules = value.as_object().into_iter().flatten();
                if rules.clone().count() > MAX_RULES {
                    let p = Problem::of(path, format!("more than {MAX_RULES} rules"));
                    self.out.push(p.with_help("Use patterns with `*` or `re:` instead of one rule for each tensor."));
                    return;
                }
                for (selector, kind) in rules {
                    if self.out.len() >= MAX_FOUND {
                        return;
                    }
                    let path = path.entry(selector);
                    if let Err(why) = Selector::parse(selector) {
                        self.out.push(Problem::of(&path, why).with_help(SELECTORS));
                    }
                    self.tensor_type(&path, kind.as_str().unwrap_or(""));
                }
            }
            _ => {}
        }
    }

    fn path(&mut self, key: &Key, path: &RecipePath, text: &str) {
        if text.contains('\0') {
            let message = Message::of_key(key.name, "has a NUL character, which no path can have".to_owned());
            self.out.push(Problem::of(path, message).with_help("Remove the character."));
        }
    }

    fn quantization(&mut self, path: &RecipePath, text: &str, format: FormatId) {
        let lower = names::quantization(text).to_ascii_lowercase();
        let known = names::known_types_of(format);
        let files = options::of(format).is_some_and(|f| f.types == Types::Files);
        // That a format is not written was said already.
        let now = match self.available.formats.contains(&format) {
            _ if files => self.available.quantizations,
            true => names::types_of(format),
            false => known,
        };
        if now.contains(&lower.as_str()) {
            return;
        }
        if known.contains(&lower.as_str()) {
            self.out.push(not_yet(path, &format!("the quantization `{lower}`"), listed("This version supports", now)));
            return;
        }
        let message = if FILE_TYPES.contains(&lower.as_str()) || GRAPH_TYPES.contains(&lower.as_str()) {
            format!("`{text}` is not a quantization of {format} files")
        } else if files && TENSOR_TYPES.contains(&lower.as_str()) {
            format!("`{text}` is a type for single tensors (`tensor_types`), not a quantization of a whole file")
        } else {
            format!("unknown quantization `{text}`")
        };
        let rest = listed(&format!("For {format}"), now);
        let help = match meaning::file_type(&lower).filter(|m| known.contains(m)) {
            Some(meant) => format!("Did you mean `{meant}`? {rest}"),
            None => suggest(&lower, known.iter().copied(), &rest),
        };
        self.out.push(Problem::of(path, message).with_help(help));
    }

    fn tensor_type(&mut self, path: &RecipePath, text: &str) {
        let lower = text.to_ascii_lowercase();
        if self.available.tensor_types.contains(&lower.as_str()) {
            return;
        }
        if TENSOR_TYPES.contains(&lower.as_str()) {
            let help = listed("This version supports", self.available.tensor_types);
            self.out.push(not_yet(path, &format!("the tensor type `{lower}`"), help));
            return;
        }
        let base = lower.rsplit_once('_').map_or("", |(base, _)| base);
        let (message, help) = if FILE_TYPES.contains(&lower.as_str()) && TENSOR_TYPES.contains(&base) {
            (format!("`{text}` is a mix for whole files, not a type for one tensor"), format!("Did you mean `{base}`?"))
        } else {
            let types = listed("Types", self.available.tensor_types);
            let help = match meaning::tensor_type(&lower) {
                Some(meant) => format!("Did you mean `{meant}`? {types}"),
                None => suggest(&lower, TENSOR_TYPES.iter().copied(), &types),
            };
            (format!("unknown tensor type `{text}`"), help)
        };
        self.out.push(Problem::of(path, message).with_help(help));
    }

    /// No two targets may write the same place, none may write over the source.
    fn outputs(&mut self, i: usize, t: &Target, r: &Recipe) {
        let Some(output) = &t.output else { return };
        let path = &RecipeTable::Target(i).key("output");
        if r.source.path.as_ref() == Some(output) {
            let p = Problem::of(path, format!("the output {} is the source", output.display()));
            self.out.push(p.with_help("remold never overwrites its input; choose another output."));
        } else if let Some(first) = r.targets[..i].iter().position(|o| o.output.as_ref() == Some(output)) {
            let message = format!("target {} already writes to {}", first + 1, output.display());
            self.out.push(Problem::of(path, message).with_help("Give each target its own output."));
        }
    }

    fn validate(&mut self, v: &Validate) {
        if v.data.is_some() && !self.available.evaluation {
            self.out.push(not_yet(
                &RecipeTable::Validate.key("data"),
                "measuring on text",
                "Remove `data` to run the recipe.",
            ));
        }
        for (metric, condition) in v.fail_if.iter().take(MAX_FOUND) {
            let path = &RecipeTable::Validate.key("fail_if").entry(metric);
            if Condition::parse(condition).is_none() {
                let p = Problem::of(path, format!("{condition:?} is not a condition"));
                self.out.push(p.with_help("Write a comparison and a number: `> 0.05`, `<= 3`."));
            }
            if self.available.metrics.contains(&metric.as_str()) {
                continue;
            }
            self.out.push(if METRICS.contains(&metric.as_str()) {
                not_yet(path, &format!("the metric `{metric}`"), "Remove it to run the recipe.").about_key()
            } else {
                let p = Problem::of(path, format!("unknown metric `{metric}`")).about_key();
                p.with_help(suggest(metric, METRICS.iter().copied(), &listed("Metrics", METRICS)))
            });
        }
    }
}
