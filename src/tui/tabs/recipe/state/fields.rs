//! The form of what is selected in the list: its fields, made from the table of keys, and their values.
//!
//! The options of a target that most people change come first. The others are below the headings of their groups, which are folded until the
//! user unfolds them. An option that has a value or an error is shown all the same.

use super::document::target_key;
use super::rows::Row;
use super::{Document, RecipeState};
use crate::model::FormatId;
use crate::plan::has_forecast;
use crate::recipe::keys::{Key, KeyTable, Kind, OptionGroup, State, keys_of};
use crate::recipe::options::{self, Budget, budget::budget_keys};
use crate::recipe::{Recipe, RecipeTable, edit, steps};
use crate::tui::core::fuzzy;

/// One line of the form.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// `target_size` or `target_bpw`: one field, two keys.
    Budget,
    /// A key of the recipe.
    Key(&'static Key),
    /// The heading of a group of options, which can be folded.
    Heading(OptionGroup),
}

/// Label of the budget, which is not a key.
const BUDGET: &str = "budget";

/// The fact for a text that is not a budget.
const NO_BUDGET: &str = "a size such as 760MB, bits per weight such as 4.25, or kld 0.002";

/// True for the keys that make up the budget.
fn is_budget(name: &str) -> bool {
    budget_keys().iter().any(|k| k.name == name)
}

impl Field {
    /// The field of a key.
    fn of(key: &'static Key) -> Self {
        if key.table == KeyTable::Target && is_budget(key.name) { Self::Budget } else { Self::Key(key) }
    }

    /// Label: the recipe's own key, but for the budget and headings.
    pub fn label(self) -> &'static str {
        match self {
            Self::Budget => BUDGET,
            Self::Key(key) => key.name,
            Self::Heading(group) => group.title(),
        }
    }

    /// True if both are the same line of the form.
    pub(crate) fn is_same(self, other: Self) -> bool {
        self.label() == other.label() && self.is_heading() == other.is_heading()
    }

    /// True for the heading of a group.
    pub fn is_heading(self) -> bool {
        matches!(self, Self::Heading(_))
    }

    /// Its place in the form: those of the front in their order, then the groups, each in the order of the table.
    fn place(self) -> (u8, usize) {
        let front = match self {
            Self::Budget => budget_keys()[0].front,
            Self::Key(key) => key.front,
            Self::Heading(_) => None,
        };
        match (front, self.heading()) {
            (Some(place), _) => (place, 0),
            (None, None) => (u8::MAX, 0),
            (None, Some(group)) => (u8::MAX, 1 + OptionGroup::ALL.iter().position(|g| *g == group).unwrap_or(0)),
        }
    }

    /// The heading that it is below; nothing for those that come first.
    pub(crate) fn heading(self) -> Option<OptionGroup> {
        match self {
            Self::Key(key) if key.front.is_none() => key.group,
            _ => None,
        }
    }

    /// What it is for, in a sentence or two.
    pub(crate) fn help(self) -> String {
        match self {
            Self::Budget => {
                "Instead of a quantization: the maximum file size (760MB, 4.5GiB), bits per weight (4.25), or the largest \
                    mean KL divergence (kld 0.002), which is measured on a text. Types are chosen for each tensor so that the total \
                    error is smallest."
                    .to_owned()
            }
            // The default is said beside it, as it is for this model.
            Self::Key(key) => match key.help.split_once("Default: ") {
                Some((before, after)) => {
                    let rest = after.split_once(". ").map_or("", |(_, rest)| rest);
                    format!("{before}{rest}").trim_end().to_owned()
                }
                None => key.help.to_owned(),
            },
            Self::Heading(_) => String::new(),
        }
    }

    /// What it takes, in a few words; empty for those that are chosen from a list.
    pub(crate) fn takes(self) -> String {
        let key = match self {
            Self::Budget => return "a size, 0.5 to 32 bits per weight, or kld and nats".to_owned(),
            Self::Heading(_) => return String::new(),
            Self::Key(key) => key,
        };
        let unit = if key.unit.is_empty() { String::new() } else { format!(" {}", key.unit) };
        match key.kind {
            Kind::Bool => "yes or no".to_owned(),
            Kind::Choice(words) => words.join(", "),
            Kind::Integer(low, u64::MAX) => format!("{low}{unit} or more"),
            Kind::Integer(low, high) => format!("{low} to {high}{unit}"),
            Kind::Number(low, f64::MAX) => format!("{low}{unit} or more"),
            Kind::Number(low, high) => format!("{low} to {high}{unit}"),
            Kind::Size => "bytes, or a size such as 5GB or 4.5GiB".to_owned(),
            Kind::Path => "a path; tab completes it".to_owned(),
            Kind::Text => format!("text, as in {}", key.example.trim_matches('"')),
            Kind::Format | Kind::Quantization | Kind::TensorType => "enter lists the values".to_owned(),
            Kind::Conditions => "metrics with comparisons, as in kld_mean > 0.05".to_owned(),
            Kind::Layers => "layer numbers, as in 20, 21 or 20-23".to_owned(),
            Kind::List | Kind::Selectors | Kind::Rules | Kind::Table => {
                format!("as in {}", key.example.trim_matches(['[', ']', '{', '}', ' ']).replace('"', ""))
            }
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
            Self::Heading(_) => false,
        }
    }

    /// True if the filter of the form lets it pass: a part of its label or of another of its names, or a word of its help.
    fn passes(self, filter: &str) -> bool {
        self.cost(filter).is_some()
    }

    /// How badly the filter of the form fits it, in the order of what it fits: its label whole, a part of it, another of its names, its
    /// label with gaps, its help. Nothing where it does not fit.
    fn cost(self, filter: &str) -> Option<usize> {
        let other = match self {
            Self::Key(key) => key.aliases,
            Self::Budget | Self::Heading(_) => &[],
        };
        let filter = filter.trim().to_lowercase();
        let words = || self.help().to_lowercase();
        let label = filter.replace(' ', "_");
        match fuzzy::fit(self.label(), &label) {
            Some(_) if self.label() == label => Some(0),
            Some(_) if self.label().contains(&label) => Some(1),
            _ if other.iter().any(|name| name.contains(&filter)) => Some(2),
            Some(_) => Some(3),
            None => words().contains(&filter).then_some(4),
        }
    }
}

