//! Ready-made GGUF targets.

use super::super::{PresetTypes, TargetPreset};
use crate::model::FormatId;

const fn quantized(quantization: &'static str, title: &'static str, about: &'static str) -> TargetPreset {
    let types = PresetTypes::Quantized(quantization);
    TargetPreset { format: FormatId::Gguf, types, title, about, needs_imatrix: false }
}

const fn with_imatrix(preset: TargetPreset) -> TargetPreset {
    TargetPreset { needs_imatrix: true, ..preset }
}

/// The usual choice, the budget, then the quantizations from the largest to the smallest.
pub(crate) const PRESETS: &[TargetPreset] = &[
    quantized("q4_k_m", "Q4_K_M", "the usual choice"),
    TargetPreset {
        format: FormatId::Gguf,
        types: PresetTypes::Budget,
        title: "within a size",
        about: "types with the least loss",
        needs_imatrix: false,
    },
    quantized("q8_0", "Q8_0", "nearly lossless"),
    quantized("q6_k", "Q6_K", "very close"),
    quantized("q5_k_m", "Q5_K_M", "a little closer"),
    quantized("q4_k_s", "Q4_K_S", "a little smaller"),
    quantized("iq4_xs", "IQ4_XS", "small, slow on CPUs"),
    quantized("q3_k_l", "Q3_K_L", "errors begin to show"),
    quantized("q3_k_m", "Q3_K_M", "errors show"),
    with_imatrix(quantized("iq3_xxs", "IQ3_XXS", "smaller still")),
    quantized("q2_k", "Q2_K", "the last resort"),
    with_imatrix(quantized("iq2_m", "IQ2_M", "where nothing else fits")),
    quantized("auto", "as stored", "no quantization"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::FileType;

    #[test]
    fn titles_are_the_names_of_file_types() {
        for p in PRESETS {
            if let PresetTypes::Quantized(q) = p.types {
                assert!(q == "auto" || FileType::parse(q).is_some_and(|t| t.name() == p.title), "{q}");
            }
        }
    }
}
