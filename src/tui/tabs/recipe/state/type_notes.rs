//! What each quantization is for, in a few words, for lists to choose from.

use crate::model::FormatId;
use crate::recipe::options;

/// The note on a quantization or tensor type; empty if there is none.
pub(crate) fn about(name: &str) -> &'static str {
    match name {
        "auto" => "no quantization: as stored",
        "copy" => "every tensor unchanged, byte for byte",
        "f32" => "exact for every source, twice the size of most",
        "f16" => "half precision; values beyond 65504 do not fit",
        "bf16" => "half precision, the range of f32",
        "q8_0" => "nearly lossless",
        "q6_k" => "very close",
        "q5_k_m" | "q5_k" => "a little closer",
        "q5_k_s" => "between Q4 and Q5",
        "q5_0" | "q5_1" => "older 5-bit type, fast everywhere",
        "q4_k_m" | "q4_k" => "the usual choice",
        "q4_k_s" => "a little smaller",
        "q4_0" | "q4_1" => "older 4-bit type, fast everywhere",
        "iq4_xs" => "small, slow on CPUs",
        "iq4_nl" => "4 bits, non-linear, for odd widths",
        "q3_k_l" => "errors become visible",
        "q3_k_m" | "q3_k" => "errors are visible",
        "q3_k_s" => "the smallest of its kind",
        "iq3_m" | "iq3_s" | "iq3_xs" => "3-bit lattice, slow on CPUs",
        "iq3_xxs" => "smaller still; needs an imatrix",
        "q2_k" => "the last resort",
        "q2_k_s" => "smaller still; needs an imatrix",
        "iq2_m" => "if nothing else fits; needs an imatrix",
        "iq2_s" | "iq2_xs" | "iq2_xxs" => "2 bits; needs an imatrix",
        "iq1_m" | "iq1_s" => "under 2 bits; needs an imatrix",
        "tq1_0" | "tq2_0" => "for models trained with -1, 0 and 1",
        "mxfp4_moe" | "mxfp4" => "4-bit floats, for mixtures of experts",
        "nvfp4" => "4-bit floats for NVIDIA GPUs",
        "q2_0" | "q1_0" => "for models trained with so few bits",
        "int8" => "8-bit weights; the usual choice for graphs",
        "uint8" => "as int8, with unsigned weights",
        "int4" => "4-bit weights of matrix products, in blocks",
        "dynamic" => "int8; activations are quantized while it runs",
        "static" => "int8; activations have fixed ranges: needs calibration_data",
        "mixed" => "f16 only where `fp16_layers` says so",
        "reference" => "llama.cpp's bytes",
        "max" => "slower, smaller error",
        _ => FormatId::parse(name).and_then(options::of).map_or("", |f| f.purpose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::edit;
    use crate::recipe::keys::{KeyTable, find};

    #[test]
    fn every_word_of_the_pickers_is_explained() {
        for name in ["format", "quantization", "embedding_type", "effort"] {
            let key = find(KeyTable::Target, name).unwrap();
            for format in [FormatId::Gguf, FormatId::Onnx] {
                for word in edit::choices(key, Some(format)) {
                    assert!(!about(word).is_empty(), "{name} {word}");
                }
            }
        }
    }
}
