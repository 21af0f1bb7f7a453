//! Weights of products in blocks of 4 or 8 bits: `MatMulNBits` of ONNX Runtime, or `DequantizeLinear` with a block size before a `MatMul`.
//!
//! A block is so many rows of one column, with a scale and, where it is asymmetric, a zero point. Names and bytes are those of
//! `MatMulNBitsQuantizer` of ONNX Runtime 1.32. Integers, scales and zero points are computed when their rows are read (`data`).

mod data;

use super::draft::{Draft, NewNode, Weight};
use super::gemm::Product;
use super::matrix::Matrix;
use super::select::Select;
use super::{Changed, Report};
use crate::graph::{Elem, Node, NodeId, ValueId};
use crate::model::{Model, ModelError, Result};
use crate::quant::affine::BlockBits;
use data::{Blocks, Layout, Part};
use std::collections::HashMap;

/// The first version of the core domain whose `DequantizeLinear` has blocks and 4-bit integers.
const OPSET_QDQ: i64 = 21;
/// The first version of the file format with 4-bit integers.
const FORMAT_QDQ: i64 = 10;
/// The domain of `MatMulNBits`.
const MICROSOFT: &str = "com.microsoft";

/// The operators that a weight in blocks is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BlockForm {
    /// `MatMulNBits` of the domain `com.microsoft`.
    #[default]
    Operator,
    /// `DequantizeLinear` with a block size, and `MatMul`.
    Qdq,
}

/// How weights are put in blocks. The defaults are ONNX Runtime's, but for the block length: 32 instead of 128.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockOptions {
    /// Bits of an integer: 4 or 8.
    pub bits: u32,
    /// Rows in a block: a power of 2 from 16 to 256.
    pub block: u32,
    /// Whether blocks have no zero point.
    pub symmetric: bool,
    /// The operators.
    pub form: BlockForm,
    /// The `accuracy_level` of `MatMulNBits`: 1 is f32, 4 allows 8-bit activations, which is faster and less exact. `None` leaves it to the runtime.
    pub accuracy_level: Option<u32>,
    /// Which nodes.
    pub select: Select,
}

impl Default for BlockOptions {
    fn default() -> Self {
        Self {
            bits: 4,
            block: 32,
            symmetric: false,
            form: BlockForm::Operator,
            accuracy_level: None,
            select: Select::default(),
        }
    }
}

impl BlockOptions {
    fn bits(&self) -> Result<BlockBits> {
        match self.bits {
            4 => Ok(BlockBits::Four),
            8 => Ok(BlockBits::Eight),
            n => Err(ModelError::request(format!("{n} bits are not possible for blocks: 4 or 8"))),
        }
    }
}

/// Puts the weights of products in blocks.
///
/// # Errors
/// A model without a graph; options that are not possible; for `DequantizeLinear` with blocks, operators of a version before 21.
pub(crate) fn quantize_blocks(model: &Model, options: &BlockOptions) -> Result<Changed> {
    let mut draft = Draft::of(model)?;
    let bits = options.bits()?;
    if !options.block.is_power_of_two() || !(16..=256).contains(&options.block) {
        let what = format!("a block of {} is not possible: a power of 2 from 16 to 256", options.block);
        return Err(ModelError::request(what));
    }
    if options.accuracy_level.is_some_and(|l| l > 4) {
        return Err(ModelError::request("the accuracy level of MatMulNBits is a number from 0 to 4"));
    }
    match options.form {
        BlockForm::Operator => draft.use_domain(MICROSOFT, 1),
        BlockForm::Qdq => {
            let what = "DequantizeLinear with a block size";
            draft.need_opset(OPSET_QDQ, what).map_err(|e| e.in_file(&model.path))?;
            draft.g.about.format_version = draft.g.about.format_version.max(FORMAT_QDQ);
        }
    }
    let mut report = Report::default();
    for (_, node) in draft.g.nodes.iter().filter(|(_, n)| n.region != draft.g.main) {
        if matches!(&*node.op, "MatMul" | "Gemm") {
            report.kept.push(draft.kept(node, "it is in a branch or the body of a loop"));
        }
    }
    let mut works: HashMap<NodeId, (Product, Weight)> = HashMap::new();
    for id in &draft.g.regions[draft.g.main].nodes {
        let node = &draft.g.nodes[*id];
        match consider(&draft, options, node) {
            Ok(work) => {
                works.insert(*id, work);
            }
            Err(Some(why)) => report.kept.push(draft.kept(node, why)),
            Err(None) => {}
        }
    }
    let mut writer = Writer { options, bits, known: HashMap::new() };
    for id in draft.take_nodes(draft.g.main) {
        let work = works.remove(&id).and_then(|w| Some((Matrix::of(&w.1)?, w)));
        let Some((matrix, (product, weight))) = work else {
            draft.put(id);
            continue;
        };
        let Some(node) = draft.g.nodes.remove(id) else { continue };
        report.changed.push(draft.named(&node));
        writer.write(&mut draft, &node, &product, &weight, matrix);
    }
    if options.form == BlockForm::Operator && options.accuracy_level == Some(4) {
        let text = "accuracy level 4 rounds activations to 8 bits: it is faster, and results are less exact";
        report.notes.push(text.to_owned());
    }
    Ok(Changed { model: draft.finish(model)?, report })
}

