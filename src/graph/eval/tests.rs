//! Graphs made here: inputs, control flow, functions, and what is refused.

use super::*;
use crate::graph::{AttrValue, Attribute, Constant, Dim, Elem, Function, Node, Port, RegionId, ValueType};
use std::sync::atomic::AtomicBool;

/// A graph that is built node by node.
struct Sample(Graph);

impl Sample {
    fn new() -> Self {
        Self(Graph::default())
    }

    fn input(&mut self, name: &str) -> ValueId {
        let g = &mut self.0;
        g.add_input(g.main, name, ValueType::Unknown)
    }

    fn ints(&mut self, dims: &[u64], values: &[i64]) -> ValueId {
        let g = &mut self.0;
        let name = format!("c{}", g.values.len());
        g.add_constant(g.main, name, Constant { dims: dims.to_vec(), ..Constant::ints(values) })
    }

    fn node_in(&mut self, region: RegionId, op: &str, inputs: &[ValueId], attributes: &[(&str, AttrValue)]) -> ValueId {
        let g = &mut self.0;
        let mut node = Node::new(op, 21, inputs);
        node.name = format!("the {op}").into();
        node.attributes = attributes.iter().map(|(n, v)| Attribute::new(n, v.clone())).collect();
        let name = format!("v{}", g.values.len());
        g.add_node(region, node, &[&name]).1[0]
    }

    fn node(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, AttrValue)]) -> ValueId {
        self.node_in(self.0.main, op, inputs, attributes)
    }

    fn output(&mut self, value: ValueId) {
        let main = self.0.main;
        self.0.regions[main].outputs.push(Port::of(value));
    }

    fn run_with(&self, setting: &Setting<'_>, inputs: &[(&str, Value)]) -> Result<Vec<Value>, GraphError> {
        self.0.check().unwrap();
        let inputs = inputs.iter().map(|(n, v)| ((*n).into(), v.clone())).collect();
        Ok(run(&self.0, setting, inputs, &mut |_, _| {})?.into_iter().map(|(_, v)| v).collect())
    }

    fn run(&self, inputs: &[(&str, Value)]) -> Result<Vec<Value>, GraphError> {
        self.run_with(&Setting::new(&NoConstants), inputs)
    }

    fn problem(&self, inputs: &[(&str, Value)]) -> String {
        self.run(inputs).unwrap_err().to_string()
    }
}

fn longs(values: &[i64]) -> Value {
    Tensor::longs([values.len()], values.to_vec()).into()
}

fn scalar(value: i64) -> Value {
    Tensor::longs([], vec![value]).into()
}

#[test]
fn nodes_run_in_order_and_values_are_shown() {
    let mut s = Sample::new();
    let x = s.input("x");
    let two = s.ints(&[], &[2]);
    let y = s.node("Mul", &[x, two], &[]);
    let z = s.node("Add", &[y, x], &[]);
    s.output(z);
    let main = s.0.main;
    s.0.regions[main].nodes.reverse();
    let mut seen = Vec::new();
    let inputs = vec![("x".into(), longs(&[1, 2]))];
    let out = super::run(&s.0, &Setting::new(&NoConstants), inputs, &mut |id, v| seen.push((id, v.clone()))).unwrap();
    assert_eq!(out[0].1, longs(&[3, 6]));
    assert_eq!(seen, [(x, longs(&[1, 2])), (y, longs(&[2, 4])), (z, longs(&[3, 6]))]);
}

/// x, n → Loop(n times: state := state + x; all states) → state, all
fn summing(n: Option<i64>) -> Sample {
    let mut s = Sample::new();
    let x = s.input("x");
    let body = s.0.add_region("body");
    s.0.add_input(body, "i", ValueType::Unknown);
    let cond = s.0.add_input(body, "cond", ValueType::Unknown);
    let state = s.0.add_input(body, "state", ValueType::Unknown);
    let next = s.node_in(body, "Add", &[state, x], &[]);
    s.0.regions[body].outputs = vec![Port::of(cond), Port::of(next), Port::of(next)];
    let trips = n.map(|n| s.ints(&[], &[n]));
    let mut node = Node::new("Loop", 21, &[x, x, x]);
    (node.inputs[0], node.inputs[1]) = (trips, None);
    node.attributes.push(Attribute::new("body", AttrValue::Region(body)));
    let main = s.0.main;
    let (_, outs) = s.0.add_node(main, node, &["last", "all"]);
    outs.into_iter().for_each(|o| s.output(o));
    s
}

