//! The readers of the files next to a model: configuration and tokenizers.

use crate::arch::vocab::{self, VocabRequest};
use crate::arch::{self, GgufOptions};
use crate::model::tokenizer::{SentencePieceModel, TokenizerJson, charsmap};
use crate::model::{FormatId, Metadata, Model, Sidecar, Sidecars, SourceChecks, python_json};
use serde_json::{Value, json};

/// A model without tensors whose folder has this one file.
fn model(name: &str, data: &[u8]) -> Model {
    let mut sidecars = Sidecars::default();
    sidecars.0.insert(name.to_owned(), Sidecar::Bytes(data.to_vec()));
    Model {
        path: "model".into(),
        format: FormatId::Safetensors,
        files: Vec::new(),
        opened: Vec::new(),
        tensors: Vec::new(),
        metadata: Metadata::new(),
        sidecars,
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: SourceChecks::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    }
}

/// `config.json`.
pub fn fuzz_config(data: &[u8]) {
    let _ = python_json::edit(data, |_| {});
    let _ = python_json::from_slice_with_words::<Value>(data);
    let model = model("config.json", data);
    let _ = arch::to_gguf(&model, &GgufOptions::default());
    let _ = arch::quantized(&model);
    let _ = arch::check_complete(&model);
    let _ = arch::adapter(&self::model("adapter_config.json", data));
}

/// `tokenizer.json`.
pub fn fuzz_tokenizer_json(data: &[u8]) {
    let _ = TokenizerJson::parse(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = charsmap::from_base64(text);
    }
}

/// `tokenizer.model`.
pub fn fuzz_sentencepiece(data: &[u8]) {
    let _ = SentencePieceModel::parse(data);
}

/// A vocabulary as it goes to GGUF. The first byte says which file the others are, and for which architecture.
pub fn fuzz_vocab(data: &[u8]) {
    const FILES: [&str; 8] = [
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
    ];
    const ARCHS: [(&str, &str); 6] = [
        ("llama", "LlamaForCausalLM"),
        ("gemma3", "Gemma3ForCausalLM"),
        ("phi3", "Phi3ForCausalLM"),
        ("bert", "BertModel"),
        ("gpt2", "GPT2LMHeadModel"),
        ("qwen2", "Qwen2ForCausalLM"),
    ];
    let Some((&which, data)) = data.split_first() else { return };
    let which = usize::from(which);
    let mut sidecars = model(FILES[which % FILES.len()], data).sidecars;
    // Most files act only beside a vocabulary.
    let tokenizer = json!({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}});
    let default = Sidecar::Bytes(tokenizer.to_string().into_bytes());
    sidecars.0.entry("tokenizer.json".to_owned()).or_insert(default);
    let config = json!({"vocab_size": 8});
    let (arch, hf_class) = ARCHS[which / FILES.len() % ARCHS.len()];
    let request = VocabRequest { sidecars: &sidecars, config: &config, arch, hf_class, pre_tokenizer: Some("default") };
    if let Ok(vocab) = vocab::vocab_metadata(&request) {
        let metadata: Metadata = vocab.entries.into_iter().collect();
        let _ = vocab::restore_sidecars(&metadata);
        let _ = vocab::describe_metadata(&metadata);
    }
    let _ = vocab::describe(&sidecars, &config);
}
