//! What people mean by a quantization that has no such name here: the words of other tools, and of GGUF repositories.
//!
//! A hint, never a substitute: the bits are the same, the files are not. `Q4_K_XL` and the like are mixes of single publishers
//! (unsloth's dynamic types, bartowski's `_L`) that llama-quantize does not make.

/// Words without case and separators, by the file type that is nearest in bits.
const MEANINGS: [(&str, &[&str]); 15] = [
    (
        "q8_0",
        &[
            "8bit", "8bits", "8bpw", "int8", "uint8", "i8", "w8", "w8a8", "w8a16", "q8", "q8k", "q8kl", "q8kxl", "fp8",
            "f8", "e4m3", "f8e4m3", "fp8e4m3", "float8",
        ],
    ),
    ("q6_k", &["6bit", "6bits", "6bpw", "int6", "q6", "q6km", "q6ks", "q6kl", "q6kxl", "q60"]),
    ("q5_k_m", &["5bit", "5bits", "5bpw", "int5", "q5", "q5kl", "q5kxl"]),
    (
        "q4_k_m",
        &[
            "4bit", "4bits", "4bpw", "int4", "uint4", "i4", "w4", "w4a16", "w4a8", "w4a4", "q4", "q4kl", "q4kxl",
            "nf4", "fp4", "bnb", "bnb4bit", "bnbnf4", "awq", "awq4bit", "gptq", "gptq4bit", "gptqint4", "awqint4",
            "exl2",
        ],
    ),
    ("q3_k_m", &["3bit", "3bits", "3bpw", "int3", "q3"]),
    ("q3_k_l", &["q3kxl"]),
    ("q2_k", &["2bit", "2bits", "2bpw", "int2", "q2", "q2km", "q2kl", "q2kxl"]),
    ("iq1_s", &["1bit", "1bits", "int1", "q1", "iq1"]),
    ("tq1_0", &["158bit", "158bits", "b158", "bitnet", "ternary"]),
    ("iq2_m", &["iq2"]),
    ("iq3_m", &["iq3"]),
    ("iq4_xs", &["iq4"]),
    ("f16", &["fp16", "float16", "half", "16bit", "16bits", "16bpw"]),
    ("bf16", &["bfloat16", "bfloat", "brain"]),
    ("f32", &["fp32", "float32", "float", "full", "single", "32bit", "32bits"]),
];

/// Words for "as the source is".
const AS_IT_IS: [&str; 6] = ["default", "keep", "same", "original", "none", "lossless"];

/// The file type (lower case) that a word means, when it is not a name of one.
pub(crate) fn file_type(word: &str) -> Option<&'static str> {
    if word.len() > 40 {
        return None;
    }
    let folded = word.to_ascii_lowercase().replace(['-', '_', ' ', '.'], "");
    // `UD-Q4_K_XL` is unsloth's name, `int4-g128` gives the size of groups.
    let folded = folded.strip_prefix("ud").unwrap_or(&folded);
    let ungrouped = folded.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('g').unwrap_or(folded);
    let means = |w: &str| MEANINGS.iter().find(|(_, words)| words.contains(&w)).map(|(name, _)| *name);
    means(folded).or_else(|| means(ungrouped)).or_else(|| AS_IT_IS.contains(&folded).then_some("auto"))
}

/// The type of single tensors that a word means.
pub(crate) fn tensor_type(word: &str) -> Option<&'static str> {
    Some(match file_type(word)? {
        "q3_k_m" | "q3_k_l" => "q3_k",
        "q4_k_m" => "q4_k",
        "q5_k_m" => "q5_k",
        "iq2_m" => "iq2_s",
        "iq3_m" => "iq3_s",
        "auto" => return None,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::super::names::{FILE_TYPES, TENSOR_TYPES};
    use super::*;

    #[test]
    fn words_of_other_tools_have_a_meaning() {
        for (word, want) in [
            ("8bit", "q8_0"),
            ("8-bit", "q8_0"),
            ("INT8", "q8_0"),
            ("fp8", "q8_0"),
            ("int4", "q4_k_m"),
            ("4-bit", "q4_k_m"),
            ("int4-g128", "q4_k_m"),
            ("w4a16_g64", "q4_k_m"),
            ("nf4", "q4_k_m"),
            ("Q4_K_XL", "q4_k_m"),
            ("UD-Q4_K_XL", "q4_k_m"),
            ("UD-Q2_K_XL", "q2_k"),
            ("q3_k_xl", "q3_k_l"),
            ("Q6_K_L", "q6_k"),
            ("fp16", "f16"),
            ("half", "f16"),
            ("bfloat16", "bf16"),
            ("FP32", "f32"),
            ("1.58bit", "tq1_0"),
            ("iq4", "iq4_xs"),
            ("original", "auto"),
        ] {
            assert_eq!(file_type(word), Some(want), "{word}");
        }
        for word in ["", "q4_k_mm", "zebra", "g128", "128", "q4_k_m"] {
            assert_eq!(file_type(word), None, "{word}");
        }
        assert_eq!(tensor_type("int4"), Some("q4_k"));
    }

    #[test]
    fn meanings_are_types_and_words_are_none() {
        for (name, words) in MEANINGS {
            assert!(FILE_TYPES.contains(&name), "{name}");
            assert!(
                words
                    .iter()
                    .all(|w| !FILE_TYPES.contains(w) && tensor_type(w).is_none_or(|t| TENSOR_TYPES.contains(&t)))
            );
            assert!(words.iter().all(|w| file_type(w) == Some(name)), "{name}: a word is given twice");
        }
    }
}
