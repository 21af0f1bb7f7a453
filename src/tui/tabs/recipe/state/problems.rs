//! The problems of the recipe, each with the target and the field that it is about.

use super::document::InvalidText;
use super::{Document, Field, RecipeState, TargetRejection};
use crate::model::OptionPath;
use crate::recipe::keys::{KeyTable, keys_of};
use crate::recipe::{Problem, RecipeTable, check};

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct RecipeProblem {
    /// The target, from 0; nothing for the rest of the recipe.
    pub target: Option<usize>,
    /// The step, from 0, where it is about one.
    pub step: Option<usize>,
    /// The key, with dots before nested keys; empty if the problem is not about a single key.
    pub key: String,
    /// The fact, without the name of the key.
    pub fact: String,
    /// What to do.
    pub help: Option<String>,
}

/// Problems that need no source: invalid texts, and those that the recipe check finds.
pub(super) fn of(document: &Document) -> Vec<RecipeProblem> {
    let typed = document.invalid.iter().map(typed);
    typed.chain(check(&document.recipe).into_iter().filter(Problem::is_error).map(checked)).collect()
}

fn typed(w: &InvalidText) -> RecipeProblem {
    RecipeProblem { target: w.target, step: None, key: w.label.to_owned(), fact: w.fact.clone(), help: w.help.clone() }
}

fn checked(p: Problem) -> RecipeProblem {
    let fact = p.fact().to_owned();
    let (table, key) = p.at.map_or((RecipeTable::Top, p.path), |at| (at.table, at.key));
    let (target, step) = match table {
        RecipeTable::Target(i) => (Some(i), None),
        RecipeTable::Step(i) => (None, Some(i)),
        RecipeTable::Top | RecipeTable::Source | RecipeTable::Validate => (None, None),
    };
    // A hint about the file's text does not help on the screen.
    let choose = table == RecipeTable::Top && key == "target";
    let help = if choose { Some("Press a and choose from a list.".to_owned()) } else { p.help };
    RecipeProblem { target, step, key, fact, help }
}

/// A rejection by the planner, at the field of the option that it is about.
pub(super) fn planned(document: &Document, refused: &TargetRejection) -> RecipeProblem {
    let card = &refused.card;
    let lone = || (document.recipe.targets.len() == 1).then_some(0);
    let target = refused.target.or_else(lone);
    let of_target = |o: &&OptionPath| target.is_some() && keys_of(KeyTable::Target).any(|k| k.name == o.option.key());
    let (key, fact) = match card.option.as_deref().filter(of_target) {
        Some(option) => (option.to_string(), card.beside_option()),
        None => (String::new(), card.message.as_str()),
    };
    RecipeProblem { target, step: None, key, fact: fact.to_owned(), help: card.hint.clone() }
}

impl RecipeProblem {
    /// The label of the field it is about; empty if it is about none.
    pub(crate) fn label(&self) -> &str {
        match self.key.split('.').next().unwrap_or_default() {
            "target_size" | "target_bpw" => Field::Budget.label(),
            key => key,
        }
    }
}

impl RecipeState {
    /// A problem in words, with its target if the recipe has several.
    pub(crate) fn in_words(&self, problem: &RecipeProblem) -> String {
        let several = self.document.recipe.targets.len() > 1;
        let place = match (problem.target, problem.label()) {
            (Some(_), key) if !several && !key.is_empty() => format!("{key}: "),
            (Some(_), "") if !several => String::new(),
            (Some(i), "") => format!("target {}: ", i + 1),
            (Some(i), key) => format!("target {}, {key}: ", i + 1),
            (None, "" | "target") => String::new(),
            (None, key) => format!("{key}: "),
        };
        format!("{place}{}", problem.fact)
    }

    /// The current problems of the recipe.
    pub fn problems(&self) -> &[RecipeProblem] {
        &self.problems
    }

    /// The problem of a field of the form.
    pub fn problem(&self, field: Field) -> Option<&RecipeProblem> {
        let target = self.current_target();
        self.problems
            .iter()
            .find(|t| t.target == target && t.step.is_none() && !t.key.is_empty() && field.is_about(&t.key))
    }

