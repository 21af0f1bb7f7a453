//! The form of what is selected in the list: its fields, made from the table of keys, and their values.

use super::document::target_key;
use super::rows::Row;
use super::{Document, RecipeState};
use crate::model::FormatId;
use crate::plan::has_forecast;
use crate::recipe::edit;
use crate::recipe::keys::{Key, KeyTable, Kind, State, keys_of};
use crate::recipe::options::{self, Budget, budget::budget_keys};

/// One field of the form.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// `target_size` or `target_bpw`: one field, two keys.
    Budget,
    /// A key of the recipe.
    Key(&'static Key),
}

/// The fields of a target that come first, because most people want no others.
const FIRST: [&str; 10] = [
    "format",
    "quantization",
    BUDGET,
    "imatrix",
    "context_length",
    "embedding_type",
    "tensor_types",
    "effort",
    "output",
    "force",
];

/// Label of the budget, which is not a key.
const BUDGET: &str = "budget";

/// The fact for a text that is not a budget.
const NO_BUDGET: &str = "a size such as 760MB, or bits per weight such as 4.25";

/// True for the keys that make up the budget.
fn is_budget(name: &str) -> bool {
    budget_keys().iter().any(|k| k.name == name)
}

impl Field {
    /// Label: the recipe's own key, but for the budget.
    pub fn label(self) -> &'static str {
        match self {
            Self::Budget => BUDGET,
            Self::Key(key) => key.name,
        }
    }

    /// One line for people.
    pub(crate) fn help(self) -> String {
        match self {
            Self::Budget => {
                "Instead of a quantization: the maximum file size (760MB, 4.5GiB) or bits per weight (4.25). Types are \
                    chosen for each tensor so that the total error is smallest."
                    .to_owned()
            }
            Self::Key(key) => match key.kind {
                Kind::Text | Kind::Path | Kind::Bool | Kind::Format | Kind::Quantization | Kind::TensorType => {
                    key.help.to_owned()
                }
                Kind::Table | Kind::Rules | Kind::Selectors | Kind::Layers | Kind::List => {
                    format!("{}: {}", key.example, key.help)
                }
                kind => format!("{} Takes {}.", key.help, kind.describe()),
            },
        }
    }

    /// True for fields whose value is a path.
    pub(crate) fn is_path(self) -> bool {
        matches!(self, Self::Key(Key { kind: Kind::Path, .. }))
    }

    /// True if the field is about that key of the recipe; `tensor_types.ffn` is within `tensor_types`.
    pub(crate) fn is_about(self, key: &str) -> bool {
        let name = key.split('.').next().unwrap_or(key);
        match self {
            Self::Budget => is_budget(name) || name == BUDGET,
            Self::Key(k) => k.name == name,
        }
    }
}

/// The fields of a target of that format.
fn of_target(format: FormatId) -> Vec<Field> {
    let known = |k: &&Key| matches!(k.state, State::Since(_));
    let field = |key: &'static Key| if is_budget(key.name) { Field::Budget } else { Field::Key(key) };
    let mut all: Vec<Field> = options::keys_of(format).filter(known).map(field).collect();
    let place = |f: &Field| FIRST.iter().position(|n| *n == f.label()).unwrap_or(FIRST.len());
    all.sort_by_key(place);
    all.dedup_by_key(|f| f.label());
    all
}

/// The keys of a table that this version supports.
fn of_room(room: KeyTable) -> Vec<Field> {
    keys_of(room).filter(|k| matches!(k.state, State::Since(_))).map(Field::Key).collect()
}

impl RecipeState {
    /// The fields of the form.
    pub fn fields(&self) -> Vec<Field> {
        match self.row() {
            Row::Source => of_room(KeyTable::Source),
            Row::About => of_room(KeyTable::Top),
            Row::Target(i) => self.document.recipe.targets.get(i).map(|t| of_target(t.format)).unwrap_or_default(),
            Row::Step(_) | Row::Add => Vec::new(),
        }
    }

    /// The field the cursor is on.
    pub fn current_field(&self) -> Option<Field> {
        let fields = self.fields();
        fields.get(self.field.min(fields.len().saturating_sub(1))).copied()
    }

    /// The target that the form is about; nothing for the source and the recipe.
    pub(crate) fn current_target(&self) -> Option<usize> {
        match self.row() {
            Row::Target(i) => Some(i),
            _ => None,
        }
    }

    /// The target that a forecast is for: the selected one if its format has a forecast, else the first that has.
    pub(crate) fn forecast_target_index(&self) -> Option<usize> {
        let targets = &self.document.recipe.targets;
        let can = |i: &usize| targets.get(*i).is_some_and(|t| has_forecast(t.format));
        self.current_target().filter(can).or_else(|| (0..targets.len()).find(can))
    }

    /// The content of a field: its value, or the invalid text that was typed. Nothing for a default.
    pub fn value(&self, field: Field) -> Option<String> {
        let target = self.current_target();
        if let Some(wrong) = self.document.invalid(target, field.label()) {
            return Some(wrong.text.clone());
        }
        let recipe = &self.document.recipe;
        match field {
            Field::Budget => Budget::of(recipe.targets.get(target?)?).map(|b| b.to_string()),
            Field::Key(key) => edit::value_text(recipe, target, key),
        }
    }

