//! What can be done with a block format, and with which instruction set.

use super::block_type::BlockType;
use super::codec::Importance;
use super::simd;

fn importance(ty: BlockType) -> Option<Importance> {
    ty.functions().map(|f| f.importance)
}

/// True if [`quantize_rows`](crate::quant::quantize_rows) can write this format, and
/// [`dequantize_rows`](crate::quant::dequantize_rows) read it.
pub fn can_quantize(ty: BlockType) -> bool {
    ty.functions().is_some_and(|f| f.writes)
}

/// True if the format cannot be written without importance weights (`ggml_quantize_requires_imatrix`).
pub fn needs_imatrix(ty: BlockType) -> bool {
    importance(ty) == Some(Importance::Required)
}

/// True if importance weights change what [`quantize_rows`](crate::quant::quantize_rows) writes in this format.
pub(crate) fn uses_imatrix(ty: BlockType) -> bool {
    importance(ty) != Some(Importance::Ignored)
}

/// True if a format with importance weights needs the mean square of the whole row.
pub(crate) fn needs_mean_square(ty: BlockType) -> bool {
    ty.functions().is_some_and(|f| f.needs_mean_square)
}

/// The instruction sets this machine can quantize with, the plainest first: the names that the environment variable
/// `REMOLD_ISA` accepts. Without the variable the last is used.
pub fn instruction_sets() -> Vec<&'static str> {
    simd::names()
}

/// The instruction set that is used: the last of [`instruction_sets`], or the one that `REMOLD_ISA` names.
pub(crate) fn instruction_set() -> &'static str {
    simd::best().name()
}

/// The processor's features that the instruction set in use has beyond those of every processor of the target, with commas between them.
pub(crate) fn instruction_set_features() -> &'static str {
    simd::best().features()
}
