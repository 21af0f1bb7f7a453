//! Operators of other domains than the core.

use super::engine::Rule;
use super::{Args, Evaluated, Tensor, one};
use crate::graph::{Elem, Node};

mod ml;
mod packed;
mod quantized;
mod training;

/// The domains whose operators are evaluated.
const OPERATORS: &[(&str, &str, Rule)] = &[
    ("ai.onnx.ml", "ArrayFeatureExtractor", ml::array_feature_extractor),
    ("ai.onnx.ml", "Binarizer", ml::binarizer),
    ("ai.onnx.ml", "LabelEncoder", ml::label_encoder),
    ("ai.onnx.ml", "TreeEnsemble", ml::tree_ensemble),
    ("ai.onnx.preview.training", "Adagrad", training::adagrad),
    ("ai.onnx.preview.training", "Adam", training::adam),
    ("ai.onnx.preview.training", "Momentum", training::momentum),
    ("com.microsoft", "MatMulNBits", packed::matmul),
    ("com.microsoft", "QLinearAdd", quantized::add),
    ("com.microsoft", "QLinearConcat", quantized::concat),
    ("com.microsoft", "QLinearMul", quantized::mul),
    ("com.microsoft", "QLinearSoftmax", quantized::softmax),
];

/// The evaluation of an operator of another domain.
pub(super) fn find(node: &Node) -> Option<Rule> {
    OPERATORS.iter().find(|(domain, op, _)| *node.domain == **domain && *node.op == **op).map(|(_, _, rule)| *rule)
}