    /// The words a field can be chosen from; empty if it is typed.
    pub(crate) fn choices(&self, field: Field) -> &'static [&'static str] {
        let format = self.current_target().and_then(|i| self.document.recipe.targets.get(i)).map(|t| t.format);
        match field {
            Field::Budget => &[],
            Field::Key(key) => edit::choices(key, format),
        }
    }

    /// The place of the value among the choices; that of the default, where there is one, when nothing is said.
    pub fn chosen(&self, field: Field) -> Option<usize> {
        let choices = self.choices(field);
        match self.value(field) {
            Some(value) => choices.iter().position(|c| value.eq_ignore_ascii_case(c)),
            None => {
                let Field::Key(key) = field else { return None };
                // The first choice of a list; types keep their automatic default.
                let own = matches!(key.kind, Kind::Bool | Kind::Choice(_)) || key.name == "quantization";
                (own && !choices.is_empty()).then_some(usize::from(key.default_on))
            }
        }
    }
}

impl Document {
    /// Sets a field to what was typed or chosen.
    pub(crate) fn set_field(&mut self, target: Option<usize>, field: Field, text: &str) {
        match field {
            Field::Budget => self.set_budget(target, text),
            Field::Key(key) => {
                let given = !text.trim().is_empty();
                self.set(target, key, text);
                // A type that is chosen is to be used, and so the budget is not.
                if key.name == "quantization" && given {
                    self.set_budget(target, "");
                }
                if key.name == "format" {
                    self.keep_what_fits(target);
                }
            }
        }
    }

    fn set_budget(&mut self, target: Option<usize>, text: &str) {
        self.invalid.retain(|w| w.target != target || w.label != BUDGET);
        let Some(t) = target.and_then(|i| self.recipe.targets.get_mut(i)) else { return };
        if text.trim().is_empty() {
            Budget::clear(t);
            return;
        }
        match Budget::parse(text) {
            Some(budget) => budget.put(t),
            None => self.refuse(target, BUDGET, text, NO_BUDGET.to_owned(), None),
        }
    }

    /// Leaves out what another format cannot have.
    fn keep_what_fits(&mut self, target: Option<usize>) {
        let Some(i) = target.filter(|i| *i < self.recipe.targets.len()) else { return };
        let format = self.recipe.targets[i].format;
        for key in keys_of(KeyTable::Target).filter(|k| !k.fits(format)) {
            edit::clear(&mut self.recipe, target, key);
            self.invalid.retain(|w| w.target != target || w.label != key.name);
        }
        let t = &self.recipe.targets[i];
        let types = target_key("quantization").map_or(&[][..], |k| edit::choices(k, Some(format)));
        if t.quantization.as_ref().is_some_and(|q| !types.iter().any(|c| q.eq_ignore_ascii_case(c))) {
            self.recipe.targets[i].quantization = None;
        }
        if !budget_keys()[0].fits(format) {
            self.invalid.retain(|w| w.target != target || w.label != BUDGET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::options::gguf;
    use crate::recipe::{Recipe, Target};

    fn form(format: FormatId) -> RecipeState {
        let targets = vec![Target::of(format)];
        let document = Document { recipe: Recipe { targets, ..Recipe::default() }, invalid: Vec::new() };
        let mut r = RecipeState { document, ..RecipeState::default() };
        r.select(Row::Target(0));
        r
    }

    #[test]
    fn the_form_has_every_key_of_its_format_once_and_the_common_ones_first() {
        let r = form(FormatId::Gguf);
        let labels: Vec<&str> = r.fields().iter().map(|f| f.label()).collect();
        assert_eq!(labels[..FIRST.len()], FIRST);
        for key in keys_of(KeyTable::Target).filter(|k| matches!(k.state, State::Since(_)) && k.fits(FormatId::Gguf)) {
            assert_eq!(r.fields().iter().filter(|f| f.is_about(key.name)).count(), 1, "{}", key.name);
        }
        let plain: Vec<&str> = form(FormatId::Safetensors).fields().iter().map(|f| f.label()).collect();
        assert_eq!(
            plain,
            ["format", "quantization", "output", "force", "output_name", "max_shard_size", "bare", "reuse"]
        );
    }

    #[test]
    fn a_budget_takes_the_place_of_a_type_and_a_type_that_of_a_budget() {
        let mut d = form(FormatId::Gguf).document;
        let quantization = Field::Key(target_key("quantization").unwrap());
        d.set_field(Some(0), quantization, "q4_k_m");
        d.set_field(Some(0), Field::Budget, "4.5 GiB");
        assert_eq!(
            (d.recipe.targets[0].get(&gguf::TARGET_SIZE).as_deref(), &d.recipe.targets[0].quantization),
            (Some("4.5GiB"), &None)
        );
        d.set_field(Some(0), Field::Budget, "4.25 bpw");
        assert_eq!(
            (d.recipe.targets[0].get(&gguf::TARGET_SIZE).as_deref(), d.recipe.targets[0].get(&gguf::TARGET_BPW)),
            (None, Some(4.25))
        );
        d.set_field(Some(0), Field::Budget, "little");
        assert_eq!(d.invalid.len(), 1);
        d.set_field(Some(0), quantization, "q8_0");
        assert_eq!((d.recipe.targets[0].get(&gguf::TARGET_BPW), d.invalid.len()), (None, 0));
    }

    #[test]
    fn another_format_keeps_only_what_fits_it() {
        let mut d = form(FormatId::Gguf).document;
        for (name, text) in
            [("quantization", "q4_k_m"), ("context_length", "4096"), ("output", "/out/x"), ("effort", "max")]
        {
            d.set_field(Some(0), Field::Key(target_key(name).unwrap()), text);
        }
        d.set_field(Some(0), Field::Key(target_key("format").unwrap()), "safetensors");
        let wanted = Target { output: Some("/out/x".into()), ..Target::of(FormatId::Safetensors) };
        assert_eq!(d.recipe.targets, [wanted]);
    }
}
