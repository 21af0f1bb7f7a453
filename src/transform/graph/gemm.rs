//! Products with a matrix: `MatMul`, and `Gemm` where it is a product and a sum.

use super::draft::{Draft, NewNode, Weight};
use crate::graph::{AttrValue, Node, ValueId};
use crate::model::{TensorEntry, Transposed};
use crate::tensor::Shape;
use std::sync::Arc;

/// A product `a · b`, and what is added to it.
#[derive(Clone)]
pub(super) struct Product {
    pub(super) a: ValueId,
    pub(super) b: ValueId,
    /// A vector or matrix that is added.
    pub(super) bias: Option<ValueId>,
    /// True if `b` is the transpose of the matrix.
    pub(super) transposed: bool,
    /// True for `Gemm`.
    gemm: bool,
}

/// Where the result of a product goes.
pub(super) struct Target {
    /// Name of the node that multiplies; empty if the node of the product has none.
    pub(super) name: String,
    /// Name of what it gives.
    pub(super) output: String,
    /// The value, if nothing is added to the product.
    pub(super) value: Option<ValueId>,
}

impl Product {
    /// The product that a node of the core domain computes.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let input = |i: usize| node.inputs.get(i).copied().flatten();
        let (a, b) = (input(0)?, input(1)?);
        match &*node.op {
            "MatMul" if node.is_core() => Some(Self { a, b, bias: None, transposed: false, gemm: false }),
            "Gemm" if node.is_core() => {
                let one = |name: &str| match node.attribute(name) {
                    None => true,
                    Some(AttrValue::Float(v)) => *v == 1.0,
                    Some(_) => false,
                };
                let int = |name: &str| match node.attribute(name) {
                    None => Some(0),
                    Some(AttrValue::Int(v)) => Some(*v),
                    Some(_) => None,
                };
                let plain = one("alpha") && one("beta") && int("transA")? == 0;
                plain.then_some(Self { a, b, bias: input(2), transposed: int("transB")? != 0, gemm: true })
            }
            _ => None,
        }
    }

    /// The matrix as `[K, N]`, and its name.
    pub(super) fn matrix(&self, draft: &Draft, weight: &Weight) -> (Weight, String) {
        let name = draft.g.values[weight.value].name.to_string();
        if !self.transposed {
            return (weight.clone(), name);
        }
        let dims: Vec<u64> = weight.dims.iter().rev().copied().collect();
        let class = weight.entry.class;
        let entry = match weight.entry.data.transpose_of() {
            // The transpose of a transpose is the matrix itself.
            Some(inner) => inner.clone(),
            None => {
                let (shape, encoding) = (Shape(dims.clone()), weight.entry.encoding);
                let data = Arc::new(Transposed { inner: weight.entry.clone() });
                TensorEntry::new(weight.entry.name.clone(), shape, encoding, data)
            }
        };
        let weight = Weight { entry: TensorEntry { class, ..entry }, dims, ..weight.clone() };
        (weight, format!("{name}_Transposed"))
    }

    /// Where the node that replaces the multiplication of `node` gives its result.
    pub(super) fn target(&self, draft: &Draft, node: &Node) -> Option<Target> {
        let value = node.outputs.first().copied().flatten()?;
        let output = &draft.g.values[value].name;
        let suffix = if self.gemm && !node.name.is_empty() { "_MatMul" } else { "" };
        let name = format!("{}{suffix}", node.name);
        Some(match self.bias {
            None => Target { name, output: output.to_string(), value: Some(value) },
            Some(_) => Target { name, output: format!("{output}_MatMul"), value: None },
        })
    }

    /// Adds the sum after the product.
    pub(super) fn add_bias(&self, draft: &mut Draft, node: &Node, product: ValueId) {
        if let (Some(bias), Some(value)) = (self.bias, node.outputs.first().copied().flatten()) {
            let name = if node.name.is_empty() { String::new() } else { format!("{}_Add", node.name) };
            draft.add_to(NewNode::new("Add", name, &[product, bias]), &[value]);
        }
    }
}
