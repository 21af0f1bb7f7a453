//! Selectors of nodes, from the words of a recipe.

use crate::graph::{Graph, Node};
use crate::model::{Model, ModelError, Result};
use crate::recipe::options::TargetOption;
use crate::recipe::{Selector, Target};
use crate::transform::graph::Rule;

/// The rules of an option: names of nodes and of the tensors that they use, operators, and roles of tensors.
///
/// # Errors
/// A selector that is wrong, or that selects no node.
pub(super) fn select(model: &Model, target: &Target, option: &TargetOption<Vec<String>>) -> Result<Vec<Rule>> {
    let Some(g) = &model.graph else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for text in target.options.get(option) {
        let rules = rules(g, &text).map_err(|why| ModelError::request(why).in_option(option))?;
        let nodes = || g.nodes.iter().map(|(_, n)| n);
        if !nodes().any(|n| rules.iter().any(|r| r.matches(g, &model.tensors, n))) {
            let what = format!("`{text}` selects no node of the graph");
            let hint = "A selector is an operator (MatMul), a part of the name of a node or of its weight, a name with `*`, a role (attention, ffn, …), or `re:` and a regular expression.";
            return Err(ModelError::request(what).in_option(option).with_hint(hint));
        }
        all.extend(rules);
    }
    Ok(all)
}

fn rules(g: &Graph, text: &str) -> std::result::Result<Vec<Rule>, String> {
    if g.nodes.iter().any(|(_, n)| n.op.eq_ignore_ascii_case(text)) {
        return Ok(vec![Rule::Operator(text.to_owned())]);
    }
    let named = |pattern: String| vec![Rule::Node(pattern.clone()), Rule::Tensor(pattern)];
    Ok(match Selector::parse(text)? {
        Selector::Role(role) => {
            let word = format!("*{}*", role.name());
            // Exporters that name nodes after modules say what they are for, where tensors have no names of their own.
            vec![Rule::Role(role), Rule::Node(word)]
        }
        Selector::Word(word) => named(format!("*{word}*")),
        Selector::Glob(pattern) => named(pattern),
        Selector::Regex(regex) => {
            let is = |name: &str| regex.is_match(name);
            let nodes = || g.nodes.iter().map(|(_, n)| n);
            let tensors = |n: &Node| n.inputs.iter().flatten().map(|v| g.values[*v].name.clone()).collect::<Vec<_>>();
            let own = nodes().filter(|n| is(&n.name)).map(|n| Rule::Node(n.name.to_string()));
            let used = nodes().flat_map(tensors).filter(|name| is(name)).map(|name| Rule::Tensor(name.to_string()));
            own.chain(used).collect()
        }
    })
}
