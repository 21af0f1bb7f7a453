//! Graphs made here: the inputs they get, and where they part.

use super::*;
use crate::graph::eval::{NoConstants, Setting, Tensor};
use crate::graph::make::Maker;
use crate::graph::{AttrValue, Attribute, Constant, Dim, Elem, Graph, Node, Port, Text, ValueType};

/// A graph that is built node by node, each value with a name.
struct Sample(Graph);

impl Sample {
    fn new() -> Self {
        Self(Graph::default())
    }

    fn input(&mut self, name: &str, elem: Elem, dims: &[&str]) -> crate::graph::ValueId {
        let ty = ValueType::tensor(elem, dims.iter().map(|d| d.parse().map_or_else(|_| Dim::parse(d), Dim::Known)));
        self.0.add_input(self.0.main, name, ty)
    }

    fn floats(&mut self, name: &str, dims: &[u64]) -> crate::graph::ValueId {
        let n = dims.iter().product::<u64>() as usize;
        let bytes: Vec<u8> = (0..n).flat_map(|i| (i as f32 / 10.0).to_le_bytes()).collect();
        let data = crate::graph::ConstantData::Inline(bytes.into());
        let c = Constant { elem: Elem::F32, dims: dims.to_vec(), data, ..Constant::ints(&[]) };
        self.0.add_constant(self.0.main, name, Constant { ints: None, ..c })
    }

    fn node(&mut self, op: &str, inputs: &[crate::graph::ValueId], out: &str) -> crate::graph::ValueId {
        let mut node = Node::new(op, 21, inputs);
        node.name = format!("n_{out}").into();
        self.0.add_node(self.0.main, node, &[out]).1[0]
    }

    fn output(&mut self, value: crate::graph::ValueId) {
        let main = self.0.main;
        self.0.regions[main].outputs.push(Port::of(value));
    }
}

/// ids → Gather → + position → mask → past
fn decoder() -> Graph {
    let mut s = Sample::new();
    let ids = s.input("input_ids", Elem::I64, &["batch_size", "sequence_length"]);
    s.input("attention_mask", Elem::I64, &["batch_size", "past_sequence_length + sequence_length"]);
    s.input("position_ids", Elem::I64, &["batch_size", "sequence_length"]);
    s.input("past.0.key", Elem::F32, &["batch_size", "2", "past_sequence_length", "4"]);
    let table = s.floats("table", &[5, 3]);
    let out = s.node("Gather", &[table, ids], "embedded");
    s.output(out);
    s.0
}

