//! The list of the Recipe tab: the source, the recipe's own keys, steps and targets, each with a place to add one.

use super::RecipeState;
use crate::plan::has_forecast;
use crate::recipe::options::{Budget, like_file};
use crate::recipe::{Step, Target};

/// A line of the list that can be selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Row {
    /// The model.
    #[default]
    Source,
    /// Name, description and folder of the outputs.
    About,
    /// A step, from 0.
    Step(usize),
    /// One step more.
    AddStep,
    /// A target, from 0.
    Target(usize),
    /// One target more.
    Add,
    /// What is measured of the outputs once they are written.
    Validate,
}

impl RecipeState {
    /// Every line, in order.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let recipe = &self.document.recipe;
        let steps = (0..recipe.pipeline.len()).map(Row::Step);
        let targets = (0..recipe.targets.len()).map(Row::Target);
        [Row::Source, Row::About]
            .into_iter()
            .chain(steps)
            .chain([Row::AddStep])
            .chain(targets)
            .chain([Row::Add, Row::Validate])
            .collect()
    }

    /// The line the cursor is on.
    pub fn row(&self) -> Row {
        let rows = self.rows();
        rows.get(self.cursor.min(rows.len() - 1)).copied().unwrap_or_default()
    }

    /// Puts the cursor on a line, if it is there.
    pub(crate) fn select(&mut self, row: Row) {
        if let Some(at) = self.rows().iter().position(|r| *r == row) {
            (self.cursor, self.field) = (at, 0);
            self.filter.clear();
        }
    }
}

/// What decides the types of a target: `Q4_K_M`, `within 760MB`, `at 4.25 bpw`, `as stored`.
pub(crate) fn types(target: &Target) -> String {
    match (Budget::of(target), target.quantization.as_deref()) {
        (Some(Budget::Size(size)), _) => format!("within {size}"),
        (Some(Budget::BitsPerWeight(bits)), _) => format!("at {bits} bpw"),
        (Some(Budget::Divergence(nats)), _) => format!("KLD up to {nats}"),
        (None, None | Some("auto")) => match like_file(target) {
            Some(like) => format!("like {}", like.file_stem().unwrap_or_default().to_string_lossy()),
            None => "as stored".to_owned(),
        },
        (None, Some(q)) => q.to_ascii_uppercase(),
    }
}

/// A target in a few words: `gguf Q4_K_M`.
pub(crate) fn title(target: &Target) -> String {
    match types(target).as_str() {
        "as stored" if !has_forecast(target.format) => target.format.to_string(),
        types => format!("{} {types}", target.format),
    }
}

/// The options of a step, in a few words: `layers [1, 2]`.
pub(crate) fn step_facts(step: &Step) -> String {
    let value = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    step.options.iter().map(|(k, v)| format!("{k} {}", value(v))).collect::<Vec<_>>().join(", ")
}

/// What else is special about a target, in the order of the options.
pub(crate) fn facts(target: &Target) -> Vec<String> {
    let mut facts = target.options.facts();
    if target.force {
        facts.push("replaces".to_owned());
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::options::gguf;

    #[test]
    fn targets_are_told_in_a_few_words() {
        let gguf = |f: &dyn Fn(&mut Target)| {
            let mut t = Target::of(FormatId::Gguf);
            f(&mut t);
            title(&t)
        };
        assert_eq!(gguf(&|t| t.quantization = Some("q4_k_m".into())), "gguf Q4_K_M");
        assert_eq!(gguf(&|t| t.set(&gguf::TARGET_SIZE, Some("760MB".into()))), "gguf within 760MB");
        assert_eq!(gguf(&|t| t.set(&gguf::TARGET_BPW, Some(4.25))), "gguf at 4.25 bpw");
        assert_eq!(gguf(&|_| ()), "gguf as stored");
        assert_eq!(gguf(&|t| t.set(&gguf::LIKE, Some("a/b-Q4_K_M.gguf".into()))), "gguf like b-Q4_K_M");
        assert_eq!(title(&Target::of(FormatId::Pytorch)), "pytorch");
    }
}
