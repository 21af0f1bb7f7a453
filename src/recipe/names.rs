//! The words a recipe may use as values: formats, quantizations, tensor types, metrics; and the nearest known word to a wrong one.

use super::meaning;
use super::options::{self, Types};
use crate::formats::{self, FORMATS};
use crate::model::{FormatId, ModelError, OptionName, Result};

/// A quantization of a whole file, as llama.cpp's `llama-quantize` names it, lower case.
pub(crate) const FILE_TYPES: &[&str] = &[
    "auto",
    "f32",
    "f16",
    "bf16",
    "q8_0",
    "q4_0",
    "q4_1",
    "q5_0",
    "q5_1",
    "q2_k",
    "q2_k_s",
    "q3_k",
    "q3_k_s",
    "q3_k_m",
    "q3_k_l",
    "q4_k",
    "q4_k_s",
    "q4_k_m",
    "q5_k",
    "q5_k_s",
    "q5_k_m",
    "q6_k",
    "iq1_s",
    "iq1_m",
    "iq2_xxs",
    "iq2_xs",
    "iq2_s",
    "iq2_m",
    "iq3_xxs",
    "iq3_xs",
    "iq3_s",
    "iq3_m",
    "iq4_nl",
    "iq4_xs",
    "tq1_0",
    "tq2_0",
    "mxfp4_moe",
    "q1_0",
    "q2_0",
    "copy",
];

/// Types of single tensors in a GGUF.
pub(crate) const TENSOR_TYPES: &[&str] = &[
    "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq1_s",
    "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4", "nvfp4",
    "q1_0", "q2_0",
];

/// Element types for plain tensor files (safetensors, PyTorch).
pub(crate) const PLAIN_TYPES: &[&str] = &["auto", "f32", "f16", "bf16"];

/// Quantizations of the graph formats; the guide's words first.
pub(crate) const GRAPH_TYPES: &[&str] = &["dynamic", "static", "int8", "uint8", "int4", "f32", "f16", "bf16", "auto"];

/// Those of them that this version makes.
pub(crate) const GRAPH_TYPES_NOW: &[&str] =
    &["auto", "f32", "f16", "bf16", "int8", "uint8", "int4", "dynamic", "static"];

/// Formats people ask for that remold does not make.
const OUTSIDE: &[&str] =
    &["tensorrt", "engine", "coreml", "mlmodel", "mlpackage", "openvino", "mlx", "exl2", "gptq", "awq"];

/// Metrics of `fail_if`.
pub(crate) static METRICS: &[&str] = &crate::quality::METRIC_NAMES;

/// The format of that name or other spelling.
pub(crate) fn format(name: &str) -> Option<FormatId> {
    FormatId::parse(name).or_else(|| {
        let lower = name.to_ascii_lowercase();
        FORMATS.iter().find(|f| f.aliases.contains(&lower.as_str())).map(|f| f.id)
    })
}

/// The format that a word on the command line names.
///
/// # Errors
/// A request error that says what the word may mean.
pub(crate) fn format_named(word: &str) -> Result<FormatId> {
    format(word).ok_or_else(|| {
        let quantized = formats::written().iter().find(|f| options::of(**f).is_some_and(|o| o.types == Types::Files));
        let is_type = FILE_TYPES.contains(&word.to_ascii_lowercase().as_str()).then(|| word.to_owned());
        let meant = is_type.or_else(|| meaning::file_type(word).map(str::to_owned));
        let hint = match (nearest(word, formats::written_names().iter().copied()), meant, quantized) {
            (_, Some(meant), Some(format)) => format!("Did you mean {format}:{meant}?"),
            (Some(near), ..) => format!("Did you mean {near}? {}", listed("Formats", formats::written_names())),
            _ => listed("Formats", formats::written_names()),
        };
        ModelError::request(format!("unknown format `{word}`")).in_option(OptionName::FORMAT).with_hint(hint)
    })
}

/// `safetensors, pytorch, …`: the formats as a list.
pub(crate) fn format_list(formats: &[FormatId]) -> Vec<&'static str> {
    formats.iter().map(|f| f.name()).collect()
}

