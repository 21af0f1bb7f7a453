//! Vocabularies built from `tokenizer.json` alone: what `tokenizer.model` gives, and the ids that the tokenizer gives.

use super::lines::lines;
use super::llama_cpp::LlamaCpp;
use remold::testing::arch::vocab::{VocabRequest, config_fields, restore_sidecars, vocab_metadata};
use remold::testing::model::{MetaArray, MetaValue, Metadata, Sidecar, Sidecars, Warning};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tokenizers").join(name)
}

/// The files next to the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Folder {
    /// `tokenizer.model`, `tokenizer.json` and a configuration that lists the added tokens.
    Whole,
    /// Without `tokenizer.model`.
    JsonOnly,
    /// As transformers 5 saves it: without `tokenizer.model`, and the added tokens are in `tokenizer.json` alone.
    Transformers5,
}

fn sidecars(name: &str, folder: Folder) -> Sidecars {
    let mut out = Sidecars::default();
    for file in ["tokenizer.model", "tokenizer.json", "tokenizer_config.json"] {
        let Ok(mut bytes) = std::fs::read(fixture(name).join(file)) else { continue };
        if file == "tokenizer.model" && folder != Folder::Whole {
            continue;
        }
        if file == "tokenizer_config.json" && folder == Folder::Transformers5 {
            let mut config: Value = serde_json::from_slice(&bytes).unwrap();
            config.as_object_mut().unwrap().shift_remove("added_tokens_decoder").unwrap();
            bytes = config.to_string().into_bytes();
        }
        out.0.insert(file.to_owned(), Sidecar::Bytes(bytes));
    }
    out
}

fn build(sidecars: &Sidecars, arch: &str, vocab_size: Option<usize>) -> (Metadata, Vec<Warning>) {
    let config = vocab_size.map_or_else(|| json!({}), |n| json!({"vocab_size": n}));
    let request = VocabRequest { sidecars, config: &config, arch, hf_class: "", pre_tokenizer: None };
    let vocab = vocab_metadata(&request).unwrap_or_else(|e| panic!("{arch}: {e}; {:?}", e.hint()));
    (vocab.entries.into_iter().collect(), vocab.warnings)
}

fn texts(metadata: &Metadata) -> &[Vec<u8>] {
    let Some(MetaValue::Array(MetaArray::Str(texts))) = metadata.get("tokenizer.ggml.tokens") else {
        panic!("no tokens")
    };
    texts
}

fn kinds(metadata: &Metadata) -> &[i32] {
    let Some(MetaValue::Array(MetaArray::I32(kinds))) = metadata.get("tokenizer.ggml.token_type") else {
        panic!("no types")
    };
    kinds
}

fn scores(metadata: &Metadata) -> &[f32] {
    let Some(MetaValue::Array(MetaArray::F32(scores))) = metadata.get("tokenizer.ggml.scores") else {
        panic!("no scores")
    };
    scores
}

const SENTENCEPIECE: [(&str, &str, usize); 5] = [
    ("gemma", "gemma", 1604),
    ("gemma", "gemma2", 1600),
    ("gemma", "gemma3", 1664),
    ("phi3", "phi3", 1216),
    ("phi3", "llama", 1207),
];

#[test]
fn the_vocabulary_is_that_of_tokenizer_model() {
    for (name, arch, size) in SENTENCEPIECE {
        let (wanted, _) = build(&sidecars(name, Folder::Whole), arch, Some(size));
        for folder in [Folder::JsonOnly, Folder::Transformers5] {
            let case = format!("{name} as {arch}, {folder:?}");
            let (mut found, warnings) = build(&sidecars(name, folder), arch, Some(size));
            assert_eq!(warnings, [], "{case}");
            let first = texts(&wanted).iter().zip(texts(&found)).position(|(a, b)| a != b);
            assert_eq!((first, texts(&found).len()), (None, size), "{case}");
            for id in 0..size {
                let text = String::from_utf8_lossy(&texts(&found)[id]).into_owned();
                // The reference takes whatever the configuration lists as special for a control token.
                let unlisted = arch != "phi3" && folder == Folder::Transformers5;
                let kind = if unlisted && text == "<unk>" { 2 } else { kinds(&wanted)[id] };
                assert_eq!(kinds(&found)[id], kind, "{case}: type of {id} {text:?}");
                let control = kinds(&found)[id] == 2 || kinds(&found)[id] == 3;
                let (a, b) = (scores(&wanted)[id], scores(&found)[id]);
                assert!(
                    a.to_bits() == b.to_bits() || (control && unlisted),
                    "{case}: score of {id} {text:?}: {b} for {a}"
                );
            }
            if folder == Folder::Transformers5 {
                for key in ["token_type", "scores"].map(|k| format!("tokenizer.ggml.{k}")) {
                    found.insert(key.clone(), wanted[&key].clone());
                }
            }
            assert_eq!(found, wanted, "{case}");
        }
    }
}