#[test]
fn loops_carry_state_and_collect() {
    let out = summing(Some(3)).run(&[("x", longs(&[1, 10]))]).unwrap();
    assert_eq!(out[0], longs(&[4, 40]));
    let all = out[1].tensor().unwrap();
    assert_eq!((all.dims.as_slice(), all.stored_ints().unwrap()), (&[3, 2][..], &[2, 20, 3, 30, 4, 40][..]));
}

#[test]
fn a_loop_without_end_is_stopped() {
    let s = summing(None);
    let limits = Limits { steps: 1000, ..Limits::default() };
    let setting = Setting { limits, ..Setting::new(&NoConstants) };
    let e = s.run_with(&setting, &[("x", longs(&[1]))]).unwrap_err();
    assert!(e.what.contains("more than 1000 steps"), "{e}");
    // What it collects is limited, too.
    let limits = Limits { elems: 100, ..Limits::default() };
    let setting = Setting { limits, ..Setting::new(&NoConstants) };
    let e = s.run_with(&setting, &[("x", longs(&[1]))]).unwrap_err();
    assert!(e.place.contains("Loop") && e.what.contains("more than 100 elements"), "{e}");
    let stop = AtomicBool::new(true);
    let task = Task { cancel: &stop, ..Task::quiet() };
    let e = s.run_with(&Setting { task, ..Setting::new(&NoConstants) }, &[("x", longs(&[1]))]).unwrap_err();
    assert_eq!(e.what, "cancelled");
}

#[test]
fn a_branch_uses_values_from_outside() {
    let mut s = Sample::new();
    let (choice, x) = (s.input("choice"), s.input("x"));
    let (yes, no) = (s.0.add_region("yes"), s.0.add_region("no"));
    let (a, b) = (s.node_in(yes, "Neg", &[x], &[]), s.node_in(no, "Add", &[x, x], &[]));
    s.0.regions[yes].outputs.push(Port::of(a));
    s.0.regions[no].outputs.push(Port::of(b));
    let regions = [("then_branch", AttrValue::Region(yes)), ("else_branch", AttrValue::Region(no))];
    let y = s.node("If", &[choice], &regions);
    s.output(y);
    let run = |choice: bool| s.run(&[("choice", Tensor::bools([], [choice]).into()), ("x", longs(&[5]))]).unwrap();
    assert_eq!((run(true), run(false)), (vec![longs(&[-5])], vec![longs(&[10])]));
    assert!(s.problem(&[("choice", longs(&[1, 2])), ("x", longs(&[5]))]).contains("a condition is i64 [2]"));
}

/// A function whose body calls an operator with an attribute of the call.
fn function(op: &str, attribute: &str) -> Function {
    let mut body = Sample::new();
    let x = body.input("x");
    let of = AttrValue::Reference { of: "axis".into(), code: 2 };
    let y = body.node(op, &[x], &[(attribute, of)]);
    body.output(y);
    let text = |t: &str| -> Text { t.into() };
    Function {
        domain: text("own"),
        name: text("F"),
        overload: text(""),
        attributes: Vec::new(),
        defaults: vec![Attribute::new("axis", AttrValue::Int(0))],
        body: body.0,
        extra: Vec::new(),
    }
}

#[test]
fn functions_have_the_attributes_of_their_call() {
    let call = |function: Function, attributes: &[(&str, AttrValue)]| {
        let mut s = Sample::new();
        let x = s.input("x");
        let y = s.node("F", &[x], attributes);
        s.output(y);
        s.0.nodes.iter_mut().for_each(|(_, n)| n.domain = "own".into());
        s.0.functions.push(function);
        s.run(&[("x", Tensor::longs([2, 3], vec![0; 6]).into())])
    };
    let dims = |out: Result<Vec<Value>, GraphError>| out.unwrap()[0].tensor().unwrap().dims.clone();
    assert_eq!(dims(call(function("Flatten", "axis"), &[("axis", AttrValue::Int(2))])), [6, 1]);
    assert_eq!(dims(call(function("Flatten", "axis"), &[])), [1, 6]);
    let mut endless = function("F", "axis");
    endless.body.nodes.iter_mut().for_each(|(_, n)| n.domain = "own".into());
    let e = call(endless, &[]).unwrap_err();
    assert!(e.what.contains("nested more than"), "{e}");
}

