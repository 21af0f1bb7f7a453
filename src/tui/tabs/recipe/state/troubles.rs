//! What is wrong with the recipe, and at which field of which target that is to be said.

use super::document::Wrong;
use super::{Document, Field, RecipeState, Refused};
use crate::model::OptionPath;
use crate::recipe::keys::{KeyTable, keys_of};
use crate::recipe::{Problem, RecipeTable, check};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The target, from 0; nothing for the rest of the recipe.
    pub target: Option<usize>,
    /// The step, from 0, where it is about one.
    pub step: Option<usize>,
    /// The key, perhaps with keys of its own behind dots; empty if it is about no key alone.
    pub key: String,
    /// The fact, without the name of the key.
    pub fact: String,
    /// What to do.
    pub help: Option<String>,
}

/// What is wrong without looking at the source: texts that are no values, and what the check of recipes finds.
pub(super) fn of(document: &Document) -> Vec<Trouble> {
    let typed = document.wrong.iter().map(typed);
    typed.chain(check(&document.recipe).into_iter().filter(Problem::is_error).map(checked)).collect()
}

fn typed(w: &Wrong) -> Trouble {
    Trouble { target: w.target, step: None, key: w.label.to_owned(), fact: w.fact.clone(), help: w.help.clone() }
}

fn checked(p: Problem) -> Trouble {
    let fact = p.fact().to_owned();
    let (table, key) = p.at.map_or((RecipeTable::Top, p.path), |at| (at.table, at.key));
    let (target, step) = match table {
        RecipeTable::Target(i) => (Some(i), None),
        RecipeTable::Step(i) => (None, Some(i)),
        RecipeTable::Top | RecipeTable::Source | RecipeTable::Validate => (None, None),
    };
    // What to write into a file is no help on the screen.
    let choose = table == RecipeTable::Top && key == "target";
    let help = if choose { Some("Press a and choose from a list.".to_owned()) } else { p.help };
    Trouble { target, step, key, fact, help }
}

/// What the planner refuses, at the field of the option that it is about.
pub(super) fn planned(document: &Document, refused: &Refused) -> Trouble {
    let card = &refused.card;
    let lone = || (document.recipe.targets.len() == 1).then_some(0);
    let target = refused.target.or_else(lone);
    let of_target = |o: &&OptionPath| target.is_some() && keys_of(KeyTable::Target).any(|k| k.name == o.option.key());
    let (key, fact) = match card.option.as_deref().filter(of_target) {
        Some(option) => (option.to_string(), card.beside_option()),
        None => (String::new(), card.message.as_str()),
    };
    Trouble { target, step: None, key, fact: fact.to_owned(), help: card.hint.clone() }
}

impl Trouble {
    /// The label of the field it is about; empty if it is about none.
    pub(crate) fn label(&self) -> &str {
        match self.key.split('.').next().unwrap_or_default() {
            "target_size" | "target_bpw" => Field::Budget.label(),
            key => key,
        }
    }
}

impl RecipeState {
    /// Something that is wrong, with its place where the recipe has several.
    pub(crate) fn said(&self, trouble: &Trouble) -> String {
        let several = self.document.recipe.targets.len() > 1;
        let place = match (trouble.target, trouble.label()) {
            (Some(_), key) if !several && !key.is_empty() => format!("{key}: "),
            (Some(_), "") if !several => String::new(),
            (Some(i), "") => format!("target {}: ", i + 1),
            (Some(i), key) => format!("target {}, {key}: ", i + 1),
            (None, "" | "target") => String::new(),
            (None, key) => format!("{key}: "),
        };
        format!("{place}{}", trouble.fact)
    }

    /// What is wrong with the recipe as it is now.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// What is wrong with a field of the form.
    pub fn trouble(&self, field: Field) -> Option<&Trouble> {
        let target = self.current_target();
        self.troubles
            .iter()
            .find(|t| t.target == target && t.step.is_none() && !t.key.is_empty() && field.is_about(&t.key))
    }

    /// What is wrong with a target or a step, whatever field it is about.
    pub fn trouble_of(&self, row: super::Row) -> Option<&Trouble> {
        use super::Row;
        let within = |t: &&Trouble| match row {
            Row::Target(i) => t.target == Some(i),
            Row::Step(i) => t.step == Some(i),
            Row::Source => t.target.is_none() && t.step.is_none() && matches!(t.key.as_str(), "path" | "format"),
            Row::Add => t.key == "target",
            Row::About => false,
        };
        self.troubles.iter().find(within)
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
        let all = of(&Document { recipe, wrong: Vec::new() });
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
            wrong: Vec::new(),
        };
        let size = target.clone().with(&MAX_SHARD_SIZE, Some("0".to_owned()));
        let said: Vec<_> = of(&document(size)).into_iter().map(|t| (t.key, t.fact)).collect();
        assert_eq!(said, [("max_shard_size".to_owned(), "cannot be 0".to_owned())]);
        let mut typed = document(target);
        typed.set(Some(0), find(KeyTable::Target, "pure").unwrap(), "perhaps");
        assert_eq!(of(&typed)[0].fact, "must be `true` or `false`, not the string \"perhaps\"");
    }

    #[test]
    fn what_the_planner_refuses_stands_at_the_option_it_is_about() {
        let targets = vec![Target::of(FormatId::Gguf)];
        let document = Document { recipe: Recipe { targets, ..Recipe::default() }, wrong: Vec::new() };
        let at = |e: ModelError| {
            let t = planned(&document, &Refused { target: None, card: (&e).into() });
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
        // A tensor is no option, whatever its name; an option of the whole recipe has no field in a target.
        assert_eq!(at(request("rows of 3").field("output")), pair("", "output: rows of 3"));
        assert_eq!(at(request("no size").in_option(OptionName::MAX_MEMORY)), pair("", "max_memory: no size"));
    }
}
