//! Which nodes become half, and which precision each of their inputs has then.

use super::{HalfOptions, Report};
use crate::graph::ops::{self, Version, formal_at};
use crate::graph::{AttrValue, Elem, Node, NodeId, Source, ValueId, ValueType};
use crate::transform::graph::Kept;
use crate::transform::graph::draft::Draft;
use std::collections::{HashMap, HashSet};

/// Operators that stay `f32`: they count, compare or sum up, or their kernels have no half form. Those that the converter of ONNX Runtime 1.32 leaves
/// (`float16.py`), and the ones between floats and integers.
const STAY: [&str; 11] = [
    "Range",
    "CumSum",
    "Min",
    "Max",
    "TopK",
    "NonMaxSuppression",
    "RoiAlign",
    "Upsample",
    "RandomUniformLike",
    "QuantizeLinear",
    "DequantizeLinear",
];
/// Operators whose output has the type that an attribute says.
const FLEXIBLE: [&str; 2] = ["Cast", "ConstantOfShape"];

/// What becomes half.
pub(super) struct Decisions {
    /// Nodes that compute in half precision, with the places of their inputs and outputs that are half then.
    pub(super) nodes: HashMap<NodeId, Places>,
    /// `Cast` and `ConstantOfShape` nodes whose output becomes half.
    pub(super) flexible: HashSet<NodeId>,
    /// Values of `f32` that are used, and how.
    pub(super) uses: HashMap<ValueId, Uses>,
}

/// The inputs and outputs of a node that become half.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
}

/// How a value of `f32` is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    /// By nodes that want it half.
    pub(super) half: bool,
    /// By nodes, branches, bodies or outputs that want it as it is.
    pub(super) float: bool,
}

impl Decisions {
    pub(super) fn new(draft: &Draft, options: &HalfOptions, report: &mut Report) -> Self {
        let g = &draft.g;
        let types = g.infer();
        let float = |v: ValueId| types.ty(v).elem() == Some(Elem::F32);
        let mut found = Self { nodes: HashMap::new(), flexible: HashSet::new(), uses: HashMap::new() };
        for (id, node) in g.nodes.iter() {
            match places(node, options, &|v| types.ty(v).clone()) {
                Ok(Some(places)) => match refusal(draft, options, node) {
                    None => {
                        report.changed.push(draft.named(node));
                        found.nodes.insert(id, places);
                    }
                    Some(why) => report.kept.push(draft.kept(node, why)),
                },
                Ok(None) => {}
                Err(why) => {
                    let kept: Kept = draft.kept(node, why);
                    if kept.bytes > 0 || node.inputs.iter().flatten().any(|v| float(*v)) {
                        report.kept.push(kept);
                    }
                }
            }
        }
        for (id, node) in g.nodes.iter() {
            let half = found.nodes.get(&id).map(|p| p.inputs.as_slice()).unwrap_or_default();
            for (i, value) in node.inputs.iter().enumerate() {
                let Some(value) = value.filter(|v| float(*v)) else { continue };
                let uses = found.uses.entry(value).or_default();
                if half.contains(&i) { uses.half = true } else { uses.float = true }
            }
        }
        for (id, region) in g.regions.iter() {
            for port in region.outputs.iter().filter(|p| float(p.value)) {
                let uses = found.uses.entry(port.value).or_default();
                if id == g.main && !options.keep_io { uses.half = true } else { uses.float = true }
            }
        }
        for (id, node) in g.nodes.iter().filter(|(_, n)| n.region == g.main && n.is_core()) {
            let output = node.outputs.first().copied().flatten().filter(|v| float(*v));
            let uses = output.and_then(|v| found.uses.get(&v)).copied().unwrap_or_default();
            if FLEXIBLE.contains(&&*node.op) && uses.half && !uses.float && output.is_some() {
                found.flexible.insert(id);
            }
        }
        found
    }

