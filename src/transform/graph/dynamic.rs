//! Dynamic quantization: weights are 8-bit integers in the file, activations become 8-bit integers while the network runs.
//!
//! `MatMul` becomes `DynamicQuantizeLinear`, `MatMulInteger`, a cast, and a product with both scales; `Conv` the same with `ConvInteger`; a table that
//! is gathered from becomes `u8`, and what is gathered is dequantized. Names, order of the new nodes and arithmetic are those of `quantize_dynamic` of ONNX
//! Runtime 1.32. Weights of products have a scale for each column by default: with one scale for all, sentence embeddings of MiniLM
//! have a mean cosine of .953 with those of the float model, with one for each column .991.

use super::draft::{Draft, NewNode, Weight};
use super::gemm::Product;
use super::rows::{Params, quantized};
use super::select::Select;
use super::stats::{Wanted, ranges};
use super::{Changed, Report};
use crate::graph::{Elem, Node, NodeId, ValueId};
use crate::model::{Model, Result};
use crate::quant::affine::{Affine, Fit, Int, affine};
use crate::task::Task;
use std::collections::HashMap;

/// The first version of the core domain with `DynamicQuantizeLinear`.
const OPSET: i64 = 11;

/// How a graph is quantized dynamically.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DynamicOptions {
    /// True for signed weights (`i8`), false for `u8`.
    pub signed: bool,
    /// A scale for each column of the weight of a product. Convolutions always have one for the whole weight: `ConvInteger` knows no other.
    pub per_channel: bool,
    /// Whether the range of a weight is made symmetric; `None`: for signed weights.
    pub symmetric: Option<bool>,
    /// One bit less, for processors without VNNI, whose products of 8-bit integers saturate.
    pub reduce_range: bool,
    /// Products (`MatMul`, and `Gemm` that is a product and a sum).
    pub products: bool,
    /// Convolutions.
    pub convolutions: bool,
    /// Tables that are gathered from: embeddings.
    pub embeddings: bool,
    /// Which nodes.
    pub select: Select,
}

impl Default for DynamicOptions {
    fn default() -> Self {
        Self {
            signed: true,
            per_channel: true,
            symmetric: None,
            reduce_range: false,
            products: true,
            convolutions: true,
            embeddings: true,
            select: Select::default(),
        }
    }
}

impl DynamicOptions {
    fn int(&self) -> Int {
        if self.signed { Int::I8 } else { Int::U8 }
    }

    fn fit(&self) -> Fit {
        Fit { symmetric: self.symmetric.unwrap_or(self.signed), reduced: self.reduce_range }
    }
}

/// What happens to a node.
struct Work {
    kind: Kind,
    /// Its weight, by its place in the list of them.
    weight: usize,
}

#[derive(Clone)]
enum Kind {
    Product(Product),
    Conv,
    Gather,
}

/// A weight that is quantized once, whatever uses it.
struct Quantized {
    weight: Weight,
    /// What its names begin with.
    name: String,
    int: Int,
    fit: Fit,
    axis: Option<usize>,
    params: Option<Vec<Affine>>,
    /// Integers, scale and zero point in the graph.
    values: Option<[ValueId; 3]>,
}

/// Quantizes a graph dynamically.
///
/// # Errors
/// A model without a graph; operators of a version before 11; read errors.
pub(crate) fn quantize_dynamic(model: &Model, options: &DynamicOptions, task: &Task<'_>) -> Result<Changed> {
    let mut draft = Draft::of(model)?;
    draft.need_opset(OPSET, "dynamic quantization (DynamicQuantizeLinear)").map_err(|e| e.in_file(&model.path))?;
    let mut report = Report::default();
    let mut plan = Plan { options, works: HashMap::new(), weights: Vec::new(), known: HashMap::new() };
    let nested = draft.g.nodes.iter().filter(|(_, n)| n.region != draft.g.main);
    for (_, node) in nested.filter(|(_, n)| matches!(&*n.op, "MatMul" | "Gemm" | "Conv")) {
        report.kept.push(draft.kept(node, "it is in a branch or the body of a loop"));
    }
    for id in &draft.g.regions[draft.g.main].nodes {
        let node = &draft.g.nodes[*id];
        if let Err(why) = plan.consider(&draft, *id, node) {
            report.kept.extend(why.map(|why| draft.kept(node, why)));
        }
    }
    plan.measure(&draft, &mut report, task)?;
    plan.rewrite(&mut draft, &mut report);
    Ok(Changed { model: draft.finish(model)?, report })
}