impl RecipeState {
    /// Every option of what is selected in the list, folded or not: those of the front first, then group by group. What a later version
    /// does is among them only if the recipe has it, for its error.
    pub(crate) fn options(&self) -> Vec<Field> {
        let recipe = &self.document.recipe;
        let keys: Vec<&'static Key> = match self.row() {
            Row::Source => keys_of(KeyTable::Source).collect(),
            Row::About => keys_of(KeyTable::Top).collect(),
            Row::Step(i) => {
                let spec = recipe.pipeline.get(i).and_then(|s| steps::find(&s.step));
                spec.map_or(Vec::new(), |s| s.keys.to_vec())
            }
            Row::Target(i) => recipe.targets.get(i).map_or(Vec::new(), |t| options::keys_of(t.format).collect()),
            Row::Validate => keys_of(KeyTable::Validate).collect(),
            Row::AddStep | Row::Add => Vec::new(),
        };
        let known = |k: &&'static Key| match k.state {
            State::Since(_) => true,
            State::Later => self.value(Field::Key(k)).is_some(),
            State::NoEffect => false,
        };
        let mut all: Vec<Field> = keys.into_iter().filter(known).map(Field::of).collect();
        all.sort_by_key(|f| f.place());
        all.dedup_by_key(|f| f.label());
        all
    }

    /// The lines of the form that can be selected: options, and the headings of groups.
    pub fn fields(&self) -> Vec<Field> {
        let all = self.options();
        if !self.filter.trim().is_empty() {
            return all.into_iter().filter(|f| f.passes(&self.filter)).collect();
        }
        let mut shown = Vec::with_capacity(all.len() + OptionGroup::ALL.len());
        let mut last = None;
        for field in all {
            let group = field.heading();
            if let Some(group) = group.filter(|g| last != Some(*g)) {
                shown.push(Field::Heading(group));
                last = Some(group);
            }
            if group.is_none_or(|g| self.unfolded.contains(&g)) || self.is_set(field) {
                shown.push(field);
            }
        }
        shown
    }

    /// Goes to the nearest line of the list that has an option which the filter finds, if there is one.
    pub(in crate::tui::tabs::recipe) fn go_to_row_of_filter(&mut self) {
        let from = self.cursor;
        let mut rows: Vec<usize> = (0..self.rows().len()).filter(|row| *row != from).collect();
        rows.sort_by_key(|row| row.abs_diff(from));
        for row in rows {
            (self.cursor, self.field) = (row, 0);
            if !self.fields().is_empty() {
                return;
            }
        }
        self.cursor = from;
    }

    /// Goes to the option that fits the filter best.
    pub(in crate::tui::tabs::recipe) fn go_to_best(&mut self) {
        let fields = self.fields();
        let best = fields.iter().enumerate().min_by_key(|(_, f)| f.cost(&self.filter).unwrap_or(usize::MAX));
        self.field = best.map_or(0, |(at, _)| at);
    }

    /// True for an option that has a value or an error.
    fn is_set(&self, field: Field) -> bool {
        self.value(field).is_some() || self.problem(field).is_some()
    }

    /// How many options are below a heading, and how many of them have a value or an error.
    pub fn counts(&self, group: OptionGroup) -> (usize, usize) {
        let all = self.options();
        let below = || all.iter().filter(|f| f.heading() == Some(group));
        (below().count(), below().filter(|f| self.is_set(**f)).count())
    }

    /// How many options below a heading have an error.
    pub(crate) fn wrong(&self, group: OptionGroup) -> usize {
        self.options().iter().filter(|f| f.heading() == Some(group) && self.problem(**f).is_some()).count()
    }

    /// Folds or unfolds a group; the cursor stays on its heading.
    pub(crate) fn fold(&mut self, group: OptionGroup, fold: bool) {
        self.unfolded.retain(|g| *g != group);
        if !fold {
            self.unfolded.push(group);
        }
        self.go_to(Field::Heading(group));
    }

    /// The group that the current line is the heading of, or is below.
    pub(crate) fn current_group(&self) -> Option<OptionGroup> {
        match self.current_field()? {
            Field::Heading(group) => Some(group),
            field => field.heading().filter(|_| self.filter.trim().is_empty()),
        }
    }

    /// Puts the cursor on a line of the form that is shown.
    pub(in crate::tui::tabs::recipe) fn go_to(&mut self, field: Field) -> bool {
        let at = self.fields().iter().position(|f| f.is_same(field));
        self.field = at.unwrap_or(self.field);
        at.is_some()
    }

    /// Puts the cursor on the option of that label; unfolds its group if it is not shown. True if there is such an option.
    pub fn show_option(&mut self, label: &str) -> bool {
        let Some(field) = self.options().into_iter().find(|f| f.label() == label) else { return false };
        if self.go_to(field) {
            return true;
        }
        self.filter.clear();
        if let Some(group) = field.heading().filter(|g| !self.unfolded.contains(g)) {
            self.unfolded.push(group);
        }
        self.go_to(field)
    }

    /// Changes something without moving the cursor of the form to another option: lines may appear and vanish above it. If its own line
    /// vanishes, the cursor goes to the heading.
    pub(in crate::tui::tabs::recipe) fn keeping_line<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.current_field();
        let result = change(self);
        if let Some(field) = before
            && !self.go_to(field)
            && let Some(group) = field.heading()
        {
            self.go_to(Field::Heading(group));
        }
        result
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

    /// The table of the recipe that the form is about.
    pub(crate) fn current_table(&self) -> Option<RecipeTable> {
        match self.row() {
            Row::Source => Some(RecipeTable::Source),
            Row::About => Some(RecipeTable::Top),
            Row::Step(i) => Some(RecipeTable::Step(i)),
            Row::Target(i) => Some(RecipeTable::Target(i)),
            Row::Validate => Some(RecipeTable::Validate),
            Row::AddStep | Row::Add => None,
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
        let at = self.current_table()?;
        if field.is_heading() {
            return None;
        }
        if let Some(wrong) = self.document.invalid(at, field.label()) {
            return Some(wrong.text.clone());
        }
        let recipe = &self.document.recipe;
        match field {
            Field::Budget => Budget::of(recipe.targets.get(self.current_target()?)?).map(|b| b.to_string()),
            Field::Key(key) => edit::value_text(recipe, at, key),
            Field::Heading(_) => None,
        }
    }

    /// The value that a step gives to an option that the target does not have, with the step: `q4_k_m (step 1)`.
    pub(crate) fn set_by_step(&self, target: usize, key: &'static Key) -> Option<String> {
        let recipe = &self.document.recipe;
        let step = steps::set_by(recipe, target, key)?;
        let stepped = Recipe { targets: steps::targets(recipe), ..Recipe::default() };
        let value = edit::value_text(&stepped, RecipeTable::Target(target), key)?;
        Some(format!("{value} (step {})", step + 1))
    }

    /// The words a field can be chosen from; empty if it is typed.
    pub(crate) fn choices(&self, field: Field) -> &'static [&'static str] {
        match field {
            Field::Budget | Field::Heading(_) => &[],
            Field::Key(key) => edit::choices(key, self.chosen_for()),
        }
    }

    /// The format that choices are for: that of the target; for a step, that of the first target that leaves the type to steps.
    fn chosen_for(&self) -> Option<FormatId> {
        let targets = &self.document.recipe.targets;
        let open = || targets.iter().find(|t| t.quantization.is_none() && Budget::of(t).is_none());
        let target = match self.current_target() {
            Some(i) => targets.get(i),
            None => open().or(targets.first()),
        };
        target.map(|t| t.format)
    }

    /// The place of the value among the choices; that of the default, where there is one, when nothing is said.
    pub fn chosen(&self, field: Field) -> Option<usize> {
        let choices = self.choices(field);
        match self.value(field) {
            Some(value) => choices.iter().position(|c| value.eq_ignore_ascii_case(c)),
            None => {
                let Field::Key(key) = field else { return None };
                // The first choice of a list, unless the option can be left open; types keep their automatic default.
                let typed = key.table == KeyTable::Target && key.name == "quantization";
                let choice = matches!(key.kind, Kind::Choice(_)) && key.absent.is_empty();
                let own = key.kind == Kind::Bool || choice || typed;
                (own && !choices.is_empty()).then_some(usize::from(key.default_on))
            }
        }
    }
}

