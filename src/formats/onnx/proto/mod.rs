//! The messages of `onnx.proto` as they are in a file: decoded, not interpreted. Data of tensors stays in the file.
//!
//! Schema: `onnx/onnx.proto` of ONNX 1.23 (IR version 14). Fields that are not listed here, and those that are present but empty, become
//! [`Foreign`](crate::graph::Foreign) fields, so that a file can be written again without losing them.

mod decode;
mod tensor;
mod types;

pub(super) use decode::decode;
pub(super) use types::encode_type;

use crate::formats::protobuf::Span;
use crate::graph::{About, Declared, Extra, Opset, Text, ValueType};

/// `ModelProto`.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) about: About,
    pub(super) opsets: Vec<Opset>,
    pub(super) graph: Option<Graph>,
    pub(super) functions: Vec<Function>,
    pub(super) extra: Extra,
}

/// `GraphProto`.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) name: Text,
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Tensor>,
    pub(super) sparse: Vec<SparseTensor>,
    pub(super) inputs: Vec<ValueInfo>,
    pub(super) outputs: Vec<ValueInfo>,
    pub(super) value_infos: Vec<ValueInfo>,
    pub(super) extra: Extra,
}

/// `NodeProto`.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Offset of the message in the file.
    pub(super) at: u64,
    pub(super) inputs: Vec<Text>,
    pub(super) outputs: Vec<Text>,
    pub(super) name: Text,
    pub(super) op: Text,
    pub(super) domain: Text,
    pub(super) overload: Text,
    pub(super) attributes: Vec<Attribute>,
    pub(super) extra: Extra,
}

/// `AttributeProto`.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: Text,
    pub(super) value: Value,
    pub(super) extra: Extra,
}

/// The value of an attribute.
#[derive(Debug)]
pub(super) enum Value {
    Float(f32),
    Int(i64),
    Str(Box<[u8]>),
    Tensor(Box<Tensor>),
    Graph(Box<Graph>),
    Sparse(Box<SparseTensor>),
    Type(Box<Type>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Strs(Vec<Box<[u8]>>),
    Tensors(Vec<Tensor>),
    Graphs(Vec<Graph>),
    Sparses(Vec<SparseTensor>),
    Types(Vec<Type>),
    Reference(Text, i64),
    Other(i64),
}

/// `ValueInfoProto`.
#[derive(Debug, Default)]
pub(super) struct ValueInfo {
    /// The whole field in the file.
    pub(super) span: Option<Span>,
    pub(super) name: Text,
    pub(super) ty: Type,
    pub(super) extra: Extra,
}

/// `TypeProto`.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub(super) ty: ValueType,
    /// Set where the encoding says more than the type.
    pub(super) declared: Option<Declared>,
}

/// `TensorProto`.
#[derive(Debug, Default)]
pub(super) struct Tensor {
    /// Offset of the message in the file.
    pub(super) at: u64,
    pub(super) name: Text,
    pub(super) dims: Vec<i64>,
    pub(super) data_type: i64,
    pub(super) raw: Option<Span>,
    pub(super) floats: Numbers,
    pub(super) doubles: Numbers,
    pub(super) int32s: Numbers,
    pub(super) int64s: Numbers,
    pub(super) uint64s: Numbers,
    pub(super) strings: Vec<Box<[u8]>>,
    pub(super) external: Vec<(Text, Text)>,
    pub(super) location: u64,
    pub(super) extra: Extra,
}

/// Numbers of one of a tensor's typed fields.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Packed ones.
    pub(super) packed: Vec<Span>,
    /// Others, one field each, which no writer of the last years makes: their bits.
    pub(super) loose: Vec<u64>,
}

/// `SparseTensorProto`.
#[derive(Debug, Default)]
pub(super) struct SparseTensor {
    pub(super) values: Tensor,
    pub(super) indices: Tensor,
    pub(super) dims: Vec<i64>,
    pub(super) extra: Extra,
}

/// `FunctionProto`.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub(super) name: Text,
    pub(super) domain: Text,
    pub(super) overload: Text,
    pub(super) inputs: Vec<Text>,
    pub(super) outputs: Vec<Text>,
    pub(super) attributes: Vec<Text>,
    pub(super) defaults: Vec<Attribute>,
    pub(super) nodes: Vec<Node>,
    pub(super) value_infos: Vec<ValueInfo>,
    pub(super) opsets: Vec<Opset>,
    pub(super) extra: Extra,
}

impl Numbers {
    /// True without any number.
    pub(super) fn is_empty(&self) -> bool {
        self.packed.iter().all(|s| s.len == 0) && self.loose.is_empty()
    }
}
