//! Graphs made here: shapes that are computed from shapes, and what is refused.

use super::*;
use crate::graph::{Attribute, Elem, Port};

struct Sample(Graph);

impl Sample {
    fn new() -> Self {
        Self(Graph::default())
    }

    fn input(&mut self, name: &str, elem: Elem, shape: &[&str]) -> ValueId {
        let g = &mut self.0;
        g.add_input(g.main, name, ValueType::tensor(elem, shape.iter().map(|d| Dim::parse(d))))
    }

    fn ints(&mut self, values: &[i64]) -> ValueId {
        let g = &mut self.0;
        let name = format!("c{}", g.values.len());
        g.add_constant(g.main, name, Constant::ints(values))
    }

    fn scalar(&mut self, value: i64) -> ValueId {
        let g = &mut self.0;
        let name = format!("c{}", g.values.len());
        g.add_constant(g.main, name, Constant { dims: Vec::new(), ..Constant::ints(&[value]) })
    }

    fn node(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, AttrValue)]) -> ValueId {
        let g = &mut self.0;
        let mut node = Node::new(op, 21, inputs);
        node.name = format!("the {op}").into();
        node.attributes = attributes.iter().map(|(n, v)| Attribute::new(n, v.clone())).collect();
        let name = format!("v{}", g.values.len());
        g.add_node(g.main, node, &[&name]).1[0]
    }

    fn ty(&self, value: ValueId) -> String {
        let found = self.0.infer();
        assert_eq!(found.problems, []);
        found.ty(value).to_string()
    }

    fn problem(&self) -> String {
        let found = self.0.infer();
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
        found.problems[0].to_string()
    }
}

#[test]
fn a_shape_that_is_computed_from_a_shape_stays_known() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["batch", "sequence", "64"]);
    let shape = s.node("Shape", &[x], &[]);
    let (zero, one) = (s.scalar(0), s.scalar(1));
    let axes = s.ints(&[0]);
    let batch = s.node("Gather", &[shape, zero], &[]);
    let sequence = s.node("Gather", &[shape, one], &[]);
    let batch = s.node("Unsqueeze", &[batch, axes], &[]);
    let sequence = s.node("Unsqueeze", &[sequence, axes], &[]);
    let (heads, open) = (s.ints(&[4]), s.ints(&[-1]));
    let split = s.node("Concat", &[batch, sequence, heads, open], &[("axis", AttrValue::Int(0))]);
    let y = s.node("Reshape", &[x, split], &[]);
    assert_eq!(s.ty(y), "f32 [batch, sequence, 4, 16]");
    let t = s.node("Transpose", &[y], &[("perm", AttrValue::Ints(vec![0, 2, 1, 3]))]);
    let u = s.node("Transpose", &[y], &[("perm", AttrValue::Ints(vec![0, 2, 3, 1]))]);
    let scores = s.node("MatMul", &[t, u], &[]);
    assert_eq!(s.ty(scores), "f32 [batch, 4, sequence, sequence]");
    let merged = s.ints(&[0, 0, -1]);
    let back = s.node("Reshape", &[y, merged], &[]);
    assert_eq!(s.ty(back), "f32 [batch, sequence, 64]");
}

#[test]
fn masks_and_caches_add_their_lengths() {
    let mut s = Sample::new();
    let past = s.input("past", Elem::F32, &["batch", "4", "past", "16"]);
    let new = s.input("new", Elem::F32, &["batch", "4", "sequence", "16"]);
    let all = s.node("Concat", &[past, new], &[("axis", AttrValue::Int(-2))]);
    assert_eq!(s.ty(all), "f32 [batch, 4, past + sequence, 16]");
    let shape = s.node("Shape", &[all], &[("start", AttrValue::Int(2)), ("end", AttrValue::Int(3))]);
    let axes = s.ints(&[0]);
    let total = s.node("Squeeze", &[shape, axes], &[]);
    let (zero, one) = (s.scalar(0), s.scalar(1));
    let positions = s.node("Range", &[zero, total, one], &[]);
    assert_eq!(s.ty(positions), "i64 [past + sequence]");
    // Expand, as exporters write it: -1 where the dimension is to stay.
    let three = s.ints(&[3]);
    let ones = s.node("ConstantOfShape", &[three], &[("value", AttrValue::Tensor(Box::new(Constant::ints(&[1]))))]);
    let minus = s.scalar(-1);
    let negative = s.node("Mul", &[ones, minus], &[]);
    let (a, b) = (s.ints(&[-1]), s.ints(&[2]));
    let wanted = s.node("Concat", &[a, shape, b], &[("axis", AttrValue::Int(0))]);
    let same = s.node("Equal", &[wanted, negative], &[]);
    let sizes = s.node("Where", &[same, ones, wanted], &[]);
    let x = s.input("x", Elem::F32, &["5", "1", "1"]);
    let expanded = s.node("Expand", &[x, sizes], &[]);
    assert_eq!(s.ty(expanded), "f32 [5, past + sequence, 2]");
}

