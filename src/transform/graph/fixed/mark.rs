//! Which values are quantized, and whose scale they have.

use super::StaticOptions;
use crate::graph::{AttrValue, Elem, Node, NodeId, Source, ValueId};
use crate::transform::graph::draft::Draft;
use crate::transform::graph::{Kept, Report};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Weights of so many bytes are worth a word where they stay float.
const HEAVY: u64 = 1024;

/// What static quantization does with the values of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A product with a weight and a bias.
    Weighted,
    /// The output has the values of the input, and its scale.
    Same,
    /// What a quantized producer does when it clips.
    Clipping,
    /// All inputs and outputs have a range of their own.
    Plain,
}

/// Operators that are quantized. Others stay float.
const KINDS: &[(&str, Kind)] = &[
    ("Conv", Kind::Weighted),
    ("ConvTranspose", Kind::Weighted),
    ("Gemm", Kind::Weighted),
    ("MatMul", Kind::Weighted),
    ("Relu", Kind::Clipping),
    ("Clip", Kind::Clipping),
    ("Reshape", Kind::Same),
    ("Transpose", Kind::Same),
    ("Squeeze", Kind::Same),
    ("Unsqueeze", Kind::Same),
    ("Flatten", Kind::Same),
    ("Slice", Kind::Same),
    ("Split", Kind::Same),
    ("Gather", Kind::Same),
    ("MaxPool", Kind::Same),
    ("AveragePool", Kind::Same),
    ("Resize", Kind::Same),
    ("Add", Kind::Plain),
    ("Mul", Kind::Plain),
    ("Concat", Kind::Plain),
    ("Softmax", Kind::Plain),
    ("Sigmoid", Kind::Plain),
    ("LeakyRelu", Kind::Plain),
    ("GlobalAveragePool", Kind::Plain),
];

/// Where the scale of an activation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Its own range.
    Own,
    /// From 0 to 1, whatever was observed.
    Unit,
    /// That of another value.
    Of(ValueId),
}

/// A constant that is quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WeightMark {
    /// The axis of its channels, if each has a scale.
    pub(super) axis: Option<usize>,
    /// True for weights of products, false for constants that stand where activations do.
    pub(super) weight: bool,
}

/// What is quantized.
#[derive(Default)]
pub(super) struct Marks {
    /// Activations, in the order of the graph.
    order: Vec<ValueId>,
    pub(super) activations: HashMap<ValueId, Scale>,
    pub(super) weights: HashMap<ValueId, WeightMark>,
    /// Biases by node: the bias has the scale of the input times that of the weight.
    pub(super) biases: HashMap<NodeId, [ValueId; 3]>,
}

impl Marks {
    /// Marks what is quantized. Nodes that only clip are taken out of the graph where their producer clips.
    pub(super) fn new(draft: &mut Draft, options: &StaticOptions, report: &mut Report) -> Self {
        let types = draft.g.infer();
        let float: HashSet<ValueId> =
            draft.g.values.iter().map(|(id, _)| id).filter(|v| types.ty(*v).elem() == Some(Elem::F32)).collect();
        let mut marks = Self::default();
        let mut uses: HashMap<ValueId, usize> = HashMap::new();
        let inputs = draft.g.nodes.iter().flat_map(|(_, n)| n.inputs.iter().flatten().copied());
        let outputs = draft.g.regions.iter().flat_map(|(_, r)| r.outputs.iter().map(|p| p.value));
        inputs.chain(outputs.flat_map(|v| [v, v])).for_each(|v| *uses.entry(v).or_default() += 1);
        for id in draft.g.regions[draft.g.main].nodes.clone() {
            let node = draft.g.nodes[id].clone();
            let kind = KINDS.iter().find(|(op, _)| **op == *node.op).filter(|_| node.is_core()).map(|(_, k)| *k);
            let refusal = match kind {
                None => {
                    let heavy = draft.kept(&node, "").bytes >= HEAVY;
                    heavy.then(|| format!("{} stays float", node.op))
                }
                Some(_) => options.select.refusal(&draft.g, &draft.tensors, &node),
            };
            if let Some(why) = refusal {
                report.kept.push(draft.kept(&node, why));
                continue;
            }
            let done = match kind {
                None => false,
                Some(Kind::Weighted) => marks.weighted(draft, options, &float, id, &node),
                Some(Kind::Same) => marks.same(&float, &node),
                Some(Kind::Clipping) => marks.clipping(draft, options, &uses, id, &node),
                Some(Kind::Plain) => marks.plain(draft, &float, &node),
            };
            if done {
                report.changed.push(draft.named(&node));
                continue;
            }
            let kept = draft.kept(&node, "");
            if kept.bytes >= HEAVY {
                let why = match &*node.op {
                    "Gather" => "a table that is gathered from stays float",
                    "Conv" | "ConvTranspose" | "Gemm" => "its weight is computed, or not f32",
                    _ => "what goes into it is not quantized",
                };
                report.kept.push(Kept { why: why.to_owned(), ..kept });
            }
        }
        marks
    }