#[test]
fn vocab_size_is_optional() {
    for (name, arch, size) in
        [("gemma", "gemma2", 1600), ("phi3", "phi3", 1207), ("phi3", "llama", 1207), ("xlm-roberta", "bert", 1502)]
    {
        let (found, _) = build(&sidecars(name, Folder::Transformers5), arch, None);
        assert_eq!(texts(&found).len(), size, "{name} as {arch}");
        assert!(!kinds(&found).contains(&5), "{name} as {arch} has padding");
    }
}

#[test]
fn a_tab_in_the_place_of_its_byte_is_the_byte() {
    let mut files = sidecars("phi3", Folder::Transformers5);
    let wanted = build(&files, "gemma2", None);
    let mut json: Value = files.json("tokenizer.json").unwrap().unwrap();
    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
    assert!(!vocab.contains_key("\t"));
    let id = vocab.shift_remove("<0x09>").unwrap();
    vocab.insert("\t".into(), id);
    files.0.insert("tokenizer.json".into(), Sidecar::Bytes(json.to_string().into_bytes()));
    assert_eq!(build(&files, "gemma2", None), wanted);
}

#[test]
fn a_thousand_lines_give_the_ids_of_the_tokenizer() {
    for (name, arch) in
        [("gemma", "gemma2"), ("gemma", "gemma3"), ("phi3", "phi3"), ("phi3", "llama"), ("xlm-roberta", "bert")]
    {
        let oracle = tokenizers::Tokenizer::from_file(fixture(name).join("tokenizer.json")).unwrap();
        for folder in [Folder::JsonOnly, Folder::Transformers5] {
            let (metadata, warnings) = build(&sidecars(name, folder), arch, None);
            assert_eq!(warnings, [], "{name} as {arch}");
            let llama_cpp = LlamaCpp::new(&metadata);
            let mut special: Vec<String> = oracle.get_added_tokens_decoder().into_values().map(|t| t.content).collect();
            // Tokens that take the white space after or before them are a matter of the model's name in llama.cpp.
            special.retain(|text| !text.starts_with('▁') && !text.starts_with("<|") && text != "<mask>");
            special.sort();
            let mut differ = Vec::new();
            for line in lines(1000, &special) {
                let wanted = oracle.encode(line.as_str(), false).unwrap();
                let found = llama_cpp.encode(&line);
                if found != wanted.get_ids() {
                    differ.push(format!("{line:?}\n  {:?}\n  {found:?}", wanted.get_ids()));
                }
            }
            let shown = differ[..differ.len().min(3)].join("\n");
            assert!(differ.is_empty(), "{name} as {arch}, {folder:?}: {} lines differ\n{shown}", differ.len());
        }
    }
}

#[test]
fn unigram_keys_are_those_of_the_converter() {
    let (found, warnings) = build(&sidecars("xlm-roberta", Folder::JsonOnly), "bert", Some(1510));
    assert_eq!(warnings, []);
    let keys: Vec<&str> = found.keys().map(|k| k.strip_prefix("tokenizer.ggml.").unwrap()).collect();
    // As in the vocabulary of nomic-embed-text-v2-moe that llama.cpp ships (models/ggml-vocab-nomic-bert-moe.gguf).
    let wanted = [
        "model",
        "pre",
        "tokens",
        "scores",
        "token_type",
        "add_space_prefix",
        "token_type_count",
        "remove_extra_whitespaces",
        "precompiled_charsmap",
        "bos_token_id",
        "eos_token_id",
        "unknown_token_id",
        "seperator_token_id",
        "padding_token_id",
        "mask_token_id",
        "add_bos_token",
        "add_sep_token",
        "add_eos_token",
    ];
    let mut both = (keys.clone(), wanted.to_vec());
    both.0.sort_unstable();
    both.1.sort_unstable();
    assert_eq!(both.0, both.1);
    assert_eq!(keys[..15], wanted[..15]);
    assert_eq!(found["tokenizer.ggml.model"].as_str(), Some("t5"));
    for key in ["add_space_prefix", "remove_extra_whitespaces", "add_bos_token", "add_eos_token"] {
        assert_eq!(found[&format!("tokenizer.ggml.{key}")], MetaValue::Bool(true), "{key}");
    }
    assert_eq!(kinds(&found)[..5], [3, 3, 3, 2, 1]);
    assert_eq!((kinds(&found)[1501], kinds(&found)[1502]), (3, 5));
}