struct Plan<'o> {
    options: &'o DynamicOptions,
    works: HashMap<NodeId, Work>,
    weights: Vec<Quantized>,
    /// Places of weights: by value, whether transposed, and whether a table.
    known: HashMap<(ValueId, bool, bool), usize>,
}

impl Plan<'_> {
    /// Decides about a node. `Err(Some(why))` if it stays as it is and that is worth mentioning.
    fn consider(&mut self, draft: &Draft, id: NodeId, node: &Node) -> Result<(), Option<String>> {
        let kind = self.kind(draft, node)?;
        if node.outputs.first().copied().flatten().is_none() {
            return Err(None);
        }
        let input = |i: usize| node.inputs.get(i).copied().flatten();
        let (at, transposed) = match &kind {
            Kind::Product(p) => (Some(p.b), p.transposed),
            Kind::Conv => (input(1), false),
            Kind::Gather => (input(0), false),
        };
        let Some(at) = at else { return Err(None) };
        let Some(weight) = draft.weight(at) else {
            return match kind {
                Kind::Gather => Err(None),
                _ => Err(Some("its weight is not a constant".to_owned())),
            };
        };
        if weight.elem != Elem::F32 {
            // Tables of integers are lists of shapes.
            return Err(weight.elem.is_float().then(|| format!("its weight is {}, not f32", weight.elem)));
        }
        let least = if matches!(kind, Kind::Conv) { 3 } else { 1 };
        if weight.dims.len() < least || (transposed && weight.dims.len() != 2) {
            return Err(Some(format!("its weight has {} dimensions", weight.dims.len())));
        }
        if let Some(why) = self.options.select.refusal(&draft.g, &draft.tensors, node) {
            return Err(Some(why));
        }
        let table = matches!(kind, Kind::Gather);
        let place = match self.known.get(&(at, transposed, table)) {
            Some(place) => *place,
            None => {
                let place = self.weights.len();
                self.weights.push(self.quantized(draft, &kind, weight));
                self.known.insert((at, transposed, table), place);
                place
            }
        };
        self.works.insert(id, Work { kind, weight: place });
        Ok(())
    }

    fn kind(&self, draft: &Draft, node: &Node) -> Result<Kind, Option<String>> {
        let o = self.options;
        let kind = match &*node.op {
            "MatMul" | "Gemm" if node.is_core() => match Product::of(node) {
                Some(product) => o.products.then_some(Kind::Product(product)),
                None => return Err(Some("it is not a plain product: alpha, beta or transA is set".to_owned())),
            },
            "Conv" if node.is_core() => o.convolutions.then_some(Kind::Conv),
            "Gather" if node.is_core() => o.embeddings.then_some(Kind::Gather),
            _ => {
                let heavy = draft.kept(node, "").bytes >= 1024;
                return Err(heavy.then(|| format!("{} has no dynamically quantized form here", node.op)));
            }
        };
        kind.ok_or_else(|| {
            let heavy = draft.kept(node, "").bytes > 0;
            heavy.then(|| format!("{} is not among the operators to quantize", node.op))
        })
    }

    fn quantized(&self, draft: &Draft, kind: &Kind, weight: Weight) -> Quantized {
        let o = self.options;
        let name = draft.g.values[weight.value].name.to_string();
        let (int, fit) = (o.int(), o.fit());
        let (weight, name, int, fit, axis) = match kind {
            Kind::Product(p) => {
                let (weight, name) = p.matrix(draft, &weight);
                let axis = (o.per_channel && weight.dims.len() > 1).then(|| weight.dims.len() - 1);
                (weight, name, int, fit, axis)
            }
            Kind::Conv => (weight, name, int, fit, None),
            // A table is what `DynamicQuantizeLinear` gives for activations, whatever the options for weights are.
            Kind::Gather => (weight, name, Int::U8, Fit::default(), None),
        };
        Quantized { weight, name, int, fit, axis, params: None, values: None }
    }

    /// Finds the scales of all weights. Nodes whose weights have none stay as they are.
    fn measure(&mut self, draft: &Draft, report: &mut Report, task: &Task<'_>) -> Result<()> {
        let wanted: Vec<Wanted> =
            self.weights.iter().map(|w| Wanted { entry: w.weight.entry.clone(), axis: w.axis }).collect();
        for (w, found) in self.weights.iter_mut().zip(ranges(&wanted, task)?) {
            let finite = found.iter().all(|r| r.finite);
            let params = || found.iter().map(|r| affine(r.ends().0, r.ends().1, w.int, w.fit)).collect();
            w.params = finite.then(params);
        }
        let weights = &self.weights;
        let mut lost: Vec<NodeId> =
            self.works.iter().filter(|(_, w)| weights[w.weight].params.is_none()).map(|(id, _)| *id).collect();
        lost.sort_unstable();
        for id in lost {
            self.works.remove(&id);
            report.kept.push(draft.kept(&draft.g.nodes[id], "its weight has values that are not finite"));
        }
        Ok(())
    }

    fn rewrite(&mut self, draft: &mut Draft, report: &mut Report) {
        let mut activations: HashMap<ValueId, [ValueId; 3]> = HashMap::new();
        for id in draft.take_nodes(draft.g.main) {
            let work = self.works.get(&id).map(|w| (w.kind.clone(), w.weight));
            let Some((kind, weight)) = work.and_then(|(kind, w)| Some((kind, self.values(draft, w)?))) else {
                draft.put(id);
                continue;
            };
            let Some(node) = draft.g.nodes.remove(id) else { continue };
            report.changed.push(draft.named(&node));
            match kind {
                Kind::Product(product) => {
                    let a = activation(draft, &mut activations, product.a);
                    let Some(target) = product.target(draft, &node) else { continue };
                    let integer = NewNode::new("MatMulInteger", "", &[a[0], weight[0], a[2], weight[2]]);
                    let scaled = Scaled { name: &target.name, base: &target.output, output: &target.output };
                    let value = scaled.add(draft, integer, [a[1], weight[1]], target.value);
                    product.add_bias(draft, &node, value);
                }
                Kind::Conv => conv(draft, &mut activations, &node, weight),
                Kind::Gather => gather(draft, &node, weight),
            }
        }
    }

    /// The integers, scale and zero point of a weight, which are added when they are first used.
    fn values(&mut self, draft: &mut Draft, weight: usize) -> Option<[ValueId; 3]> {
        let w = &mut self.weights[weight];
        if w.values.is_none() {
            let params = w.params.take()?;
            let dims: Vec<u64> = if w.axis.is_some() { vec![params.len() as u64] } else { Vec::new() };
            let scales: Vec<u8> = params.iter().flat_map(|a| a.scale.to_le_bytes()).collect();
            let zeros: Vec<u8> = params.iter().map(|a| a.zero_point as u8).collect();
            let elem = if w.int.is_signed() { Elem::I8 } else { Elem::U8 };
            let entry = quantized(&w.weight.entry, Params { int: w.int, axis: w.axis, each: params.into() });
            let q = draft.tensor(&format!("{}_quantized", w.name), elem, w.weight.dims.clone(), entry);
            let scale = draft.small(&format!("{}_scale", w.name), Elem::F32, dims.clone(), scales);
            let zero = draft.small(&format!("{}_zero_point", w.name), elem, dims, zeros);
            w.values = Some([q, scale, zero]);
        }
        w.values
    }
}

