//! What changes the precision of an operator graph: each function takes a [`Model`] with a graph and gives one with another
//! graph and another list of lazy tensors.
//!
//! - [`quantize_dynamic`]: 8-bit weights, activations quantized while the network runs (`MatMulInteger`, `ConvInteger`).
//! - [`quantize_blocks`]: weights of 4 or 8 bits in blocks (`MatMulNBits`, or `DequantizeLinear` with a block size).
//! - [`quantize_static`]: everything between nodes is 8-bit integers, with ranges that were observed (`QuantizeLinear`, `DequantizeLinear`).
//! - [`to_half`]: `f16` or `bf16`, in whole or in part.
//!
//! Names and arithmetic are ONNX Runtime's (1.32), so that integers, scales and zero points are equal for equal options. What stays as it was is
//! listed with its reason ([`Report`]). Weights are read twice: once for the ranges that scales need, in pieces and in parallel, and when the
//! rows of the result are asked for. Must not know recipes, file formats or jobs. Tests: `cargo test --lib transform::graph`.
#![cfg_attr(not(test), allow(dead_code, unused_imports, reason = "the target that writes graphs uses it next"))]

mod blocks;
mod draft;
mod dynamic;
mod fixed;
mod gemm;
mod half;
mod matrix;
mod rows;
mod select;
mod stats;

#[cfg(test)]
mod tests;

pub(crate) use blocks::{BlockForm, BlockOptions, quantize_blocks};
pub(crate) use dynamic::{DynamicOptions, quantize_dynamic};
pub(crate) use fixed::{StaticOptions, quantize_static, values_to_observe};
pub(crate) use half::{Half, HalfOptions, to_half};
pub(crate) use select::{Rule, Select};

use crate::model::Model;

/// A changed model, and what was changed.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    /// The model.
    pub model: Model,
    /// What was changed, and what was not.
    pub report: Report,
}

/// What a change of precision did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// The nodes that were changed.
    pub changed: Vec<NodeName>,
    /// The nodes that could have been changed, or hold weights, but stayed as they were.
    pub kept: Vec<Kept>,
    /// Sentences about the result as a whole.
    pub notes: Vec<String>,
}

/// A node as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeName {
    /// Its name; where it has none, that of its first output.
    pub name: String,
    /// Its operator.
    pub op: String,
}

/// A node that stayed as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The node.
    pub node: NodeName,
    /// Why: one clause.
    pub why: String,
    /// Bytes of its floating-point weights.
    pub bytes: u64,
}
