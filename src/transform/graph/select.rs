//! Which nodes a change of precision is about.

use crate::graph::{Graph, Node};
use crate::model::{Role, TensorEntry};

/// What a rule looks at. Patterns may have `*` for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The name of a node.
    Node(String),
    /// The operator: `MatMul`.
    Operator(String),
    /// The name of a constant that the node uses.
    Tensor(String),
    /// The role of a constant that the node uses.
    Role(Role),
}

/// Nodes by rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Select {
    /// Only nodes that one of these is true for; all if there are none.
    pub only: Vec<Rule>,
    /// Except nodes that one of these is true for.
    pub except: Vec<Rule>,
}

impl Select {
    /// Why a node is not selected: one clause. `None` if it is.
    pub(crate) fn refusal(&self, g: &Graph, tensors: &[TensorEntry], node: &Node) -> Option<String> {
        if let Some(rule) = self.except.iter().find(|r| r.matches(g, tensors, node)) {
            return Some(format!("it is excluded by {}", rule.shown()));
        }
        let selected = self.only.is_empty() || self.only.iter().any(|r| r.matches(g, tensors, node));
        (!selected).then(|| "it is not among the selected nodes".to_owned())
    }
}

impl Rule {
    /// True if the rule is about the node.
    pub(crate) fn matches(&self, g: &Graph, tensors: &[TensorEntry], node: &Node) -> bool {
        let constants =
            || node.inputs.iter().flatten().filter_map(|v| Some((&g.values[*v], g.values[*v].constant.as_ref()?)));
        match self {
            Self::Node(pattern) => glob(pattern.as_bytes(), node.name.as_bytes()),
            Self::Operator(op) => node.op.eq_ignore_ascii_case(op),
            Self::Tensor(pattern) => constants().any(|(v, _)| glob(pattern.as_bytes(), v.name.as_bytes())),
            Self::Role(role) => constants()
                .any(|(_, c)| c.tensor().and_then(|t| tensors.get(t.0 as usize)).is_some_and(|t| t.role() == *role)),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Node(pattern) => format!("the node {pattern:?}"),
            Self::Operator(op) => format!("the operator {op}"),
            Self::Tensor(pattern) => format!("the tensor {pattern:?}"),
            Self::Role(role) => format!("the role {}", role.name()),
        }
    }
}

/// True if `*` in the pattern, which stands for any text, can be filled so that it is the name.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p, n));
            p += 1;
        } else if p < pattern.len() && pattern[p] == name[n] {
            p += 1;
            n += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            (p, n) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_look_at_the_role_of_constants() {
        let mut g = Graph::default();
        let mut constant = crate::graph::Constant::ints(&[1]);
        constant.data = crate::graph::ConstantData::Tensor(crate::graph::TensorRef(0));
        let c = g.add_constant(g.main, "c", constant);
        let rows = crate::model::MemoryRows { bytes: vec![0; 8], row_bytes: 8 };
        let mut tensor = TensorEntry::new("c", [1u64], crate::tensor::DType::I64, std::sync::Arc::new(rows));
        tensor.class.role = Role::Ffn;
        let (node, _) = g.add_node(g.main, Node::new("Identity", 13, &[c]), &["y"]);
        for (role, wanted) in [(Role::Ffn, true), (Role::Norm, false)] {
            assert_eq!(Rule::Role(role).matches(&g, std::slice::from_ref(&tensor), &g.nodes[node]), wanted);
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("*/output/dense/*", "/layer.0/output/dense/MatMul", true),
            ("*a*a", "aba", true),
            ("ab", "abc", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
    }
}