/// The integers, scale and zero point of an activation, which are computed once.
fn activation(draft: &mut Draft, known: &mut HashMap<ValueId, [ValueId; 3]>, value: ValueId) -> [ValueId; 3] {
    if let Some(values) = known.get(&value) {
        return *values;
    }
    let name = draft.g.values[value].name.to_string();
    let outputs = ["quantized", "scale", "zero_point"].map(|suffix| format!("{name}_{suffix}"));
    let node = NewNode::new("DynamicQuantizeLinear", format!("{name}_QuantizeLinear"), &[value]);
    let values = draft.add(node, &outputs);
    let values = [values[0], values[1], values[2]];
    known.insert(value, values);
    values
}

/// An operation on integers whose result becomes a float again.
struct Scaled<'a> {
    /// Name of the node that is replaced; may be empty.
    name: &'a str,
    /// What the names of values begin with.
    base: &'a str,
    /// Name of the result.
    output: &'a str,
}

impl Scaled<'_> {
    /// Adds the operation, the cast and the products with the scales. The result is `value`, or a new one.
    fn add(
        &self,
        draft: &mut Draft,
        mut integer: NewNode<'_>,
        scales: [ValueId; 2],
        value: Option<ValueId>,
    ) -> ValueId {
        let name = |suffix: &str| if self.name.is_empty() { String::new() } else { format!("{}{suffix}", self.name) };
        integer.name = name("_quant");
        let quantized = format!("{}_output_quantized", self.base);
        let sums = draft.add(integer, std::slice::from_ref(&quantized))[0];
        let cast = NewNode::new("Cast", format!("{quantized}_cast"), &[sums]).int("to", Elem::F32.code());
        let floats = draft.add(cast, &[format!("{quantized}_cast_output")])[0];
        let mut scales_name = name("_quant_scales_mul");
        if scales_name.is_empty() {
            let [a, b] = scales.map(|v| draft.g.values[v].name.to_string());
            scales_name = format!("{a}_{b}_mul");
        }
        let output = format!("{scales_name}:0");
        let scale = draft.add(NewNode::new("Mul", scales_name, &scales), &[output])[0];
        let product = NewNode::new("Mul", name("_quant_output_scale_mul"), &[floats, scale]);
        match value {
            Some(value) => {
                draft.add_to(product, &[value]);
                value
            }
            None => draft.add(product, &[self.output.to_owned()])[0],
        }
    }
}

