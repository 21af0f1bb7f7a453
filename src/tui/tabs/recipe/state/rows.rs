//! The list of the Recipe tab: the source, the recipe's own keys, steps where a file has some, targets, and a place to add one.

use super::RecipeState;
use super::budget::Budget;
use crate::recipe::Target;

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
    /// A target, from 0.
    Target(usize),
    /// One target more.
    Add,
}

impl RecipeState {
    /// Every line, in order.
    pub fn rows(&self) -> Vec<Row> {
        let recipe = &self.document.recipe;
        let steps = (0..recipe.pipeline.len()).map(Row::Step);
        let targets = (0..recipe.targets.len()).map(Row::Target);
        [Row::Source, Row::About].into_iter().chain(steps).chain(targets).chain([Row::Add]).collect()
    }

    /// The line the cursor is on.
    pub fn row(&self) -> Row {
        let rows = self.rows();
        rows.get(self.cursor.min(rows.len() - 1)).copied().unwrap_or_default()
    }

    /// Puts the cursor on a line, if it is there.
    pub fn select(&mut self, row: Row) {
        if let Some(at) = self.rows().iter().position(|r| *r == row) {
            (self.cursor, self.field) = (at, 0);
        }
    }
}

/// What decides the types of a target: `Q4_K_M`, `within 760MB`, `at 4.25 bpw`, `as stored`.
pub fn types(target: &Target) -> String {
    match (Budget::of(target), target.quantization.as_deref()) {
        (Some(Budget::Size(size)), _) => format!("within {size}"),
        (Some(Budget::BitsPerWeight(bits)), _) => format!("at {bits} bpw"),
        (None, None | Some("auto")) => "as stored".to_owned(),
        (None, Some(q)) => q.to_ascii_uppercase(),
    }
}

/// A target in a few words: `gguf Q4_K_M`.
pub fn title(target: &Target) -> String {
    match types(target).as_str() {
        "as stored" if target.format != "gguf" => target.format.clone(),
        types => format!("{} {types}", target.format),
    }
}

/// What else is special about a target, the most telling first.
pub fn facts(target: &Target) -> Vec<String> {
    let mut out = Vec::new();
    let mut tell = |is: bool, what: String| {
        if is {
            out.push(what);
        }
    };
    tell(target.imatrix.is_some(), "imatrix".to_owned());
    tell(target.effort.as_deref() == Some("max"), "effort max".to_owned());
    tell(target.context_length.is_some(), format!("ctx {}", target.context_length.unwrap_or(0)));
    tell(target.embedding_type.is_some(), format!("emb {}", target.embedding_type.as_deref().unwrap_or("")));
    tell(target.output_type.is_some(), format!("out {}", target.output_type.as_deref().unwrap_or("")));
    let rules = target.tensor_types.len();
    tell(rules > 0, format!("{rules} {}", if rules == 1 { "rule" } else { "rules" }));
    tell(target.pure, "pure".to_owned());
    let left_out = target.prune_layers.len();
    tell(left_out > 0, format!("{left_out} {} out", if left_out == 1 { "layer" } else { "layers" }));
    tell(target.max_shard_size.is_some(), format!("≤ {} a file", target.max_shard_size.as_deref().unwrap_or("")));
    let split = target.split_max_tensors.is_some() || target.split_max_layers.is_some() || target.keep_split;
    tell(split, "split".to_owned());
    tell(target.modelfile, "Modelfile".to_owned());
    tell(target.force, "replaces".to_owned());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_in_a_few_words() {
        let gguf = |f: &dyn Fn(&mut Target)| {
            let mut t = Target { format: "gguf".into(), ..Target::default() };
            f(&mut t);
            title(&t)
        };
        assert_eq!(gguf(&|t| t.quantization = Some("q4_k_m".into())), "gguf Q4_K_M");
        assert_eq!(gguf(&|t| t.target_size = Some("760MB".into())), "gguf within 760MB");
        assert_eq!(gguf(&|t| t.target_bpw = Some(4.25)), "gguf at 4.25 bpw");
        assert_eq!(gguf(&|_| ()), "gguf as stored");
        assert_eq!(title(&Target { format: "pytorch".into(), ..Target::default() }), "pytorch");
    }
}
