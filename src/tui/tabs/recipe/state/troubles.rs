//! What is wrong with the recipe, and at which field of which target that is to be said.

use super::document::Wrong;
use super::{Document, Field, RecipeState, Refused, hints};
use crate::recipe::keys::{Key, Kind, Room, keys_of};
use crate::recipe::{Problem, check};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The target, from 0; nothing for the rest of the recipe.
    pub target: Option<usize>,
    /// The step, from 0, where it is about one.
    pub step: Option<usize>,
    /// The key, perhaps with keys of its own behind dots; empty if it is about no key alone.
    pub key: String,
    /// The fact.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// What is wrong without looking at the source: texts that are no values, and what the check of recipes finds.
pub(super) fn of(document: &Document) -> Vec<Trouble> {
    let typed = document.wrong.iter().map(typed);
    typed.chain(check(&document.recipe).into_iter().filter(Problem::is_error).map(checked)).collect()
}

fn typed(w: &Wrong) -> Trouble {
    Trouble { target: w.target, step: None, key: w.label.to_owned(), message: w.message.clone(), help: w.help.clone() }
}

fn checked(p: Problem) -> Trouble {
    let (head, key) = p.path.split_once("].").unwrap_or((p.path.trim_end_matches(']'), ""));
    let number = |list: &str| head.strip_prefix(list).and_then(|n| n.parse().ok());
    let (target, step) = (number("target["), number("pipeline["));
    let key = if target.is_some() || step.is_some() {
        key.to_owned()
    } else {
        p.path.trim_start_matches("source.").to_owned()
    };
    // What to write into a file is no help on the screen.
    let help = if key == "target" { Some("Press a and choose from a list.".to_owned()) } else { p.help };
    Trouble { target, step, key, message: p.message, help }
}

/// What the planner refuses, at the field that its message names.
pub(super) fn planned(document: &Document, refused: &Refused) -> Trouble {
    let card = &refused.card;
    let lone = || (document.recipe.targets.len() == 1).then_some(0);
    let target = refused.target.or_else(lone);
    let key = target.map(|_| key_of(&card.message)).unwrap_or_default();
    Trouble { target, step: None, key, message: card.message.clone(), help: card.hint.as_deref().map(hints::on_screen) }
}

/// The key that a message of the planner is about; empty if about none. Messages begin with a key and a colon, with a path and a
/// colon, or with a tensor, whose name may begin like a key.
fn key_of(message: &str) -> String {
    let (head, fact) = message.split_once(": ").unwrap_or(("", message));
    let named = |k: &&Key| {
        let rest = head.strip_prefix(k.name).unwrap_or("?");
        rest.is_empty() || rest.starts_with('.') && matches!(k.kind, Kind::Rules | Kind::Table)
    };
    if keys_of(Room::Target).any(|k| named(&k)) {
        return head.to_owned();
    }
    let place = fact.starts_with("the output") || fact.contains("write to the same output");
    if place {
        "output".to_owned()
    } else if fact.contains("requantizing") {
        "allow_requantize".to_owned()
    } else {
        String::new()
    }
}

impl Trouble {
    /// The label of the field it is about; empty if it is about none.
    pub fn label(&self) -> &str {
        match self.key.split('.').next().unwrap_or_default() {
            "target_size" | "target_bpw" => Field::Budget.label(),
            key => key,
        }
    }

    /// The fact without the name of its key, for where that stands already.
    pub fn fact(&self) -> &str {
        let named = self.message.strip_prefix(self.key.as_str()).and_then(|m| m.strip_prefix(": "));
        let quoted = || self.message.strip_prefix(&format!("`{}` ", self.key));
        named.or_else(quoted).unwrap_or(&self.message)
    }
}

impl RecipeState {
    /// Something that is wrong, with its place where the recipe has several.
    pub fn said(&self, trouble: &Trouble) -> String {
        let several = self.document.recipe.targets.len() > 1;
        let place = match (trouble.target, trouble.label()) {
            (Some(_), key) if !several && !key.is_empty() => format!("{key}: "),
            (Some(_), "") if !several => String::new(),
            (Some(i), "") => format!("target {}: ", i + 1),
            (Some(i), key) => format!("target {}, {key}: ", i + 1),
            (None, "" | "target") => String::new(),
            (None, key) => format!("{key}: "),
        };
        format!("{place}{}", trouble.fact())
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
    use crate::model::FormatId;
    use crate::recipe::options::gguf;
    use crate::recipe::{Recipe, Step, Target};
    use crate::tui::core::ErrorCard;

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
        let trouble = |key: &str, message: &str| Trouble {
            target: Some(0),
            step: None,
            key: key.into(),
            message: message.into(),
            help: None,
        };
        assert_eq!(trouble("effort", "effort: no such word").fact(), "no such word");
        assert_eq!(trouble("pure", "`pure` takes `true` or `false`").fact(), "takes `true` or `false`");
        assert_eq!(trouble("pure", "`pureness` is unknown").fact(), "`pureness` is unknown");
    }

    #[test]
    fn what_the_planner_refuses_stands_at_the_field_it_names() {
        let targets = vec![Target::of(FormatId::Gguf)];
        let document = Document { recipe: Recipe { targets, ..Recipe::default() }, wrong: Vec::new() };
        let at = |message: &str| {
            let card = ErrorCard { message: message.into(), hint: None, wrong: true };
            let t = planned(&document, &Refused { target: None, card });
            (t.target, t.key)
        };
        assert_eq!(at("target_size: 1000 bytes are too few"), (Some(0), "target_size".into()));
        assert_eq!(at("tensor_types.\"re:x\": no such type"), (Some(0), "tensor_types.\"re:x\"".into()));
        assert_eq!(at("/out/x.gguf: the output is the input"), (Some(0), "output".into()));
        let again = "output.weight: it is Q8_0 already; requantizing it to Q4_K is not allowed";
        assert_eq!(at(again), (Some(0), "allow_requantize".into()));
        assert_eq!(at("output.weight: rows of 3 elements do not fit Q4_K"), (Some(0), String::new()));
        assert_eq!(at("model.safetensors: is cut off"), (Some(0), String::new()));
    }
}