fn conv(draft: &mut Draft, known: &mut HashMap<ValueId, [ValueId; 3]>, node: &Node, weight: [ValueId; 3]) {
    let (Some(Some(x)), Some(Some(value))) = (node.inputs.first(), node.outputs.first()) else { return };
    let a = activation(draft, known, *x);
    let mut integer = NewNode::new("ConvInteger", "", &[a[0], weight[0], a[2], weight[2]]);
    integer.attributes.clone_from(&node.attributes);
    let base = draft.g.values[*value].name.to_string();
    let Some(Some(bias)) = node.inputs.get(2) else {
        let scaled = Scaled { name: &node.name, base: &base, output: &base };
        scaled.add(draft, integer, [a[1], weight[1]], Some(*value));
        return;
    };
    let scaled = Scaled { name: &node.name, base: &base, output: &format!("{base}quant_scaled_output") };
    let sum = scaled.add(draft, integer, [a[1], weight[1]], None);
    // The bias is one number for each channel: dimension 1 of the result.
    let rank = draft.g.values[weight[0]].ty.shape().map_or(4, <[_]>::len);
    let shape: Vec<u8> = (0..rank).flat_map(|i| if i == 1 { -1i64 } else { 1 }.to_le_bytes()).collect();
    let shape = draft.small(&format!("{base}_bias_reshape_shape"), Elem::I64, vec![rank as u64], shape);
    let reshaped = draft.add(NewNode::new("Reshape", "", &[*bias, shape]), &[format!("{base}_bias_reshape_output")])[0];
    draft.add_to(NewNode::new("Add", format!("{base}_bias_add"), &[sum, reshaped]), &[*value]);
}

fn gather(draft: &mut Draft, node: &Node, weight: [ValueId; 3]) {
    let (Some(Some(indices)), Some(Some(value))) = (node.inputs.get(1), node.outputs.first()) else { return };
    let base = draft.g.values[*value].name.to_string();
    let mut gather = NewNode::new("Gather", &*node.name, &[weight[0], *indices]);
    gather.attributes.clone_from(&node.attributes);
    let rows = draft.add(gather, &[format!("{base}_quantized")])[0];
    let name = format!("{base}_DequantizeLinear");
    draft.add_to(NewNode::new("DequantizeLinear", name, &[rows, weight[1], weight[2]]), &[*value]);
}
