//! The problems of the recipe, each with the target and the field that it is about.

use super::document::InvalidText;
use super::{Document, Field, RecipeState, TargetRejection};
use crate::model::OptionPath;
use crate::recipe::keys::{KeyTable, keys_of};
use crate::recipe::{Problem, RecipeTable, check, steps};

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
    let mut all: Vec<RecipeProblem> = document.invalid.iter().map(typed).collect();
    let typed = all.len();
    for problem in check(&document.recipe).into_iter().filter(Problem::is_error).map(checked) {
        // A value that cannot be read is not missing, too.
        let said = |t: &RecipeProblem| (t.target, t.step, &t.key) == (problem.target, problem.step, &problem.key);
        if !all[..typed].iter().any(said) {
            all.push(problem);
        }
    }
    all
}

/// The target or the step of a table, if it is one.
fn place(table: RecipeTable) -> (Option<usize>, Option<usize>) {
    match table {
        RecipeTable::Target(i) => (Some(i), None),
        RecipeTable::Step(i) => (None, Some(i)),
        RecipeTable::Top | RecipeTable::Source | RecipeTable::Validate => (None, None),
    }
}

fn typed(w: &InvalidText) -> RecipeProblem {
    let (target, step) = place(w.at);
    RecipeProblem { target, step, key: w.label.to_owned(), fact: w.fact.clone(), help: w.help.clone() }
}

fn checked(p: Problem) -> RecipeProblem {
    let fact = p.fact().to_owned();
    let (table, key) = p.at.map_or((RecipeTable::Top, p.path), |at| (at.table, at.key));
    let (target, step) = place(table);
    // A hint about the file's text does not help on the screen.
    let choose = table == RecipeTable::Top && key == "target";
    let help = match p.help {
        _ if choose => Some("Press a and choose from a list.".to_owned()),
        Some(help) if step.is_some() && help.starts_with("Add `") => {
            Some(help.split_once("`. ").map_or(String::new(), |(_, rest)| rest.to_owned())).filter(|h| !h.is_empty())
        }
        help => help,
    };
    RecipeProblem { target, step, key, fact, help }
}

/// A rejection by the planner: at the step that it is about, or at the field of the option. An option that a step sets is wrong at the
/// step, because the target does not have it.
pub(super) fn planned(document: &Document, refused: &TargetRejection) -> RecipeProblem {
    let (card, recipe) = (&refused.card, &document.recipe);
    let at_step = |step: usize, fact: String| {
        let spec = recipe.pipeline.get(step).and_then(|s| steps::find(&s.step));
        let option = card.option.as_deref().map_or("", |o| o.option.key());
        // What a step sets may have another name there: its only required key is meant.
        let key = spec.and_then(|s| {
            let same = s.keys.iter().map(|k| k.name).find(|name| *name == option);
            same.or_else(|| s.required.first().copied().filter(|_| !option.is_empty()))
        });
        let key = key.unwrap_or_default().to_owned();
        RecipeProblem { target: None, step: Some(step), key, fact, help: card.hint.clone() }
    };
    if let Some(step) = card.step {
        return at_step(step.into(), card.beside_step());
    }
    let lone = || (recipe.targets.len() == 1).then_some(0);
    let target = refused.target.or_else(lone);
    let found = |o: &OptionPath| keys_of(KeyTable::Target).find(|k| k.name == o.option.key());
    if let Some(option) = card.option.as_deref() {
        // An option of the recipe is wrong there, whichever target it was found at.
        let own_place = target.and_then(|i| recipe.targets.get(i)).is_some_and(|t| t.output.is_some());
        let key = match option.option.key() {
            "output" if !own_place && recipe.output_dir.is_some() => Some("output_dir"),
            key => keys_of(KeyTable::Top).map(|k| k.name).find(|name| *name == key && found(option).is_none()),
        };
        if let Some(key) = key {
            let fact = card.beside_option().to_owned();
            return RecipeProblem { target: None, step: None, key: key.to_owned(), fact, help: card.hint.clone() };
        }
    }
    let option = card.option.as_deref().and_then(|o| Some((target?, o, found(o)?)));
    let (key, fact) = match option {
        Some((target, option, key)) => match steps::set_by(recipe, target, key) {
            Some(step) => return at_step(step, card.beside_option().to_owned()),
            None => (option.to_string(), card.beside_option()),
        },
        None => (String::new(), card.message.as_str()),
    };
    // The field says it: the planner names the option behind the file.
    let fact = if key.is_empty() { fact.to_owned() } else { fact.replacen(&format!(" {key}: "), ": ", 1) };
    RecipeProblem { target, step: None, key, fact, help: card.hint.clone() }
}

impl RecipeProblem {
    /// The label of the field it is about; empty if it is about none.
    pub(crate) fn label(&self) -> &str {
        match self.key.split('.').next().unwrap_or_default() {
            "target_size" | "target_bpw" | "max_kld" => Field::Budget.label(),
            key => key,
        }
    }
}

impl RecipeState {
    /// A problem in words, with its target if the recipe has several.
    pub(crate) fn in_words(&self, problem: &RecipeProblem) -> String {
        if let Some(i) = problem.step {
            let name = self.document.recipe.pipeline.get(i).map_or("", |s| s.step.as_str());
            let key = if problem.key.is_empty() { String::new() } else { format!(", {}", problem.key) };
            return format!("step {} ({name}){key}: {}", i + 1, problem.fact);
        }
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
        let here = place(self.current_table()?);
        let is_here = |t: &&RecipeProblem| (t.target, t.step) == here && !t.key.is_empty();
        self.problems.iter().filter(is_here).find(|t| field.is_about(&t.key))
    }

