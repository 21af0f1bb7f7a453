//! The request and the resulting plan.

use crate::model::{MetaValue, Metadata, Name, Warning};
use crate::quant::Encoding;
use crate::transform::{FileType, Imatrix};
use std::collections::HashMap;
use std::sync::Arc;

/// A request to quantize a model, with llama-quantize's options.
#[derive(Clone, Debug)]
pub(crate) struct QuantizeRequest {
    /// The file type.
    pub file_type: FileType,
    /// Importance weights.
    pub imatrix: Option<Arc<Imatrix>>,
    /// The type of `token_embd.weight` (and of the per-layer one), whatever the rules say.
    pub token_embedding_type: Option<Encoding>,
    /// The type of `output.weight`, whatever the rules say.
    pub output_type: Option<Encoding>,
    /// Types by exact tensor name, as the user's patterns resolved them. Only with a quantized file type.
    pub tensor_types: HashMap<Name, Encoding>,
    /// Every tensor that may be quantized gets the base type.
    pub pure: bool,
    /// Keep `output.weight` as it is.
    pub leave_output: bool,
    /// A row length that does not fit the blocks of the requested type is an error instead of a fallback.
    pub no_fallback: bool,
    /// Quantize tensors that are already quantized.
    pub allow_requantize: bool,
    /// Metadata to set, in order. The rules of the mix use whole numbers among them, as llama-quantize's loader does.
    pub overrides: Vec<(String, MetaValue)>,
    /// Number of layers before some were removed: the rules of the mix use it.
    pub layers_before_pruning: Option<u32>,
    /// Write the tensors in the order of the source, as `--keep-split` does. The rules count in that order.
    pub keep_order: bool,
}

impl QuantizeRequest {
    /// A request for `file_type` without further options.
    pub(crate) fn new(file_type: FileType) -> Self {
        Self {
            file_type,
            imatrix: None,
            token_embedding_type: None,
            output_type: None,
            tensor_types: HashMap::new(),
            pure: false,
            leave_output: false,
            no_fallback: false,
            allow_requantize: false,
            overrides: Vec::new(),
            layers_before_pruning: None,
            keep_order: false,
        }
    }
}

/// The encoding chosen for a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The new encoding.
    pub encoding: Encoding,
    /// The rule that chose it; `None` if it is the base type.
    pub because: Option<&'static str>,
    /// The requested type, if it does not fit the rows.
    pub fallback_from: Option<Encoding>,
}

impl Choice {
    pub(super) fn plain(encoding: Encoding) -> Self {
        Self { encoding, because: None, fallback_from: None }
    }

    pub(super) fn because(encoding: impl Into<Encoding>, why: &'static str) -> Self {
        Self { encoding: encoding.into(), because: Some(why), fallback_from: None }
    }
}

/// A planned quantization.
#[derive(Clone, Debug)]
pub(crate) struct QuantizePlan {
    /// Indices of the model's tensors in output order.
    pub order: Vec<usize>,
    /// One for each entry of `order`.
    pub choices: Vec<Choice>,
    /// The metadata of the output.
    pub metadata: Metadata,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}