#[test]
fn inputs_fit_what_they_are_for() {
    let g = decoder();
    let made = make_inputs(&[&g], 1, &[]).unwrap();
    let of = |name: &str| made.iter().find(|m| &*m.name == name).unwrap();
    assert_eq!(of("input_ids").value.dims, [1, 8]);
    assert!(of("input_ids").value.stored_ints().unwrap().iter().all(|id| (0..5).contains(id)));
    assert!(of("input_ids").how.contains("below 5"));
    assert_eq!(of("attention_mask").value, Tensor::longs([1, 12], vec![1; 12]));
    assert_eq!(of("position_ids").value.stored_ints().unwrap(), [4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(of("past.0.key").value.dims, [1, 2, 4, 4]);
    let again = make_inputs(&[&g], 1, &[]).unwrap();
    assert!(made.iter().zip(&again).all(|(a, b)| a.value == b.value));
    let other = make_inputs(&[&g], 2, &[("batch_size".to_owned(), 2)]).unwrap();
    assert_eq!(other[0].value.dims, [2, 8]);
    assert_ne!(other[3].value.data, made[3].value.data);
}

#[test]
fn what_another_graph_fixes_is_fixed() {
    let mut fixed = Sample::new();
    fixed.input("input_ids", Elem::I64, &["1", "6"]);
    let made = make_inputs(&[&decoder(), &fixed.0], 0, &[]).unwrap();
    assert_eq!(made[0].value.dims, [1, 6]);
    assert_eq!(made[2].value.dims, [1, 6], "the same dimension");
    let mut text = Sample::new();
    text.input("words", Elem::String, &["1"]);
    let e = make_inputs(&[&text.0], 0, &[]).unwrap_err().to_string();
    assert!(e.contains("words") && e.contains("string"), "{e}");
    let mut large = Sample::new();
    large.input("x", Elem::F32, &["1000000", "1000000"]);
    assert!(make_inputs(&[&large.0], 0, &[]).unwrap_err().what.contains("more than"));
}

/// x → Relu "a" → `op` "b" → Neg `last`
fn chain(op: &str, last: &str) -> Graph {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["2", "3"]);
    let a = s.node("Relu", &[x], "a");
    let b = s.node(op, &[a], "b");
    let y = s.node("Neg", &[b], last);
    let y = s.node("Identity", &[y], "y");
    s.output(y);
    s.0
}

fn parting(a: &Graph, b: &Graph, memory: usize) -> Bisection {
    let setting = Setting::new(&NoConstants);
    let inputs: Vec<(Text, Tensor)> =
        make_inputs(&[a, b], 0, &[]).unwrap().into_iter().map(|m| (m.name, m.value)).collect();
    let side = |graph| Side { graph, setting: &setting };
    bisect((side(a), &inputs), (side(b), &inputs), Tolerance::of(a, b), memory).unwrap()
}

#[test]
fn the_first_node_that_differs_is_found() {
    let (a, b) = (chain("Sqrt", "c"), chain("Exp", "c"));
    // With room for everything, and for one value at a time.
    for memory in [1 << 20, 1] {
        let found = parting(&a, &b, memory);
        let first = found.first.unwrap();
        assert_eq!((&*first.value, &*first.node, &*first.op, first.at), ("b", "n_b", "Exp", 1));
        assert_eq!((found.nodes, found.matched, first.unmatched), (4, 4, 0));
        assert!(!first.figures.unwrap().passed);
        assert_eq!(parting(&a, &a, memory).first, None);
    }
    // What has another name is not compared; what follows is.
    let mut renamed = chain("Exp", "c");
    let id = renamed.values.iter().find(|(_, v)| &*v.name == "b").unwrap().0;
    renamed.values[id].name = "other".into();
    let found = parting(&a, &renamed, 1 << 20);
    let first = found.first.unwrap();
    assert_eq!((&*first.value, found.matched, first.unmatched), ("c", 3, 1));
}

#[test]
fn a_value_of_another_shape_is_where_graphs_part() {
    let mut s = Sample::new();
    let x = s.input("x", Elem::F32, &["2", "3"]);
    let a = s.node("Relu", &[x], "a");
    let b = s.node("Transpose", &[a], "b");
    s.output(b);
    let found = parting(&chain("Sqrt", "c"), &s.0, 1 << 20);
    let e = found.first.unwrap().figures.unwrap_err();
    assert!(e.contains("[3, 2] instead of [2, 3]"), "{e}");
}

#[test]
fn the_tolerance_is_that_of_the_coarser_graph() {
    let plain = chain("Exp", "c");
    assert_eq!(Tolerance::of(&plain, &plain), Tolerance::Relative(1e-4));
    let with = |op: &str, attribute: Option<(&str, i64)>| {
        let mut g = chain("Exp", "c");
        let mut node = Node::new(op, 21, &[]);
        node.attributes = attribute.iter().map(|(n, v)| Attribute::new(n, AttrValue::Int(*v))).collect();
        g.add_node(g.main, node, &["extra"]);
        g
    };
    for (op, attribute, want) in [
        ("Cast", Some(("to", Elem::F16.code())), Tolerance::Relative(5e-3)),
        ("Cast", Some(("to", Elem::BF16.code())), Tolerance::Relative(3e-2)),
        ("QuantizeLinear", None, Tolerance::Cosine(0.99)),
        ("QLinearConv", None, Tolerance::Cosine(0.99)),
        ("MatMulNBits", Some(("bits", 8)), Tolerance::Cosine(0.99)),
        ("MatMulNBits", Some(("bits", 4)), Tolerance::Cosine(0.95)),
    ] {
        assert_eq!(Tolerance::of(&plain, &with(op, attribute)), want, "{op}");
        assert_eq!(Tolerance::of(&with(op, attribute), &plain), want, "{op}");
    }
}

#[test]
fn figures_say_how_far_values_are_apart() {
    let of = |x: Tensor, y: Tensor, t: Tolerance| Figures::of(&x.into(), &y.into(), t);
    let floats = |v: &[f32]| Tensor::floats([v.len()], v.to_vec());
    let f = of(floats(&[1.0, -4.0]), floats(&[1.0, -3.9999]), Tolerance::Relative(1e-4)).unwrap();
    assert!(f.passed && f.differing == 1 && f.largest == 4.0, "{f:?}");
    assert!((f.relative() - 2.5e-5).abs() < 1e-7);
    assert!(!of(floats(&[1.0, -4.0]), floats(&[1.0, -3.99]), Tolerance::Relative(1e-4)).unwrap().passed);
    assert!(!of(floats(&[1.0]), floats(&[f32::NAN]), Tolerance::Cosine(0.5)).unwrap().passed);
    // Integers have to be equal, whatever the tolerance of floats is.
    let longs = |v: &[i64]| Tensor::longs([v.len()], v.to_vec());
    let f = of(longs(&[1, 2, 3]), longs(&[1, 2, 4]), Tolerance::Cosine(0.5)).unwrap();
    assert!(!f.passed && f.differing == 1);
    assert!(of(longs(&[1]), Tensor::ints(Elem::I32, [1], [1]), Tolerance::Cosine(0.5)).unwrap().passed);
    assert!(of(longs(&[1]), floats(&[1.0]), Tolerance::Cosine(0.5)).is_err());
    assert!(of(longs(&[1]), longs(&[1, 2]), Tolerance::Cosine(0.5)).is_err());
}

#[test]
fn operators_that_differ_are_counted() {
    let d = operator_differences(&chain("Sqrt", "c"), &chain("Exp", "c"));
    let shown: Vec<(String, usize, usize)> = d.into_iter().map(|d| (d.op, d.first, d.second)).collect();
    assert_eq!(shown, [("Exp".to_owned(), 0, 1), ("Sqrt".to_owned(), 1, 0)]);
    let mut m = Maker::new(21, 10);
    m.name("empty");
    assert_eq!(operator_differences(&m.finish().unwrap(), &Graph::default()), []);
}
