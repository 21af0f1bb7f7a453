//! The operator graph: nodes, values, regions, symbolic dimensions and functions, with the semantics of ONNX for core operators.
//!
//! A [`Graph`] holds structure only. Weights stay where they are: a [`Constant`] names a tensor of the model ([`TensorRef`]), and only small
//! constants, which shape inference needs, are held inline. All values of a graph are in one arena, those of nested regions too, so a
//! region that uses a value of an outer one refers to it by its id, and captured values are computed (`walk`), never guessed from names.
//!
//! Must not know files, formats or models. What a file says beyond this structure is kept verbatim as [`Foreign`] fields, which only the
//! writer of the same format looks at. Readers of formats build graphs, `formats::onnx` first; operators of other domains than the core
//! (`com.microsoft`, custom ones) are nodes like any other. Tests: `cargo test --lib graph::`.
#![allow(dead_code, reason = "passes and writers of graphs, which come next, use the parts that only tests use now")]

mod arena;
mod attribute;
mod build;
mod constant;
mod dim;
mod edit;
mod elem;
pub(crate) mod eval;
mod foreign;
mod infer;
pub(crate) mod judge;
mod lift;
pub(crate) mod make;
pub(crate) mod ops;
pub(crate) mod passes;
mod summary;
mod types;
mod visit;
mod walk;

pub(crate) use arena::{NodeId, RegionId, TensorRef, ValueId};
pub(crate) use attribute::{AttrValue, Attribute, TypeAttr};
pub use build::Graph;
pub(crate) use build::{About, Function, Node, Opset, Port, Region, Source, Value};
pub(crate) use constant::{Constant, ConstantData, INLINE_BYTES, MAX_INTS, SparseConstant};
pub(crate) use dim::Dim;
pub(crate) use elem::Elem;
pub(crate) use foreign::{Declared, Extra, Foreign};
pub(crate) use infer::{Inference, ints_of};
pub(crate) use summary::domain_shown;
pub(crate) use types::ValueType;

use std::fmt;
use std::sync::Arc;

/// Text that many parts of a graph share: names of values and operators.
pub(crate) type Text = Arc<str>;

/// What is wrong with a graph: one clause, and the node or value it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GraphError {
    /// The node or value, as it is shown: `node "conv1" (Conv)`.
    pub place: String,
    /// One clause in lower case.
    pub what: String,
}

impl GraphError {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for GraphError {}