/// Decides about a node. `Err(Some(why))` if it stays as it is and that is worth mentioning.
fn consider(draft: &Draft, options: &BlockOptions, node: &Node) -> Result<(Product, Weight), Option<String>> {
    let Some(product) = Product::of(node) else {
        let heavy = draft.kept(node, "").bytes >= 1024;
        return Err(heavy.then(|| format!("weights of {} are not put in blocks", node.op)));
    };
    if node.outputs.first().copied().flatten().is_none() {
        return Err(None);
    }
    if let Some(why) = options.select.refusal(&draft.g, &draft.tensors, node) {
        return Err(Some(why));
    }
    let Some(weight) = draft.weight(product.b) else {
        return Err(Some("its weight is not a constant".to_owned()));
    };
    if !matches!(weight.elem, Elem::F32 | Elem::F16) {
        return Err(weight.elem.is_float().then(|| format!("its weight is {}, not f32 or f16", weight.elem)));
    }
    if weight.dims.len() != 2 || weight.dims.contains(&0) {
        return Err(Some(format!("its weight is not a matrix: it has {} dimensions", weight.dims.len())));
    }
    let (weight, _) = product.matrix(draft, &weight);
    Ok((product, weight))
}

struct Writer<'o> {
    options: &'o BlockOptions,
    bits: BlockBits,
    /// What a weight became: integers, scales, zero points; or what `DequantizeLinear` gives.
    known: HashMap<(ValueId, bool), Vec<ValueId>>,
}

impl Writer<'_> {
    fn write(&mut self, draft: &mut Draft, node: &Node, product: &Product, weight: &Weight, matrix: Matrix) {
        let Some(target) = product.target(draft, node) else { return };
        let key = (weight.value, product.transposed);
        let (k, n, bits) = (matrix.k, matrix.n, self.options.bits);
        let named = |suffix: &str| {
            if target.name.is_empty() { String::new() } else { format!("{}{suffix}", target.name) }
        };
        let values = match self.known.get(&key) {
            Some(values) => values.clone(),
            None => {
                let (_, name) = product.matrix(draft, weight);
                let mut values = self.constants(draft, &name, weight, matrix);
                if self.options.form == BlockForm::Qdq {
                    let new = NewNode::new("DequantizeLinear", named(&format!("_DQ_Q{bits}")), &values);
                    let new = new.int("axis", 0).int("block_size", self.options.block.into());
                    values = draft.add(new, &[format!("{name}_DQ_Q{bits}_output")]);
                }
                self.known.insert(key, values.clone());
                values
            }
        };
        let inputs: Vec<ValueId> = std::iter::once(product.a).chain(values).collect();
        let new = match self.options.form {
            BlockForm::Qdq => NewNode::new("MatMul", named(&format!("_matmul_Q{bits}")), &inputs),
            BlockForm::Operator => {
                let new = NewNode::new("MatMulNBits", named(&format!("_Q{bits}")), &inputs);
                let new = new.int("K", k as i64).int("N", n as i64).int("bits", bits.into());
                let new = new.int("block_size", self.options.block.into());
                let new = match self.options.accuracy_level {
                    None | Some(0) => new,
                    Some(level) => new.int("accuracy_level", level.into()),
                };
                NewNode { domain: MICROSOFT, ..new }
            }
        };
        match target.value {
            Some(value) => {
                draft.add_to(new, &[value]);
            }
            None => {
                let sum = draft.add(new, &[target.output])[0];
                product.add_bias(draft, node, sum);
            }
        }
    }

    /// Integers, scales and, for asymmetric blocks, zero points.
    fn constants(&self, draft: &mut Draft, name: &str, weight: &Weight, matrix: Matrix) -> Vec<ValueId> {
        let o = self.options;
        let (layout, mark) = match o.form {
            BlockForm::Operator => (Layout::Columns, ""),
            BlockForm::Qdq => (Layout::Rows, "_DQ"),
        };
        let blocks = Blocks {
            matrix,
            bits: self.bits,
            block: o.block.into(),
            symmetric: o.symmetric,
            layout,
            name: weight.entry.name.clone(),
        };
        let parts = [
            (Part::Integers, format!("{name}{mark}_Q{}", o.bits)),
            (Part::Scales, format!("{name}{mark}_scales")),
            (Part::ZeroPoints, format!("{name}{mark}_zero_points")),
        ];
        let wanted = if o.symmetric { 2 } else { 3 };
        let add = |(part, name): (Part, String)| {
            let (elem, dims, entry) = blocks.tensor(part, weight.elem, weight.entry.class);
            draft.tensor(&name, elem, dims, entry)
        };
        parts.into_iter().take(wanted).map(add).collect()
    }
}