/// The canonical spelling of a quantization that has another: `fp16` → `f16`. Everything else comes back as it is.
pub(crate) fn quantization(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "fp32" | "float32" => "f32".to_owned(),
        "fp16" | "float16" | "half" => "f16".to_owned(),
        "bfloat16" => "bf16".to_owned(),
        _ => name.to_owned(),
    }
}

/// What to write instead of a format that does not exist.
pub(crate) fn format_help(name: &str) -> String {
    // Not those that are only recognized, or read for `inspect` alone.
    let usable: Vec<&str> = FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.id.name()).collect();
    let all = listed("Formats", &usable);
    if OUTSIDE.contains(&name.to_ascii_lowercase().as_str()) {
        return format!("remold does not write `{name}` files. {all}");
    }
    let known = FORMATS.iter().flat_map(|f| f.aliases.iter().copied()).chain(FormatId::ALL.map(FormatId::name));
    suggest(name, known, &all)
}

/// The words of a format's `quantization` key, those of later versions too.
pub(crate) fn known_types_of(format: FormatId) -> &'static [&'static str] {
    match options::of(format).map(|f| f.types) {
        Some(Types::Graphs) => GRAPH_TYPES,
        _ => types_of(format),
    }
}

/// The words of a format's `quantization` key.
pub(crate) fn types_of(format: FormatId) -> &'static [&'static str] {
    match options::of(format).map(|f| f.types) {
        Some(Types::Files) => FILE_TYPES,
        Some(Types::Elements) => PLAIN_TYPES,
        Some(Types::Graphs) => GRAPH_TYPES_NOW,
        None => &[],
    }
}

/// `Did you mean …? ` when something is near, then `rest`.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, rest: &str) -> String {
    match nearest(word, known) {
        Some(near) => format!("Did you mean `{near}`? {rest}"),
        None => rest.to_owned(),
    }
}

/// `Formats: a, b, c.`
pub(crate) fn listed(what: &str, words: &[&str]) -> String {
    format!("{what}: {}.", words.join(", "))
}

/// The known word nearest to `word`, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 80 {
        return None;
    }
    let fold = |s: &str| s.to_ascii_lowercase().replace(['-', '_', ' ', '.'], "");
    let word = fold(word);
    let far = (word.chars().count() / 3).clamp(1, 4);
    let distances = known.into_iter().map(|k| (strsim::damerau_levenshtein(&word, &fold(k)), k));
    let near = distances.filter(|(d, k)| *d <= far || begins_alike(&word, &fold(k))).min_by_key(|(d, _)| *d);
    near.map(|(_, k)| k)
}

/// One is the beginning of the other, and long enough to mean it.
fn begins_alike(word: &str, known: &str) -> bool {
    word.len().min(known.len()) >= 5 && (known.starts_with(word) || word.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantizations_of_a_file_are_those_that_can_be_made() {
        use crate::transform::FileType;
        let known: Vec<&str> = FILE_TYPES.iter().copied().filter(|t| *t != "auto").collect();
        let unknown: Vec<&&str> = known.iter().filter(|t| FileType::parse(t).is_none()).collect();
        assert!(unknown.is_empty(), "offered and not made: {unknown:?}");
        let missing: Vec<&FileType> =
            FileType::ALL.iter().filter(|t| !known.iter().any(|k| FileType::parse(k) == Some(**t))).collect();
        assert!(missing.is_empty(), "made and not offered: {missing:?}");
    }

    #[test]
    fn formats_have_names_and_other_spellings() {
        assert_eq!(
            (format("GGUF"), format("pth"), format("zip")),
            (Some(FormatId::Gguf), Some(FormatId::Pytorch), None)
        );
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        for (word, want) in [
            ("quantisation", Some("quantization")),
            ("quant", Some("quantization")),
            ("Quantization", Some("quantization")),
            ("context-lenght", Some("context_length")),
            ("zebra", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, ["quantization", "context_length", "pure"]), want, "{word}");
        }
        assert_eq!(nearest("q4_km", FILE_TYPES.iter().copied()), Some("q4_k_m"));
    }
}