    /// True if the node or graph that gives a value gives it in half precision.
    pub(super) fn is_half(&self, draft: &Draft, options: &HalfOptions, value: ValueId) -> bool {
        match draft.g.values[value].source {
            Source::Node(id) => {
                let at = draft.g.nodes[id].outputs.iter().position(|v| *v == Some(value));
                self.flexible.contains(&id)
                    || self.nodes.get(&id).is_some_and(|p| at.is_some_and(|at| p.outputs.contains(&at)))
            }
            Source::Input(region) => {
                region == draft.g.main && !options.keep_io && self.uses.get(&value).is_some_and(|u| u.half)
            }
            Source::Constant(_) => false,
        }
    }
}

/// Why a node that could become half does not.
fn refusal(draft: &Draft, options: &HalfOptions, node: &Node) -> Option<String> {
    if node.region != draft.g.main {
        return Some("it is in a branch or the body of a loop".to_owned());
    }
    if STAY.contains(&&*node.op) {
        return Some(format!("{} stays f32", node.op));
    }
    options.select.refusal(&draft.g, &draft.tensors, node)
}

/// The inputs and outputs that become half with a node. `None` if it has none that are `f32`; an error says why it cannot become half.
fn places(node: &Node, options: &HalfOptions, ty: &impl Fn(ValueId) -> ValueType) -> Result<Option<Places>, String> {
    let name = options.half.elem().name();
    let is_float = |v: &ValueId| ty(*v).elem() == Some(Elem::F32);
    let touches = node.inputs.iter().chain(&node.outputs).flatten().any(is_float);
    if !touches || (node.is_core() && FLEXIBLE.contains(&&*node.op)) || is_constant(node) {
        return Ok(None);
    }
    let operator = ops::find(node).ok_or_else(|| format!("the types that {} accepts are not known", node.op))?;
    let version = operator.at(node.version).ok_or_else(|| format!("{} has no such version", node.op))?;
    if node.attributes.iter().any(|a| !a.value.regions().is_empty()) {
        return Err("it has branches or a body".to_owned());
    }
    let (formal_inputs, formal_outputs) = (version.inputs(), version.outputs());
    // Names of types that become half: they stand for both types, and an input has them.
    let mut names: Vec<&str> = Vec::new();
    let mut places = Places::default();
    for (i, value) in node.inputs.iter().enumerate() {
        let (Some(value), Some(formal)) = (value, formal_at(&formal_inputs, i)) else { continue };
        if !can_be(version, formal.ty, name) {
            continue;
        }
        match ty(*value) {
            ValueType::Tensor { elem: Some(Elem::F32), .. } => {
                places.inputs.push(i);
                names.push(formal.ty);
            }
            ValueType::Tensor { elem: Some(_), .. } => {}
            _ => return Err(format!("the type of its input {} is not known", i + 1)),
        }
    }
    if places.inputs.is_empty() {
        return Err(format!("{} takes no {name} in version {} of the operators", node.op, node.version));
    }
    for (i, value) in node.outputs.iter().enumerate() {
        let (Some(value), Some(formal)) = (value, formal_at(&formal_outputs, i)) else { continue };
        if names.contains(&formal.ty) {
            match ty(*value) {
                ValueType::Tensor { elem: Some(Elem::F32), .. } => places.outputs.push(i),
                _ => return Err(format!("the type of its output {} is not known", i + 1)),
            }
        } else if !matches!(ty(*value), ValueType::Tensor { .. }) {
            return Err("it has an output that is not a tensor".to_owned());
        }
    }
    Ok(Some(places))
}

/// True if a formal input may be `f32` and of the half type.
fn can_be(version: &Version, ty: &'static str, half: &str) -> bool {
    let types = version.types(ty);
    version.is_variable(ty) && types.contains(&"f32") && types.contains(&half)
}

/// True for `Constant` nodes: what they give is a constant like others.
pub(super) fn is_constant(node: &Node) -> bool {
    let tensor = || matches!(node.attribute("value"), Some(AttrValue::Tensor(_)));
    node.is_core() && &*node.op == "Constant" && tensor()
}