    /// The problem of a target or a step, for any field.
    pub fn problem_of(&self, row: super::Row) -> Option<&RecipeProblem> {
        use super::Row;
        let within = |t: &&RecipeProblem| match row {
            Row::Target(i) => t.target == Some(i),
            Row::Step(i) => t.step == Some(i),
            Row::Source => t.target.is_none() && t.step.is_none() && matches!(t.key.as_str(), "path" | "format"),
            Row::Add => t.key == "target",
            Row::About => false,
        };
        self.problems.iter().find(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FormatId, ModelError, OptionName};
    use crate::recipe::keys::find;
    use crate::recipe::options::common::MAX_SHARD_SIZE;
    use crate::recipe::options::gguf;
    use crate::recipe::{Recipe, Step, Target};

    #[test]
    fn troubles_stand_where_their_keys_are() {
        let target = |q: &str| Target::of(FormatId::Gguf).quantized(q);
        let mut second = target("q9");
        second.set(&gguf::TENSOR_TYPES, [("ffn".into(), "q6_k_m".into())].into_iter().collect());
        let recipe = Recipe {
            targets: vec![target("q8_0"), second],
            pipeline: vec![Step { step: "prune".into(), ..Step::default() }],
            ..Recipe::default()
        };
        let all = of(&Document { recipe, invalid: Vec::new() });
        let places: Vec<_> = all.iter().map(|t| (t.target, t.step, t.key.as_str())).collect();
        assert_eq!(
            places,
            [(None, Some(0), ""), (Some(1), None, "quantization"), (Some(1), None, "tensor_types.ffn")],
            "{all:?}"
        );
        let none = of(&Document::default());
        assert_eq!(none.iter().map(|t| t.key.as_str()).collect::<Vec<_>>(), ["target"]);
    }

    #[test]
    fn a_fact_does_not_say_its_key_twice() {
        let target = Target::of(FormatId::Gguf).quantized("q8_0");
        let document = |target: Target| Document {
            recipe: Recipe { targets: vec![target], ..Recipe::default() },
            invalid: Vec::new(),
        };
        let size = target.clone().with(&MAX_SHARD_SIZE, Some("0".to_owned()));
        let pairs: Vec<_> = of(&document(size)).into_iter().map(|t| (t.key, t.fact)).collect();
        assert_eq!(pairs, [("max_shard_size".to_owned(), "cannot be 0".to_owned())]);
        let mut typed = document(target);
        typed.set(Some(0), find(KeyTable::Target, "pure").unwrap(), "perhaps");
        assert_eq!(of(&typed)[0].fact, "must be `true` or `false`, not the string \"perhaps\"");
    }

    #[test]
    fn what_the_planner_refuses_stands_at_the_option_it_is_about() {
        let targets = vec![Target::of(FormatId::Gguf)];
        let document = Document { recipe: Recipe { targets, ..Recipe::default() }, invalid: Vec::new() };
        let at = |e: ModelError| {
            let t = planned(&document, &TargetRejection { target: None, card: (&e).into() });
            assert_eq!(t.target, Some(0));
            (t.key, t.fact)
        };
        let request = |fact: &str| ModelError::request(fact);
        let pair = |key: &str, fact: &str| (key.to_owned(), fact.to_owned());
        let few = request("1000 bytes are too few").in_option(&gguf::TARGET_SIZE);
        assert_eq!(at(few), pair("target_size", "1000 bytes are too few"));
        let rule = request("no such type").in_option(OptionPath::entry(&gguf::TENSOR_TYPES, "re:x"));
        assert_eq!(at(rule), pair("tensor_types.\"re:x\"", "no such type"));
        let same = request("the output is the input").in_file("/out/x.gguf".as_ref()).about_option(OptionName::OUTPUT);
        assert_eq!(at(same), pair("output", "/out/x.gguf: the output is the input"));
        let again = request("it is Q8_0 already").field("output.weight").about_option(OptionName::ALLOW_REQUANTIZE);
        assert_eq!(at(again), pair("allow_requantize", "output.weight: it is Q8_0 already"));
        // A tensor is not an option, whatever its name; an option of the whole recipe has no field in a target.
        assert_eq!(at(request("rows of 3").field("output")), pair("", "output: rows of 3"));
        assert_eq!(at(request("no size").in_option(OptionName::MAX_MEMORY)), pair("", "max_memory: no size"));
    }
}