    /// The problem of a target or a step, for any field.
    pub fn problem_of(&self, row: super::Row) -> Option<&RecipeProblem> {
        use super::Row;
        let within = |t: &&RecipeProblem| match row {
            Row::Target(i) => t.target == Some(i),
            Row::Step(i) => t.step == Some(i),
            Row::Source => t.target.is_none() && t.step.is_none() && matches!(t.key.as_str(), "path" | "format"),
            Row::Add => t.key == "target",
            Row::AddStep => false,
            Row::Validate => {
                let name = t.key.split('.').next().unwrap_or_default();
                t.target.is_none() && t.step.is_none() && keys_of(KeyTable::Validate).any(|k| k.name == name)
            }
            // What is not about the source, a target or a step is about the keys of the recipe.
            Row::About => t.target.is_none() && t.step.is_none() && keys_of(KeyTable::Top).any(|k| k.name == t.key),
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
            pipeline: vec![Step { step: "distil".into(), ..Step::default() }],
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
    fn what_a_step_sets_is_wrong_at_the_step_and_once() {
        let target = || Target::of(FormatId::Gguf);
        let step = |name: &str, key: &str, value: serde_json::Value| Step {
            step: name.into(),
            options: [(key.to_owned(), value)].into_iter().collect(),
        };
        let pipeline = vec![
            step("prune_layers", "layers", vec![99].into()),
            step("quantize", "quantization", "q4_k_m".into()),
            step("split", "max_size", "1GB".into()),
        ];
        let targets = vec![target(), target(), target().quantized("q8_0")];
        let document = Document { recipe: Recipe { targets, pipeline, ..Recipe::default() }, invalid: Vec::new() };
        assert_eq!(of(&document), []);
        let at = |target: usize, e: ModelError| {
            let t = planned(&document, &TargetRejection { target: Some(target), card: (&e).into() });
            (t.target, t.step, t.key, t.fact)
        };
        let e = |option: &'static str| ModelError::request("no").in_option(OptionName::of_key(option));
        let said = |step: usize, key: &str| (None, Some(step), key.to_owned(), "no".to_owned());
        assert_eq!(at(0, e("quantization")), said(1, "quantization"));
        assert_eq!(at(2, e("quantization")), (Some(2), None, "quantization".into(), "no".into()));
        assert_eq!(at(0, e("max_shard_size")), said(2, "max_size"), "its name in the step");
        let layer = || ModelError::request("no").in_step(0, "prune_layers").about_option(OptionName::of_key("layers"));
        assert_eq!([at(0, layer()), at(1, layer())], [said(0, "layers"), said(0, "layers")]);
        let mut r = RecipeState { document: document.clone(), ..RecipeState::default() };
        let refused = (0..3).map(|i| TargetRejection { target: Some(i), card: (&layer()).into() }).collect();
        r.asked = vec![0, 1, 2];
        r.planned(crate::tui::tabs::recipe::PlanResponse { refused, ..Default::default() });
        assert_eq!(r.problems().len(), 1);
        assert_eq!(r.in_words(&r.problems()[0]), "step 1 (prune_layers), layers: no");
    }

    #[test]
    fn a_wrong_value_of_a_step_is_not_missing_too() {
        let mut document = Document::default();
        document.insert(0, Target::of(FormatId::Gguf));
        document.insert_step(0, "prune_layers");
        let said = |d: &Document| of(d).into_iter().map(|t| (t.step, t.key, t.fact)).collect::<Vec<_>>();
        let missing = "the step `prune_layers` needs `layers`";
        assert_eq!(said(&document), [(Some(0), "layers".to_owned(), missing.to_owned())]);
        let key = find(KeyTable::Step("prune_layers"), "layers").unwrap();
        document.set(RecipeTable::Step(0), key, "first");
        let all = said(&document);
        assert!(all.len() == 1 && all[0].2.contains("layer numbers"), "{all:?}");
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
        typed.set(RecipeTable::Target(0), find(KeyTable::Target, "pure").unwrap(), "perhaps");
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
        let data = request("no such file").in_file("nope.npz".as_ref()).in_option(&gguf::IMATRIX);
        assert!(!at(data).1.contains("imatrix"), "the field says it");
        let again = request("it is Q8_0 already").field("output.weight").about_option(OptionName::ALLOW_REQUANTIZE);
        assert_eq!(at(again), pair("allow_requantize", "output.weight: it is Q8_0 already"));
        // A tensor is not an option, whatever its name.
        assert_eq!(at(request("rows of 3").field("output")), pair("", "output: rows of 3"));
    }

    #[test]
    fn what_is_wrong_with_the_whole_recipe_stands_there() {
        let recipe =
            Recipe { targets: vec![Target::of(FormatId::Gguf)], output_dir: Some("/proc".into()), ..Recipe::default() };
        let document = Document { recipe, invalid: Vec::new() };
        let at = |e: ModelError| {
            let t = planned(&document, &TargetRejection { target: Some(0), card: (&e).into() });
            (t.target, t.key, t.fact)
        };
        let memory = ModelError::request("no size").in_option(OptionName::MAX_MEMORY);
        assert_eq!(at(memory), (None, "max_memory".to_owned(), "no size".to_owned()));
        let place = ModelError::request("holds no files").in_file("/proc".as_ref()).about_option(OptionName::OUTPUT);
        assert_eq!(at(place), (None, "output_dir".to_owned(), "/proc: holds no files".to_owned()));
    }
}