#[test]
fn unigram_vocabularies_come_back_from_gguf() {
    let (mut metadata, _) = build(&sidecars("xlm-roberta", Folder::JsonOnly), "bert", Some(1510));
    let config = Value::Object(config_fields(&metadata));
    let wanted: Vec<_> = metadata.clone().into_iter().collect();
    metadata.insert("general.architecture".into(), "bert".into());
    assert_eq!(super::there_and_back(&metadata, &config), wanted);

    let restored = restore_sidecars(&metadata).unwrap().read("tokenizer.json").unwrap().unwrap();
    let restored = tokenizers::Tokenizer::from_bytes(restored).unwrap();
    let original = tokenizers::Tokenizer::from_file(fixture("xlm-roberta").join("tokenizer.json")).unwrap();
    for line in lines(1000, &["<s>".to_owned(), "</s>".to_owned()]) {
        let (a, b) = (original.encode(line.as_str(), true).unwrap(), restored.encode(line.as_str(), true).unwrap());
        assert_eq!(a.get_ids(), b.get_ids(), "{line:?}");
    }

    let Some(MetaValue::Array(MetaArray::U8(rules))) = metadata.get_mut("tokenizer.ggml.precompiled_charsmap") else {
        panic!("no rules");
    };
    rules.truncate(100);
    let error = restore_sidecars(&metadata).unwrap_err().to_string();
    assert!(error.contains("precompiled_charsmap") && error.contains("damaged"), "{error}");
}

#[test]
fn tokenizers_that_sentencepiece_cannot_express_get_a_warning_or_an_error() {
    let whole = sidecars("gemma", Folder::JsonOnly);
    let json: Value = whole.json("tokenizer.json").unwrap().unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        let mut out = whole.clone();
        out.0.insert("tokenizer.json".into(), Sidecar::Bytes(json.to_string().into_bytes()));
        out
    };
    let codes = |sidecars: &Sidecars| build(sidecars, "gemma2", None).1.into_iter().map(|w| w.code).collect::<Vec<_>>();
    assert_eq!(codes(&with(&|_| {})), Vec::<String>::new());
    let fewer = with(&|j| j["model"]["merges"].as_array_mut().unwrap().retain(|m| m != &json!(["▁", "t"])));
    assert_eq!(codes(&fewer), ["tokenizer.merges"]);
    let digits = with(&|j| j["pre_tokenizer"] = json!({"type": "Digits", "individual_digits": true}));
    assert_eq!(codes(&digits), ["tokenizer.steps"]);
    let lower = with(&|j| j["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}));
    assert_eq!(codes(&lower), ["tokenizer.steps"]);

    let error = |sidecars: &Sidecars| {
        let config = json!({});
        let request = VocabRequest { sidecars, config: &config, arch: "gemma2", hf_class: "", pre_tokenizer: None };
        let error = vocab_metadata(&request).unwrap_err();
        format!(
            "{error} | {}",
            error.hint().map(remold::testing::recipe::remedies::on_command_line).unwrap_or_default()
        )
    };
    let no_bytes = error(&with(&|j| j["model"]["byte_fallback"] = false.into()));
    assert!(no_bytes.contains("tokenizer.json") && no_bytes.contains("byte fallback"), "{no_bytes}");
    let neither = error(&Sidecars::default());
    assert!(neither.contains("neither tokenizer.model nor tokenizer.json") && neither.contains("Copy"), "{neither}");
}