#[test]
fn errors_name_the_node() {
    let mut s = Sample::new();
    let (a, b) = (s.input("a"), s.input("b"));
    let y = s.node("Add", &[a, b], &[]);
    s.output(y);
    let e = s.problem(&[("a", longs(&[1, 2])), ("b", longs(&[1, 2, 3]))]);
    assert_eq!(e, "node \"the Add\" (Add): shapes [2] and [3] do not fit each other");
    assert_eq!(s.problem(&[("a", longs(&[1]))]), "input \"b\": it has no value");
    assert_eq!(s.problem(&[("c", longs(&[1]))]), "input \"c\": the graph has no such input");
    let mut s = Sample::new();
    let x = s.input("x");
    let y = s.node("Whatever", &[x], &[]);
    s.output(y);
    assert!(s.problem(&[("x", longs(&[1]))]).contains("the core domain has no reference evaluation"));
}

#[test]
fn inputs_have_the_type_that_is_declared() {
    let mut s = Sample::new();
    let main = s.0.main;
    let x = s.0.add_input(main, "x", ValueType::tensor(Elem::F32, [Dim::symbol("n"), Dim::Known(2)]));
    s.output(x);
    assert!(s.problem(&[("x", longs(&[1]))]).contains("it is i64, and the graph takes f32"));
    let t = Tensor::floats([2, 3], vec![0.0; 6]);
    assert!(s.problem(&[("x", t.into())]).contains("its shape is [2, 3]"));
}

#[test]
fn sizes_from_data_are_limited() {
    let refused = |op: &str, inputs: &[Value], attributes: &[(&str, AttrValue)]| {
        let mut s = Sample::new();
        let ids: Vec<ValueId> = (0..inputs.len()).map(|i| s.input(&format!("i{i}"))).collect();
        let y = s.node(op, &ids, attributes);
        s.output(y);
        let names: Vec<String> = (0..inputs.len()).map(|i| format!("i{i}")).collect();
        let given: Vec<(&str, Value)> = names.iter().map(String::as_str).zip(inputs.iter().cloned()).collect();
        s.problem(&given)
    };
    let huge = i64::MAX;
    let limit = |e: String| assert!(e.contains("which is the limit"), "{e}");
    limit(refused("ConstantOfShape", &[longs(&[huge, huge])], &[]));
    limit(refused("ConstantOfShape", &[longs(&[0, huge])], &[]));
    limit(refused("Expand", &[longs(&[1]), longs(&[1 << 40])], &[]));
    limit(refused("Tile", &[longs(&[1, 2]), longs(&[huge])], &[]));
    limit(refused("Range", &[scalar(0), scalar(huge), scalar(1)], &[]));
    limit(refused("OneHot", &[longs(&[1]), scalar(1 << 50), longs(&[0, 1])], &[]));
    limit(refused("Pad", &[longs(&[1, 2]), longs(&[0, 1 << 50])], &[]));
    let image = || Tensor::floats([1, 1, 2, 2], vec![0.0; 4]).into();
    let kernel =
        |k: i64| [("kernel_shape", AttrValue::Ints(vec![k, k])), ("auto_pad", AttrValue::Str((*b"SAME_UPPER").into()))];
    let mut pads = kernel(1).to_vec();
    pads[1] = ("pads", AttrValue::Ints(vec![1 << 30; 4]));
    limit(refused("MaxPool", &[image()], &pads));
    let factors = Tensor::floats([4], vec![1.0, 1.0, 1e9, 1e9]).into();
    limit(refused("Upsample", &[image(), factors], &[]));
    assert!(refused("Range", &[scalar(0), scalar(5), scalar(0)], &[]).contains("which is the limit"));
    assert!(refused("Reshape", &[longs(&[1, 2]), longs(&[-2])], &[]).contains("cannot have the shape [-2]"));
    assert!(refused("Gather", &[longs(&[1, 2]), longs(&[2])], &[]).contains("index 2 is out of range"));
    assert!(
        refused("Slice", &[longs(&[1]), longs(&[0]), longs(&[1]), longs(&[0]), longs(&[0])], &[]).contains("step is 0")
    );
}