#[test]
fn windows_round_as_the_specification_says() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n", "3", "h", "32"]);
    let w = s.input("w", Elem::F32, &["8", "3", "3", "3"]);
    let two = AttrValue::Ints(vec![2, 2]);
    let y = s.node("Conv", &[x, w], &[("strides", two.clone()), ("pads", AttrValue::Ints(vec![1, 1, 1, 1]))]);
    assert_eq!(s.ty(y), "f32 [n, 8, floor((h + 1)/2), 16]");
    let y = s.node("Conv", &[x, w], &[("strides", two.clone()), ("auto_pad", AttrValue::Str((*b"SAME_UPPER").into()))]);
    assert_eq!(
        s.ty(y),
        "f32 [n, 8, -floor(-h/2), 16]".replace("-floor(-h/2)", &Dim::parse("h").divided_up(&Dim::Known(2)).to_string())
    );
    let z = s.input("z", Elem::F32, &["1", "3", "5", "6"]);
    let of = |ceil| [("kernel_shape", two.clone()), ("strides", two.clone()), ("ceil_mode", AttrValue::Int(ceil))];
    let (down, up) = (s.node("AveragePool", &[z], &of(0)), s.node("AveragePool", &[z], &of(1)));
    assert_eq!((s.ty(down), s.ty(up)), ("f32 [1, 3, 2, 3]".to_owned(), "f32 [1, 3, 3, 3]".to_owned()));
}

#[test]
fn factors_of_sizes_are_constants_of_few_floats() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n", "3", "5", "w"]);
    let mut factors = Constant { elem: Elem::F32, dims: vec![4], ints: None, ..Constant::ints(&[]) };
    factors.learn(&[1.0f32, 1.0, 1.5, 2.0].map(f32::to_le_bytes).concat());
    let factors = s.node("Constant", &[], &[("value", AttrValue::Tensor(Box::new(factors)))]);
    let y = s.node("Resize", &[x, x, factors], &[]);
    assert_eq!(s.ty(y), "f32 [n, 3, 7, 2*w]");
}

#[test]
fn what_does_not_fit_is_a_problem_with_the_name_of_the_node() {
    let two = |op: &str, a: &[&str], b: &[&str]| {
        let mut s = Sample::new();
        let (a, b) = (s.input("a", Elem::F32, a), s.input("b", Elem::F32, b));
        s.node(op, &[a, b], &[]);
        s.problem()
    };
    assert_eq!(two("Add", &["2"], &["3"]), "node \"the Add\" (Add): dimensions 2 and 3 do not fit each other");
    assert!(two("MatMul", &["n", "4"], &["5", "6"]).contains("rows of 4 elements cannot be multiplied with 5 rows"));
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["10"]);
    let shape = s.ints(&[3, -1]);
    s.node("Reshape", &[x, shape], &[]);
    assert!(s.problem().contains("10 elements cannot have the shape [3, -1]"));
    // ONNX Runtime refuses a norm whose scale has another type, and onnx.checker does not.
    let mut s = Sample::new();
    let (x, w) = (s.input("x", Elem::F16, &["n", "8"]), s.input("w", Elem::F32, &["8"]));
    s.node("Add", &[x, w], &[]);
    assert!(s.problem().contains("its inputs A and B are f16 and f32, and must have one type"));
    let mut s = Sample::new();
    let x = s.input("x", Elem::String, &["n"]);
    s.node("Relu", &[x], &[]);
    assert!(s.problem().contains("its input X is string, which the operator does not take in version 14"));
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n"]);
    s.node("Relu", &[x], &[("alpha", AttrValue::Float(1.0))]);
    assert!(s.problem().contains("has no attribute \"alpha\""));
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n"]);
    s.node("Cast", &[x], &[]);
    assert!(s.problem().contains("its attribute \"to\" is missing"));
    s.node("Gather", &[x], &[("axis", AttrValue::Int(0))]);
    assert!(s.0.infer().problems[1].to_string().contains("it has 1 inputs, and the operator needs 2"));
}

#[test]
fn a_declared_shape_that_lies_is_found() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n", "8"]);
    let y = s.node("Relu", &[x], &[]);
    s.0.values[y].ty = ValueType::tensor(Elem::F32, [Dim::symbol("m"), Dim::Known(9)]);
    assert!(s.problem().contains("is declared as f32 [m, 9], but a dimension is 8"));
    s.0.values[y].ty = ValueType::tensor(Elem::I64, [Dim::symbol("m"), Dim::Known(8)]);
    assert!(s.problem().contains("but its elements are f32"));
    s.0.values[y].ty = ValueType::tensor(Elem::F32, [Dim::symbol("m"), Dim::Known(8)]);
    assert_eq!(s.ty(y), "f32 [n, 8]");
}

#[test]
fn loops_carry_the_dimensions_that_a_step_keeps() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["n", "1"]);
    let trips = s.scalar(3);
    let g = &mut s.0;
    let body = g.add_region("body");
    g.add_input(body, "i", ValueType::Unknown);
    let cond = g.add_input(body, "cond", ValueType::Unknown);
    let state = g.add_input(body, "state", ValueType::Unknown);
    let mut concat = Node::new("Concat", 21, &[state, x]);
    concat.attributes.push(Attribute::new("axis", AttrValue::Int(1)));
    let (_, next) = g.add_node(body, concat, &["next"]);
    g.regions[body].outputs = vec![Port::of(cond), Port::of(next[0]), Port::of(x)];
    let mut node = Node::new("Loop", 21, &[trips, trips, x]);
    node.inputs[1] = None;
    node.attributes.push(Attribute::new("body", AttrValue::Region(body)));
    let (_, outs) = g.add_node(g.main, node, &["y", "all"]);
    assert_eq!(s.ty(outs[0]), "f32 [n, ?]");
    assert_eq!(s.ty(outs[1]), "f32 [3, n, 1]");
}
