//! The supported architecture nearest to an unsupported one: of the same family first, then one that is spelled nearly
//! alike.
//!
//! Spelling alone misleads: `Qwen2VLForConditionalGeneration` has more letters in common with
//! `Gemma3ForConditionalGeneration` than with `Qwen2ForCausalLM`.

use super::FAMILIES;

/// Ends of class names that say what the network is used for, longest first where one ends with another.
const USES: [&str; 4] = ["ForConditionalGeneration", "LMHeadModel", "Model", "LM"];

/// Spellings further apart than this are different words.
const ALIKE: f64 = 0.85;

/// The supported class nearest to `class`, if one is near.
pub(crate) fn class(class: &str) -> Option<&'static str> {
    let classes: Vec<&'static str> = FAMILIES.iter().flat_map(|f| f.info.hf_classes.iter().copied()).collect();
    nearest(class, &classes)
}

/// The supported architecture of GGUF nearest to `arch`, if one is near.
pub(crate) fn gguf_arch(arch: &str) -> Option<&'static str> {
    let all: Vec<&'static str> = FAMILIES.iter().map(|f| f.info.gguf_arch).collect();
    nearest(arch, &all)
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > 80 {
        return None;
    }
    let spelled = |k: &str| strsim::normalized_damerau_levenshtein(&k.to_lowercase(), &name.to_lowercase());
    let same = known.iter().filter(|k| !family(k).is_empty() && family(k) == family(name));
    // After the family's name: its version, then its variant (`Moe`), then what it is used for.
    let rank = |k: &&&str| (alike(stem(k), stem(name)), variant(stem(k), stem(name)), spelled(k));
    let of_family = same.map(|k| (rank(&k), *k)).reduce(|best, other| if other.0 > best.0 { other } else { best });
    let by_spelling = || {
        let all = known.iter().map(|k| (spelled(k), *k));
        all.reduce(|best, other| if other.0 > best.0 { other } else { best }).filter(|(score, _)| *score >= ALIKE)
    };
    of_family.map(|(_, k)| k).or_else(|| by_spelling().map(|(_, k)| k))
}

/// The name without its use.
fn stem(name: &str) -> &str {
    let name = name.find("For").filter(|at| *at > 0).map_or(name, |at| &name[..at]);
    USES.iter().find_map(|u| name.strip_suffix(u)).filter(|s| !s.is_empty()).unwrap_or(name)
}

/// The family's name, lower case: the letters before a version or another word, `qwen` of `Qwen2VLForCausalLM`.
fn family(name: &str) -> String {
    let stem = stem(name);
    let word = words(stem).next().unwrap_or_default();
    word.to_lowercase()
}

/// How many letters and digits two names have in common at the beginning, whatever their case.
fn alike(a: &str, b: &str) -> usize {
    let fold = |s: &str| s.to_lowercase().replace(['_', '-', '.'], "");
    fold(a).chars().zip(fold(b).chars()).take_while(|(x, y)| x == y).count()
}

/// Words of a known name that the given one has too (`Moe`), minus those that it has not.
fn variant(known: &str, asked: &str) -> isize {
    let asked = asked.to_lowercase();
    words(known).map(|w| if asked.contains(&w.to_lowercase()) { 1 } else { -1 }).sum()
}

/// Runs of letters, cut before a capital that follows a small letter: `Modern` and `Bert` of `ModernBert`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphabetic());
        let mut before = ' ';
        let end = rest.char_indices().find(|(_, c)| {
            let ends = !c.is_alphabetic() || (before.is_lowercase() && c.is_uppercase());
            before = *c;
            ends
        });
        let (word, left) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = left;
        (!word.is_empty()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_near_by_family_then_by_spelling() {
        for (asked, want) in [
            ("Qwen2VLForConditionalGeneration", Some("Qwen2ForCausalLM")),
            ("Qwen2_5_VLForConditionalGeneration", Some("Qwen2ForCausalLM")),
            ("Qwen2MoeForCausalLM", Some("Qwen2ForCausalLM")),
            ("Qwen3VLMoeForConditionalGeneration", Some("Qwen3MoeForCausalLM")),
            ("Qwen3VLForConditionalGeneration", Some("Qwen3ForCausalLM")),
            ("GemmaForCausalLM", Some("Gemma2ForCausalLM")),
            ("Gemma3nForConditionalGeneration", Some("Gemma3ForConditionalGeneration")),
            ("Llama4ForConditionalGeneration", Some("LlamaForCausalLM")),
            ("LlamaForSequenceClassification", Some("LlamaForCausalLM")),
            ("Mistral3ForConditionalGeneration", Some("MistralForCausalLM")),
            ("PhiForCausalLM", Some("Phi3ForCausalLM")),
            ("Phi4MMForCausalLM", Some("Phi3ForCausalLM")),
            ("BertForTokenClassification", Some("BertForSequenceClassification")),
            ("MixtralForCausalLN", Some("MixtralForCausalLM")),
            ("LlmaForCausalLM", Some("LlamaForCausalLM")),
            ("LlavaForConditionalGeneration", None),
            ("DeepseekV3ForCausalLM", None),
            ("Mamba2ForCausalLM", None),
            ("T5ForConditionalGeneration", None),
            ("", None),
            ("2", None),
        ] {
            assert_eq!(class(asked), want, "{asked}");
        }
        for (asked, want) in
            [("qwen2vl", Some("qwen2")), ("gemma", Some("gemma2")), ("qwen3vlmoe", Some("qwen3moe")), ("mamba", None)]
        {
            assert_eq!(gguf_arch(asked), want, "{asked}");
        }
    }

    #[test]
    fn names_come_apart_into_words() {
        let all = |name: &'static str| words(name).collect::<Vec<_>>().join(" ");
        assert_eq!(all("Qwen2VLMoe"), "Qwen VLMoe");
        assert_eq!(all("GPT2"), "GPT");
        assert_eq!(all("ModernBert"), "Modern Bert");
        assert_eq!(all("_2é"), "é");
    }
}