#[test]
fn windows_larger_than_the_input_take_no_time() {
    let mut s = Sample::new();
    let x = s.input("x");
    let kernel = AttrValue::Ints(vec![1 << 30, 1 << 30]);
    let y =
        s.node("AveragePool", &[x], &[("kernel_shape", kernel), ("auto_pad", AttrValue::Str((*b"SAME_UPPER").into()))]);
    s.output(y);
    let out = s.run(&[("x", Tensor::floats([1, 1, 2, 2], vec![1.0, 2.0, 3.0, 6.0]).into())]).unwrap();
    assert_eq!(out[0], Tensor::floats([1, 1, 2, 2], vec![3.0; 4]).into());
}

#[test]
fn a_value_is_dropped_after_its_last_use() {
    let mut s = Sample::new();
    let x = s.input("x");
    let mut at = x;
    for _ in 0..10 {
        at = s.node("Neg", &[at], &[]);
    }
    s.output(at);
    let plan = plan::Plan::of(&s.0, s.0.main).unwrap();
    let dropped: Vec<usize> = plan.steps.iter().map(|(_, values)| values.len()).collect();
    assert_eq!(dropped, [1; 10]);
}

/// Numbers that are exact in `f64` sums.
fn numbers(dims: &[usize]) -> Value {
    let n: usize = dims.iter().product();
    let values = (0..n).map(|i| ((i * 37 + 11) % 23) as f64 - 11.0).collect();
    Tensor::numbers(Elem::F32, dims.to_vec(), values).into()
}

/// Some rows of a tensor.
fn rows_of(value: &Value, rows: &[usize]) -> Value {
    let Value::Tensor(t) = value else { panic!("no tensor") };
    let (all, each) = (t.to_numbers().unwrap(), t.dims[1..].iter().product::<usize>());
    let values = rows.iter().flat_map(|r| all[r * each..][..each].to_vec()).collect();
    let dims = [&[rows.len()], &t.dims[1..]].concat();
    Tensor::numbers(t.elem, dims, values).into()
}

#[test]
fn products_of_matrices_give_what_single_sums_give() {
    let (x, w) = (numbers(&[1, 4, 7, 9]), numbers(&[8, 2, 3, 2]));
    let convolution = |w: &Value| {
        let mut s = Sample::new();
        let (a, b) = (s.input("x"), s.input("w"));
        let list = |v: &[i64]| AttrValue::Ints(v.to_vec());
        let attributes = [
            ("group", AttrValue::Int(2)),
            ("strides", list(&[2, 1])),
            ("dilations", list(&[1, 2])),
            ("pads", list(&[1, 0, 2, 3])),
        ];
        let y = s.node("Conv", &[a, b], &attributes);
        s.output(y);
        s.run(&[("x", x.clone()), ("w", w.clone())]).unwrap().remove(0)
    };
    let Value::Tensor(all) = convolution(&w) else { panic!("no tensor") };
    let (plane, values) = (all.dims[2..].iter().product::<usize>(), all.to_numbers().unwrap());
    // Two channels a group are summed one by one.
    for channels in [[0, 1, 4, 5], [2, 3, 6, 7]] {
        let Value::Tensor(part) = convolution(&rows_of(&w, &channels)) else { panic!("no tensor") };
        let wanted: Vec<f64> = channels.iter().flat_map(|c| values[c * plane..][..plane].to_vec()).collect();
        assert_eq!(part.to_numbers().unwrap(), wanted);
    }
    let (a, b) = (numbers(&[5, 600]), numbers(&[600, 3]));
    let product = |a: &Value| {
        let mut s = Sample::new();
        let (left, right) = (s.input("a"), s.input("b"));
        let y = s.node("MatMul", &[left, right], &[]);
        s.output(y);
        s.run(&[("a", a.clone()), ("b", b.clone())]).unwrap().remove(0)
    };
    let all = product(&a);
    for row in 0..5 {
        assert_eq!(rows_of(&all, &[row]), product(&rows_of(&a, &[row])));
    }
}
