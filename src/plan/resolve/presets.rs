//! Ready-made targets, for those who choose from a list.

use super::TARGETS;
use crate::model::FormatId;
use crate::recipe::{Target, options};

/// A ready-made target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetPreset {
    /// The format.
    pub format: FormatId,
    /// What decides the types.
    pub types: PresetTypes,
    /// As shown.
    pub title: &'static str,
    /// When to take it, in a few words.
    pub about: &'static str,
    /// The quantization is made only with an importance matrix.
    pub needs_imatrix: bool,
}

/// What decides the types of a preset's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetTypes {
    /// They stay.
    Kept,
    /// A quantization.
    Quantized(&'static str),
    /// The size or the bits for each weight that the user gives.
    Budget,
}

impl TargetPreset {
    /// The format and what becomes of the types: `gguf Q4_K_M`.
    pub(crate) fn name(&self) -> String {
        match self.types {
            PresetTypes::Kept => self.format.to_string(),
            _ => format!("{} {}", self.format, self.title),
        }
    }

    /// The target; that within a budget has none yet.
    pub fn target(&self) -> Target {
        let quantization = match self.types {
            PresetTypes::Quantized(q) => Some(q.to_owned()),
            PresetTypes::Kept | PresetTypes::Budget => None,
        };
        Target { quantization, ..Target::of(self.format) }
    }

    /// True if it quantizes an operator graph, whose weights have to be read to plan it.
    pub(crate) fn quantizes_graph(&self) -> bool {
        matches!(self.types, PresetTypes::Quantized(_)) && options::is_of_graphs(self.format)
    }

    /// The file type, where there is one: the name under which a forecast has it.
    pub fn file_type(&self) -> Option<&'static str> {
        let forecast = super::has_forecast(self.format);
        (forecast && matches!(self.types, PresetTypes::Quantized(_))).then_some(self.title)
    }
}

/// The presets of every format: those of the first format, the usual choice before all others, then those of the next.
pub(crate) fn presets() -> impl Iterator<Item = &'static TargetPreset> {
    TARGETS.iter().flat_map(|t| t.presets)
}

/// A preset that keeps the types of the source.
pub(super) const fn kept(format: FormatId, about: &'static str) -> TargetPreset {
    TargetPreset { format, types: PresetTypes::Kept, title: "as stored", about, needs_imatrix: false }
}

/// safetensors.
pub(super) const SAFETENSORS: &[TargetPreset] = &[kept(FormatId::Safetensors, "to train, to serve")];

/// ONNX.
pub(super) const ONNX: &[TargetPreset] = &[
    graph("int8", "8-bit weights, a quarter of the size: the usual choice for CPUs"),
    graph("int4", "4-bit weights of matrix products, for language models"),
    graph("f16", "half precision, for GPUs"),
    kept(FormatId::Onnx, "ONNX Runtime and others"),
];

/// A quantization of an operator graph.
const fn graph(quantization: &'static str, about: &'static str) -> TargetPreset {
    let types = PresetTypes::Quantized(quantization);
    TargetPreset { format: FormatId::Onnx, types, title: quantization, about, needs_imatrix: false }
}

/// PyTorch.
pub(super) const PYTORCH: &[TargetPreset] = &[kept(FormatId::Pytorch, "a .pt state dict")];
