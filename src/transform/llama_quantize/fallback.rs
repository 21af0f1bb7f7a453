//! The encoding for tensors whose row length is not a multiple of the block length (`tensor_type_fallback`).

use super::Choice;
use crate::model::{ModelError, Result, TensorEntry};
use crate::quant::{BlockType, Encoding};
use crate::tensor::DType;

/// The choice itself if it fits, else its fallback: a format of 32-element blocks of about the same size, and F16 if even that does not
/// fit.
pub(super) fn fit(tensor: &TensorEntry, wanted: Choice) -> Result<Choice> {
    let (Encoding::Block(ty), None) = (wanted.encoding, wanted.encoding.row_bytes(tensor.cols())) else {
        return Ok(wanted);
    };
    let smaller = match ty {
        BlockType::IQ1_S
        | BlockType::IQ1_M
        | BlockType::IQ2_XXS
        | BlockType::IQ2_XS
        | BlockType::IQ2_S
        | BlockType::IQ3_XXS
        | BlockType::IQ3_S
        | BlockType::IQ4_XS => BlockType::IQ4_NL,
        BlockType::Q2_0 | BlockType::Q2_K | BlockType::Q3_K | BlockType::TQ1_0 | BlockType::TQ2_0 => BlockType::Q4_0,
        BlockType::Q4_K => BlockType::Q5_0,
        BlockType::Q5_K => BlockType::Q5_1,
        BlockType::Q6_K => BlockType::Q8_0,
        small if small.block_elems() <= 32 => small,
        other => {
            return Err(ModelError::unsupported(format!(
                "rows of {} elements do not fit {other}, which has no fallback type",
                tensor.cols()
            ))
            .field(&tensor.name)
            .with_hint("Choose another file type, or give this tensor a type by pattern."));
        }
    };
    let encoding = match Encoding::from(smaller) {
        fits if fits.row_bytes(tensor.cols()).is_some() => fits,
        _ => Encoding::Plain(DType::F16),
    };
    Ok(Choice { encoding, because: wanted.because, fallback_from: wanted.fallback_from.or(Some(wanted.encoding)) })
}