    /// The activations whose ranges are needed.
    pub(super) fn observed(&self) -> impl Iterator<Item = ValueId> {
        self.order.iter().copied().filter(|v| self.activations.get(v) == Some(&Scale::Own))
    }

    fn activation(&mut self, value: ValueId, scale: Scale) {
        if let Entry::Vacant(place) = self.activations.entry(value) {
            place.insert(scale);
            self.order.push(value);
        }
    }

    /// A value that stands where activations do: it may be a constant.
    fn operand(&mut self, draft: &Draft, value: ValueId) {
        if draft.weight(value).is_some() {
            self.weights.entry(value).or_insert(WeightMark { axis: None, weight: false });
        } else {
            self.activation(value, Scale::Own);
        }
    }

    fn weighted(
        &mut self,
        draft: &Draft,
        options: &StaticOptions,
        float: &HashSet<ValueId>,
        id: NodeId,
        node: &Node,
    ) -> bool {
        let input = |i: usize| node.inputs.get(i).copied().flatten().filter(|v| float.contains(v));
        let (Some(a), Some(b), Some(Some(y))) = (input(0), input(1), node.outputs.first().copied()) else {
            return false;
        };
        if !float.contains(&y) {
            return false;
        }
        let axis = |rank: usize| match &*node.op {
            "Conv" => Some(0),
            "ConvTranspose" => Some(1),
            "Gemm" => Some(usize::from(!matches!(node.attribute("transB"), Some(AttrValue::Int(1))))),
            _ => rank.checked_sub(1).filter(|_| rank > 1),
        };
        let constant = draft.weight(b);
        match &constant {
            Some(w) => {
                let axis = axis(w.dims.len()).filter(|a| options.per_channel && *a < w.dims.len());
                self.weights.entry(b).or_insert(WeightMark { axis, weight: true });
            }
            // Convolutions with a weight that is computed stay float.
            None if &*node.op != "MatMul" => return false,
            None => self.activation(b, Scale::Own),
        }
        self.operand(draft, a);
        let plain = |name: &str| match node.attribute(name) {
            None => true,
            Some(AttrValue::Float(v)) => *v == 1.0,
            Some(_) => false,
        };
        if let Some(bias) = input(2) {
            let small = draft.weight(bias).is_some_and(|w| w.dims.len() == 1);
            if constant.is_some() && small && plain("alpha") && plain("beta") {
                self.biases.insert(id, [a, b, bias]);
            }
        }
        self.activation(y, Scale::Own);
        true
    }

    fn same(&mut self, float: &HashSet<ValueId>, node: &Node) -> bool {
        let Some(Some(x)) = node.inputs.first().copied() else { return false };
        let Some(scale) = self.activations.get(&x).copied() else { return false };
        let root = if let Scale::Of(root) = scale { root } else { x };
        for y in node.outputs.iter().flatten().filter(|y| float.contains(y)) {
            self.activation(*y, Scale::Of(root));
        }
        true
    }

    fn plain(&mut self, draft: &Draft, float: &HashSet<ValueId>, node: &Node) -> bool {
        let all = || node.inputs.iter().chain(&node.outputs).flatten();
        if !all().all(|v| float.contains(v)) {
            return false;
        }
        node.inputs.iter().flatten().for_each(|v| self.operand(draft, *v));
        let scale = if &*node.op == "Softmax" { Scale::Unit } else { Scale::Own };
        node.outputs.iter().flatten().for_each(|v| self.activation(*v, scale));
        true
    }

    fn clipping(
        &mut self,
        draft: &mut Draft,
        options: &StaticOptions,
        uses: &HashMap<ValueId, usize>,
        id: NodeId,
        node: &Node,
    ) -> bool {
        let (Some(Some(x)), Some(Some(y))) = (node.inputs.first().copied(), node.outputs.first().copied()) else {
            return false;
        };
        if !self.activations.contains_key(&x) {
            return false;
        }
        // The least integer stands for 0 or less: what is clipped above it is not clipped by integers.
        let low = match node.inputs.get(1).copied().flatten() {
            None => Some(0.0),
            Some(v) => draft.g.values[v].constant.as_ref().and_then(|c| c.floats.as_deref()?.first().copied()),
        };
        let producer = if let Source::Node(p) = draft.g.values[x].source { Some(p) } else { None };
        match producer {
            Some(p)
                // An output counts twice.
                if uses.get(&x) == Some(&1)
                    && !options.symmetric_activations
                    && low.is_some_and(|l| l <= 0.0)
                    && self.activations[&x] == Scale::Own =>
            {
                draft.redirect(p, x, y, id);
                self.activations.remove(&x);
                self.order.retain(|v| *v != x);
            }
            _ => {}
        }
        self.activation(y, Scale::Own);
        true
    }
}
