//! `prune`: sets the weights of least magnitude to zero.

use super::{Effect, StepOption, StepProblem, StepSpec};
use crate::recipe::key::{Key, KeyTable, Kind, NOW, key};
use crate::recipe::types::Step;

const NAME: &str = "prune";

const fn prune(name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Step(NAME), name, kind, NOW, help, example)
}

/// How weights are ranked.
static METHOD: StepOption<Option<String>> = StepOption::new(prune(
    "method",
    Kind::Choice(&["magnitude", "structured", "wanda", "sparsegpt"]),
    "How weights are ranked; this version has `magnitude`.",
    "\"magnitude\"",
));

/// The share of weights that are set to zero.
pub(crate) static SPARSITY: StepOption<Option<f64>> = StepOption::new(
    prune("sparsity", Kind::Number(0.0, 1.0), "Share of the weights to set to zero: above 0, below 1.", "0.3")
        .or(&["target_sparsity"]),
);

/// Which tensors are pruned.
pub(crate) static LAYERS: StepOption<Vec<String>> = StepOption::new(prune(
    "layers",
    Kind::Selectors,
    "Matrices to prune, as in `tensor_types`; those of attention and of the feed-forward part if absent.",
    "[\"attention\", \"ffn\"]",
));

/// What is ranked together.
pub(crate) static SCOPE: StepOption<Option<String>> = StepOption::new(
    prune(
        "scope",
        Kind::Choice(&["local", "global", "row"]),
        "One ranking for each tensor (`local`, the default), over all of them, or for each row.",
        "\"global\"",
    )
    .or(&["pruning_scope"]),
);

/// N of M.
pub(crate) static PATTERN: StepOption<Option<String>> = StepOption::new(
    prune(
        "pattern",
        Kind::Text,
        "`2:4` keeps the 2 largest of each 4 neighbours in a row, `4:8` the 4 largest of 8; instead of `sparsity`. `1x1` is not a pattern.",
        "\"1x1\"",
    )
    .or(&["mask_structure"]),
);

/// The step.
pub(crate) static STEP: StepSpec = StepSpec {
    name: NAME,
    aliases: &["pruning"],
    purpose: "Sets the weights of least magnitude to zero.",
    state: NOW,
    keys: &[&METHOD.key, &SPARSITY.key, &LAYERS.key, &SCOPE.key, &PATTERN.key],
    required: &[],
    effect: Effect::Tensors,
    check,
};

/// The largest group of a pattern.
const MAX_GROUP: u32 = 256;

/// What a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// No structure: `1x1`, `unstructured`.
    Free,
    /// The largest `.0` of each `.1` neighbours stay.
    Neighbours(u32, u32),
}

/// Reads a pattern; `None` for what is none.
pub(crate) fn pattern(text: &str) -> Option<Pattern> {
    if matches!(text, "1x1" | "unstructured") {
        return Some(Pattern::Free);
    }
    let (keep, of) = text.split_once(':')?;
    let (keep, of) = (keep.trim().parse().ok()?, of.trim().parse().ok()?);
    ((1..of).contains(&keep) && of <= MAX_GROUP).then_some(Pattern::Neighbours(keep, of))
}

fn check(step: &Step) -> Vec<StepProblem> {
    let mut out = Vec::new();
    let mut problem = |key: &'static Key, message: String, help: &str| {
        out.push(StepProblem { key: key.name, message, help: help.to_owned() });
    };
    if let Some(method) = step.get(&METHOD).filter(|m| m != "magnitude") {
        let message = format!("pruning by {method} is not available in this version");
        problem(&METHOD.key, message, "Use `method = \"magnitude\"`, or the step `prune_layers`.");
    }
    let sparsity = step.get(&SPARSITY);
    if let Some(s) = sparsity.filter(|s| *s <= 0.0 || *s >= 1.0) {
        let message = format!("`sparsity` must be above 0 and below 1, not {s}");
        problem(&SPARSITY.key, message, "0.3 sets three tenths of the weights to zero.");
    }
    let text = step.get(&PATTERN);
    let found = text.as_deref().map(|t| (t, pattern(t)));
    match found {
        Some((t, None)) => {
            let message = format!("{t:?} is not a pattern of this version");
            let help = format!("Write N:M with 0 < N < M ≤ {MAX_GROUP}, as `2:4`.");
            problem(&PATTERN.key, message, &help);
        }
        Some((t, Some(Pattern::Neighbours(keep, of)))) => {
            let share = f64::from(of - keep) / f64::from(of);
            if sparsity.is_some_and(|s| (s - share).abs() > 1e-6) {
                let message = format!("{t} sets {share} of the weights to zero, and `sparsity` says otherwise");
                problem(&PATTERN.key, message, "Give one of them.");
            }
            if step.get(&SCOPE).is_some_and(|s| s != "local") {
                let message = format!("{t} ranks each group separately, so `scope` has no effect");
                problem(&SCOPE.key, message, "Remove it.");
            }
        }
        _ if sparsity.is_none() => {
            problem(
                &SPARSITY.key,
                "the step `prune` needs `sparsity`, or a `pattern`".to_owned(),
                "Say how much to prune: `sparsity = 0.3`, or `pattern = \"2:4\"`.",
            );
        }
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_n_of_m() {
        assert_eq!(pattern("2:4"), Some(Pattern::Neighbours(2, 4)));
        assert_eq!(pattern("1x1"), Some(Pattern::Free));
        for text in ["4:2", "2:2", "0:4", "2:", "4x1", "x", "-1:4", "2:1000"] {
            assert_eq!(pattern(text), None, "{text}");
        }
    }
}
