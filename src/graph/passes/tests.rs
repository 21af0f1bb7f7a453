//! A graph before and after each pass, and its outputs.

use super::*;
use crate::graph::eval::{self, NoConstants, Setting, Tensor, Value};
use crate::graph::{AttrValue, Attribute, Constant, Dim, Elem, Node, Port, ValueType};

/// A graph whose input `x` is f32 [2, 3, 4].
struct Sample(Graph, ValueId);

impl Sample {
    fn new() -> Self {
        let mut g = Graph::default();
        let shape = [2, 3, 4].map(Dim::Known);
        let x = g.add_input(g.main, "x", ValueType::tensor(Elem::F32, shape));
        Self(g, x)
    }

    fn ints(&mut self, values: &[i64]) -> ValueId {
        let name = format!("c{}", self.0.values.len());
        self.0.add_constant(self.0.main, name, Constant::ints(values))
    }

    fn node(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, AttrValue)]) -> ValueId {
        let mut node = Node::new(op, 21, inputs);
        node.attributes = attributes.iter().map(|(n, v)| Attribute::new(n, v.clone())).collect();
        let name = format!("v{}", self.0.values.len());
        self.0.add_node(self.0.main, node, &[&name]).1[0]
    }

    fn output(&mut self, value: ValueId) {
        self.0.regions[self.0.main].outputs.push(Port::of(value));
    }

    fn outputs(&self) -> Vec<Value> {
        let x = Tensor::floats([2, 3, 4], (0..24).map(|i| (i as f32 * 0.37).sin()).collect());
        let inputs = vec![("x".into(), x.into())];
        let out = eval::run(&self.0, &Setting::new(&NoConstants), inputs, &mut |_, _| {}).unwrap();
        out.into_iter().map(|(_, v)| v).collect()
    }

    /// Runs one pass; outputs stay, and a second time changes nothing. Returns what changed and the operators that are left.
    fn after(&mut self, name: &str) -> (Changes, Vec<String>) {
        let pass = PASSES.iter().find(|p| p.name == name).unwrap();
        let before = self.outputs();
        let changes = (pass.run)(&mut self.0);
        self.0.check().unwrap();
        assert_eq!(self.outputs(), before);
        assert!((pass.run)(&mut self.0).is_none(), "{name} again");
        (changes, self.ops())
    }

    fn ops(&self) -> Vec<String> {
        self.0.regions[self.0.main].nodes.iter().map(|n| self.0.nodes[*n].op.to_string()).collect()
    }
}

#[test]
fn identities_are_removed_but_for_outputs() {
    let mut s = Sample::new();
    let x = s.1;
    let a = s.node("Identity", &[x], &[]);
    let b = s.node("Dropout", &[a], &[]);
    let c = s.node("Cast", &[b], &[("to", AttrValue::Int(1))]);
    let d = s.node("Relu", &[c], &[]);
    let e = s.node("Cast", &[d], &[("to", AttrValue::Int(11))]);
    let out = s.node("Identity", &[e], &[]);
    s.output(out);
    let (changes, ops) = s.after("identity");
    assert_eq!((changes.removed, ops), (3, ["Relu", "Cast", "Identity"].map(str::to_owned).to_vec()));
}

#[test]
fn transpositions_are_joined() {
    let perm = |p: &[i64]| [("perm", AttrValue::Ints(p.to_vec()))];
    let mut s = Sample::new();
    let x = s.1;
    let a = s.node("Transpose", &[x], &perm(&[1, 2, 0]));
    let b = s.node("Transpose", &[a], &perm(&[2, 0, 1]));
    let c = s.node("Neg", &[b], &[]);
    let d = s.node("Transpose", &[a], &perm(&[0, 2, 1]));
    s.output(c);
    s.output(d);
    let (changes, _) = s.after("transpose");
    assert_eq!(changes, Changes { removed: 0, replaced: 2 });
    // The first is not used any more, and the second gives its input.
    let all: Vec<&Pass> = PASSES.iter().collect();
    let before = s.outputs();
    let changes = run(&mut s.0, &all);
    assert_eq!(s.ops(), ["Neg", "Transpose"]);
    assert_eq!(s.outputs(), before);
    assert_eq!(changes.iter().map(|(_, c)| c.removed).sum::<usize>(), 2);
    assert!(run(&mut s.0, &all).iter().all(|(_, c)| c.is_none()));
}

#[test]
fn shapes_that_are_known_become_constants() {
    let mut s = Sample::new();
    let x = s.1;
    let shape = s.node("Shape", &[x], &[]);
    let (at, last) = (s.ints(&[0]), s.ints(&[-1]));
    let first = s.node("Gather", &[shape, at], &[]);
    let wanted = s.node("Concat", &[first, last], &[("axis", AttrValue::Int(0))]);
    let y = s.node("Reshape", &[x, wanted], &[]);
    s.output(y);
    let (changes, _) = s.after("fold");
    assert_eq!(changes.replaced, 3);
    let (changes, ops) = s.after("dead");
    assert_eq!(ops, ["Reshape"]);
    // Three nodes, and the constants that only they used.
    assert!(changes.removed >= 5, "{changes:?}");
    assert!(
        s.0.values
            .iter()
            .any(|(_, v)| v.constant.as_ref().is_some_and(|c| c.ints.as_deref() == Some([2, -1].as_slice())))
    );
}

#[test]
fn what_a_branch_captures_stays() {
    let mut s = Sample::new();
    let x = s.1;
    let choice = s.0.add_constant(s.0.main, "choice", {
        let mut c = Constant { elem: Elem::Bool, dims: Vec::new(), ..Constant::ints(&[1]) };
        c.data = crate::graph::ConstantData::Inline([1u8].as_slice().into());
        c
    });
    let used = s.node("Relu", &[x], &[]);
    s.node("Neg", &[x], &[]);
    let mut regions = Vec::new();
    for name in ["then_branch", "else_branch"] {
        let region = s.0.add_region(name);
        let (_, out) = s.0.add_node(region, Node::new("Abs", 21, &[used]), &[name]);
        s.0.regions[region].outputs.push(Port::of(out[0]));
        regions.push((name, AttrValue::Region(region)));
    }
    let y = s.node("If", &[choice], &regions);
    s.output(y);
    let (changes, ops) = s.after("dead");
    assert_eq!((changes.removed, ops), (1, ["Relu", "If"].map(str::to_owned).to_vec()));
}