impl Document {
    /// Sets a field to what was typed or chosen.
    pub(crate) fn set_field(&mut self, at: RecipeTable, field: Field, text: &str) {
        match (field, at) {
            (Field::Heading(_), _) => {}
            (Field::Budget, RecipeTable::Target(target)) => self.set_budget(target, text),
            (Field::Budget, _) => {}
            (Field::Key(key), _) => {
                self.set(at, key, text);
                let RecipeTable::Target(target) = at else { return };
                // A type that is chosen is to be used, and so the budget is not.
                if key.name == "quantization" && !text.trim().is_empty() {
                    self.set_budget(target, "");
                }
                if key.name == "format" {
                    self.keep_what_fits(target);
                }
            }
        }
    }

    fn set_budget(&mut self, target: usize, text: &str) {
        let at = RecipeTable::Target(target);
        self.invalid.retain(|w| w.at != at || w.label != BUDGET);
        let Some(t) = self.recipe.targets.get_mut(target) else { return };
        if text.trim().is_empty() {
            Budget::clear(t);
            return;
        }
        match Budget::parse(text) {
            Some(budget) => budget.put(t),
            None => self.refuse(at, BUDGET, text, NO_BUDGET.to_owned(), None),
        }
    }

    /// Leaves out what another format cannot have.
    fn keep_what_fits(&mut self, i: usize) {
        let Some(format) = self.recipe.targets.get(i).map(|t| t.format) else { return };
        let at = RecipeTable::Target(i);
        for key in keys_of(KeyTable::Target).filter(|k| !k.fits(format)) {
            edit::clear(&mut self.recipe, at, key);
            self.invalid.retain(|w| w.at != at || w.label != key.name);
        }
        let types = target_key("quantization").map_or(&[][..], |k| edit::choices(k, Some(format)));
        if let Some(target) = self.recipe.targets.get_mut(i) {
            target.quantization.take_if(|q| !types.iter().any(|c| q.eq_ignore_ascii_case(c)));
        }
        if !budget_keys()[0].fits(format) {
            self.invalid.retain(|w| w.at != at || w.label != BUDGET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Target;
    use crate::recipe::options::gguf;

    fn form(format: FormatId) -> RecipeState {
        let targets = vec![Target::of(format)];
        let document = Document { recipe: Recipe { targets, ..Recipe::default() }, invalid: Vec::new() };
        let mut r = RecipeState { document, ..RecipeState::default() };
        r.select(Row::Target(0));
        r
    }

    fn labels(r: &RecipeState) -> Vec<&'static str> {
        r.fields().iter().map(|f| f.label()).collect()
    }

    #[test]
    fn every_key_of_every_table_is_reached_in_the_form_once() {
        for format in crate::formats::written() {
            let mut r = form(*format);
            r.unfolded = OptionGroup::ALL.to_vec();
            let here = |k: &&Key| matches!(k.state, State::Since(_)) && k.fits(*format);
            for key in keys_of(KeyTable::Target).filter(here) {
                assert_eq!(r.fields().iter().filter(|f| f.is_about(key.name)).count(), 1, "{format} {}", key.name);
            }
        }
        for step in steps::STEPS.iter().filter(|s| matches!(s.state, State::Since(_))) {
            let mut r = form(FormatId::Gguf);
            r.change(|d| d.insert_step(0, step.name));
            r.select(Row::Step(0));
            let wanted: Vec<&str> =
                step.keys.iter().filter(|k| matches!(k.state, State::Since(_))).map(|k| k.name).collect();
            assert_eq!(labels(&r), wanted);
        }
        let mut r = form(FormatId::Gguf);
        for (row, table) in [(Row::Source, KeyTable::Source), (Row::About, KeyTable::Top)] {
            r.select(row);
            let wanted: Vec<&str> =
                keys_of(table).filter(|k| matches!(k.state, State::Since(_))).map(|k| k.name).collect();
            let mut shown = labels(&r);
            shown.sort_by_key(|l| wanted.iter().position(|w| w == l));
            assert_eq!(shown, wanted);
        }
    }

    #[test]
    fn the_front_comes_first_and_the_rest_is_folded_below_its_headings() {
        let mut r = form(FormatId::Gguf);
        let front = [
            "format",
            "quantization",
            "budget",
            "tensor_types",
            "effort",
            "imatrix",
            "context_length",
            "output",
            "force",
        ];
        let headings = OptionGroup::ALL.map(OptionGroup::title);
        assert_eq!(labels(&r), [&front[..], &headings[..]].concat());
        assert_eq!(r.counts(OptionGroup::Importance), (3, 0));
        r.fold(OptionGroup::Importance, false);
        let at = r.field;
        assert!(r.fields()[at].is_same(Field::Heading(OptionGroup::Importance)));
        assert_eq!(labels(&r)[at + 1..at + 4], ["imatrix_name", "include_weights", "exclude_weights"]);
        r.fold(OptionGroup::Importance, true);
        assert_eq!(labels(&r).len(), front.len() + headings.len());
        let plain = labels(&form(FormatId::Safetensors));
        assert_eq!(plain, ["format", "quantization", "output", "force", "types and tensors", "output and splitting"]);
    }

    #[test]
    fn the_filter_goes_to_the_option_whose_label_it_is() {
        let mut r = form(FormatId::Onnx);
        r.filter = "calibration_data".to_owned();
        r.go_to_best();
        assert_eq!(r.current_field().map(Field::label), Some("calibration_data"));
    }

    #[test]
    fn what_has_a_value_or_an_error_is_shown_while_its_group_is_folded() {
        let mut r = form(FormatId::Gguf);
        assert!(r.show_option("include_weights") && r.show_option("split_max_layers"));
        r.change(|d| d.set_field(RecipeTable::Target(0), key("include_weights"), "ffn"));
        r.change(|d| d.set_field(RecipeTable::Target(0), key("split_max_layers"), "many"));
        r.fold(OptionGroup::Importance, true);
        r.fold(OptionGroup::Output, true);
        assert_eq!((r.counts(OptionGroup::Importance), r.counts(OptionGroup::Output)), ((3, 1), (7, 1)));
        let shown = labels(&r);
        assert!(shown.contains(&"include_weights") && shown.contains(&"split_max_layers"), "{shown:?}");
        assert!(!shown.contains(&"exclude_weights") && !shown.contains(&"keep_split"));
        // What is cleared there is folded, and the cursor goes to the heading.
        r.show_option("include_weights");
        r.change(|d| d.set_field(RecipeTable::Target(0), key("include_weights"), ""));
        assert!(r.current_field().unwrap().is_same(Field::Heading(OptionGroup::Importance)));
    }

    #[test]
    fn the_filter_finds_what_is_folded_by_label_alias_and_help() {
        let mut r = form(FormatId::Gguf);
        let mut found = |filter: &str| {
            r.filter = filter.to_owned();
            labels(&r)
        };
        assert_eq!(found("mlock"), ["use_mlock"]);
        assert!(found("num_ctx").contains(&"context_length"));
        assert!(found("modelfile").contains(&"modelfile"));
        assert!(found("pre tok").contains(&"pre_tokenizer"));
        assert_eq!(found("no such option at all"), [""; 0]);
    }

    fn key(name: &str) -> Field {
        Field::Key(target_key(name).unwrap())
    }

    #[test]
    fn a_budget_takes_the_place_of_a_type_and_a_type_that_of_a_budget() {
        let mut d = form(FormatId::Gguf).document;
        let quantization = Field::Key(target_key("quantization").unwrap());
        d.set_field(RecipeTable::Target(0), quantization, "q4_k_m");
        d.set_field(RecipeTable::Target(0), Field::Budget, "4.5 GiB");
        assert_eq!(
            (d.recipe.targets[0].get(&gguf::TARGET_SIZE).as_deref(), &d.recipe.targets[0].quantization),
            (Some("4.5GiB"), &None)
        );
        d.set_field(RecipeTable::Target(0), Field::Budget, "4.25 bpw");
        assert_eq!(
            (d.recipe.targets[0].get(&gguf::TARGET_SIZE).as_deref(), d.recipe.targets[0].get(&gguf::TARGET_BPW)),
            (None, Some(4.25))
        );
        d.set_field(RecipeTable::Target(0), Field::Budget, "little");
        assert_eq!(d.invalid.len(), 1);
        d.set_field(RecipeTable::Target(0), quantization, "q8_0");
        assert_eq!((d.recipe.targets[0].get(&gguf::TARGET_BPW), d.invalid.len()), (None, 0));
    }

    #[test]
    fn another_format_keeps_only_what_fits_it() {
        let mut d = form(FormatId::Gguf).document;
        for (name, text) in
            [("quantization", "q4_k_m"), ("context_length", "4096"), ("output", "/out/x"), ("effort", "max")]
        {
            d.set_field(RecipeTable::Target(0), Field::Key(target_key(name).unwrap()), text);
        }
        d.set_field(RecipeTable::Target(0), Field::Key(target_key("format").unwrap()), "safetensors");
        let wanted = Target { output: Some("/out/x".into()), ..Target::of(FormatId::Safetensors) };
        assert_eq!(d.recipe.targets, [wanted]);
    }
}
