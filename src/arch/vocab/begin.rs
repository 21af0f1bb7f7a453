//! Whether a text begins with a begin token, and which one.
//!
//! The keys of GGUF say it; where they are missing, the defaults of llama.cpp for the kind of vocabulary do (src/llama-vocab.cpp, `load`).

use super::key;
use crate::model::{MetaValue, Metadata};

/// Pre-tokenizers of byte-level BPE whose texts begin with a begin token by default.
const BPE_WITH_BEGIN: [&str; 12] = [
    "llama3",
    "llama-v3",
    "llama-bpe",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
    "jina-v5-nano",
    "tekken",
    "chameleon",
    "gemma4",
];

/// The token that is put before every text, by the metadata of a GGUF; `None` if there is none.
pub(crate) fn begin_token(metadata: &Metadata) -> Option<u32> {
    let kind = metadata.get(key::MODEL).and_then(MetaValue::as_str)?;
    let pre = metadata.get(key::PRE).and_then(MetaValue::as_str).unwrap_or_default();
    let (default_id, default_adds) = match kind {
        "llama" => (Some(1), true),
        "bert" => (Some(101), true),
        "gpt2" => (Some(11), BPE_WITH_BEGIN.contains(&pre)),
        _ => (None, false),
    };
    let adds = match metadata.get(key::add_token("bos")?) {
        Some(MetaValue::Bool(adds)) => *adds,
        _ => default_adds,
    };
    let id =
        metadata.get(key::token_id("bos")?).and_then(MetaValue::as_u64).map_or(default_id, |id| id.try_into().ok());
    id.filter(|_| adds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_decide_and_defaults_stand_in() {
        let of = |entries: &[(&str, MetaValue)]| {
            begin_token(&entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
        };
        let model = |name: &str| (key::MODEL, MetaValue::from(name));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[model("llama")]), Some(1));
        assert_eq!(of(&[model("gpt2")]), None);
        assert_eq!(of(&[model("gpt2"), (key::PRE, "llama-bpe".into())]), Some(11));
        let id = ("tokenizer.ggml.bos_token_id", MetaValue::U32(2));
        assert_eq!(of(&[model("llama"), id.clone()]), Some(2));
        assert_eq!(of(&[model("llama"), id.clone(), ("tokenizer.ggml.add_bos_token", false.into())]), None);
        assert_eq!(of(&[model("gpt2"), id, ("tokenizer.ggml.add_bos_token", true.into())]), Some(2));
    }
}
