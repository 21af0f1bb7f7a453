//! Vocabularies from outside: real model folders against what llama.cpp's converter wrote for them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "vocab/lines.rs"]
mod lines;
#[path = "vocab/llama_cpp.rs"]
mod llama_cpp;
#[path = "vocab/rebuilt.rs"]
mod rebuilt;

#[path = "../src/skip.rs"]
mod skip;

use proptest::prelude::*;
use remold::testing::arch::vocab::{
    VocabRequest, config_fields, describe, describe_metadata, restore_sidecars, vocab_metadata,
};
use remold::testing::model::{MetaArray, MetaValue, Metadata, Sidecar, Sidecars};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The first of the places where a data folder may be; `None` (said on stderr) if it is in none.
fn data(places: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = places.iter().map(|p| root.join(p)).find(|p| p.is_dir());
    if found.is_none() {
        skip::skipped(&format!("{} absent", places.join(", ")));
    }
    found
}

fn golden() -> Option<PathBuf> {
    data(&["fixtures/golden/gguf", "../shared/golden/gguf", "../../shared/golden/gguf"])
}

/// The folder of model folders; the first place that has those the tests name.
fn models() -> Option<PathBuf> {
    let places = ["fixtures/models", "fixtures/hf", "../shared/material/hf", "../../shared/material/hf"];
    let named = ["tiny-llama", "tiny-qwen2", "tiny-mistral-sharded", "tiny-bert"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = places.iter().map(|p| root.join(p)).find(|p| named.iter().all(|n| p.join(n).is_dir()));
    if found.is_none() {
        skip::skipped(&format!("{} absent", places.join(", ")));
    }
    found
}

fn sidecars(folder: &Path) -> Sidecars {
    let mut out = Sidecars::default();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    files.sort();
    for path in files {
        out.0.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), Sidecar::File(path));
    }
    out
}

fn arch_of(golden: &Value) -> String {
    let entry = golden["metadata"].as_array().unwrap().iter().find(|e| e["key"] == "general.architecture").unwrap();
    entry["value"].as_str().unwrap().to_owned()
}

/// A value as the golden files list it: type, value or length and hash.
fn summary(key: &str, value: &MetaValue) -> Value {
    let hash = |bytes: Vec<u8>| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (kind, value) = match value {
        MetaValue::U32(v) => ("uint32", Value::from(*v)),
        MetaValue::Bool(v) => ("bool", Value::from(*v)),
        MetaValue::Str(v) => ("string", Value::from(v.clone())),
        MetaValue::Array(array) => {
            let (kind, bytes): (_, Vec<u8>) = match array {
                MetaArray::Str(v) => (
                    "array<string>",
                    v.iter().flat_map(|s| [&(s.len() as u64).to_le_bytes()[..], s.as_slice()].concat()).collect(),
                ),
                MetaArray::I32(v) => ("array<int32>", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
                MetaArray::F32(v) => ("array<float32>", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
                other => panic!("no such array is expected: {other:?}"),
            };
            return serde_json::json!({"key": key, "type": kind, "len": array.len(), "sha256": hash(bytes)});
        }
        other => panic!("no such value is expected: {other:?}"),
    };
    serde_json::json!({"key": key, "type": kind, "value": value})
}

/// Model folder, its name, its golden metadata.
fn cases() -> Vec<(PathBuf, String, Value)> {
    let (Some(golden), Some(models)) = (golden(), models()) else { return Vec::new() };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(&golden).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".convert-f32.json") else {
            continue;
        };
        if models.join(name).is_dir() {
            let json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            out.push((models.join(name), name.to_owned(), json));
        }
    }
    out.sort_by(|a, b| a.1.cmp(&b.1));
    assert!(out.len() >= 4, "golden files of {} models only", out.len());
    out
}

fn request_parts(folder: &Path) -> (Sidecars, Value) {
    let sidecars = sidecars(folder);
    let config = sidecars.json("config.json").unwrap().unwrap();
    (sidecars, config)
}

#[test]
fn golden_vocabularies_are_equal_entry_by_entry() {
    for (folder, name, golden) in cases() {
        let (sidecars, config) = request_parts(&folder);
        let arch = arch_of(&golden);
        let hf_class = config["architectures"][0].as_str().unwrap();
        let request = VocabRequest { sidecars: &sidecars, config: &config, arch: &arch, hf_class, pre_tokenizer: None };
        let vocab = vocab_metadata(&request).unwrap_or_else(|e| panic!("{name}: {e}; {:?}", e.hint()));
        let got: Vec<Value> = vocab.entries.iter().map(|(k, v)| summary(k, v)).collect();
        let want: Vec<&Value> = golden["metadata"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|e| e["key"].as_str().unwrap().starts_with("tokenizer."))
            .collect();
        assert_eq!(got.iter().collect::<Vec<_>>(), want, "{name}");
        assert_eq!(vocab.warnings, [], "{name}");
    }
}

/// The vocabulary of a model folder as metadata, with its architecture.
fn metadata(folder: &Path, arch: &str) -> Metadata {
    let (sidecars, config) = request_parts(folder);
    let request = VocabRequest { sidecars: &sidecars, config: &config, arch, hf_class: "", pre_tokenizer: None };
    let mut out = Metadata::new();
    out.insert("general.architecture".into(), arch.into());
    out.extend(vocab_metadata(&request).unwrap().entries);
    out
}

/// What comes back after going to sidecars and `config.json` fields.
fn there_and_back(metadata: &Metadata, config: &Value) -> Vec<(String, MetaValue)> {
    let sidecars = restore_sidecars(metadata).unwrap_or_else(|e| panic!("{e}; {:?}", e.hint()));
    let arch = metadata["general.architecture"].as_str().unwrap();
    let request = VocabRequest { sidecars: &sidecars, config, arch, hf_class: "", pre_tokenizer: None };
    vocab_metadata(&request).unwrap_or_else(|e| panic!("{e}; {:?}", e.hint())).entries
}

#[test]
fn restored_files_give_the_same_vocabulary_again() {
    for (folder, name, golden) in cases() {
        let metadata = metadata(&folder, &arch_of(&golden));
        let config = Value::Object(config_fields(&metadata));
        let want: Vec<_> = metadata.iter().skip(1).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(there_and_back(&metadata, &config), want, "{name}");
    }
}

#[test]
fn flags_special_ids_and_templates_survive_the_way_back() {
    let Some((folder, _, _)) = cases().into_iter().find(|c| c.1 == "tiny-llama") else { return };
    let base = metadata(&folder, "llama");
    let bool_options = [None, Some(false), Some(true)];
    for bos in bool_options {
        for eos in bool_options {
            for sep in bool_options {
                let mut metadata = base.clone();
                let template = metadata.shift_remove("tokenizer.chat_template").unwrap();
                for (key, flag) in [("add_bos_token", bos), ("add_eos_token", eos), ("add_sep_token", sep)] {
                    if let Some(flag) = flag {
                        metadata.insert(format!("tokenizer.ggml.{key}"), flag.into());
                    }
                }
                metadata.insert("tokenizer.chat_template.tool_use".into(), "{{ tools }}".into());
                let names = MetaArray::Str(vec![b"tool_use".to_vec()]);
                metadata.insert("tokenizer.chat_templates".into(), names.into());
                metadata.insert("tokenizer.chat_template".into(), template);
                let config = Value::Object(config_fields(&metadata));
                let got: Metadata = there_and_back(&metadata, &config).into_iter().collect();
                for (key, value) in metadata.iter().skip(1) {
                    assert_eq!(got.get(key), Some(value), "{key} of bos {bos:?}, eos {eos:?}, sep {sep:?}");
                }
            }
        }
    }
}

#[test]
fn descriptions_of_files_and_of_metadata_agree() {
    for (folder, name, golden) in cases() {
        let (sidecars, config) = request_parts(&folder);
        let from_files = describe(&sidecars, &config).unwrap().unwrap();
        let from_metadata = describe_metadata(&metadata(&folder, &arch_of(&golden))).unwrap();
        assert_eq!(from_files.kind, from_metadata.kind, "{name}");
        assert_eq!(from_files.merges, from_metadata.merges, "{name}");
        assert!(from_files.tokens <= from_metadata.tokens, "{name}");
        assert_eq!(from_files.chat_template, from_metadata.chat_template, "{name}");
        if from_files.kind != "SentencePiece" {
            assert_eq!(from_files.pre, from_metadata.pre, "{name}");
        }
        for role in &from_files.special {
            let same = from_metadata.special.iter().find(|r| r.0 == role.0);
            assert!(same.is_none_or(|s| s == role), "{name}: {role:?}, {same:?}");
        }
        assert!(from_files.special.len() >= 2, "{name}: {:?}", from_files.special);
    }
}

/// The key-values of a GGUF v3 file, as far as vocabularies need them.
fn gguf_metadata(path: &Path) -> Metadata {
    struct Cursor<'a>(&'a [u8]);
    impl<'a> Cursor<'a> {
        fn take(&mut self, n: usize) -> &'a [u8] {
            let (head, rest) = self.0.split_at(n);
            self.0 = rest;
            head
        }
        fn u32(&mut self) -> u32 {
            u32::from_le_bytes(self.take(4).try_into().unwrap())
        }
        fn u64(&mut self) -> u64 {
            u64::from_le_bytes(self.take(8).try_into().unwrap())
        }
        fn string(&mut self) -> Vec<u8> {
            let n = self.u64() as usize;
            self.take(n).to_vec()
        }
        fn value(&mut self, kind: u32) -> MetaValue {
            match kind {
                4 => MetaValue::U32(self.u32()),
                5 => MetaValue::I32(self.u32() as i32),
                6 => MetaValue::F32(f32::from_bits(self.u32())),
                7 => MetaValue::Bool(self.take(1)[0] != 0),
                8 => MetaValue::Str(String::from_utf8(self.string()).unwrap()),
                9 => {
                    let (kind, n) = (self.u32(), self.u64());
                    MetaValue::Array(match kind {
                        5 => MetaArray::I32((0..n).map(|_| self.u32() as i32).collect()),
                        6 => MetaArray::F32((0..n).map(|_| f32::from_bits(self.u32())).collect()),
                        8 => MetaArray::Str((0..n).map(|_| self.string()).collect()),
                        other => panic!("array of {other}"),
                    })
                }
                other => panic!("value of type {other}"),
            }
        }
    }
    let bytes = std::fs::read(path).unwrap();
    let mut cursor = Cursor(&bytes);
    assert_eq!(cursor.take(8), b"GGUF\x03\0\0\0");
    cursor.u64();
    let n = cursor.u64();
    let mut out = Metadata::new();
    for _ in 0..n {
        let key = String::from_utf8(cursor.string()).unwrap();
        let kind = cursor.u32();
        out.insert(key, cursor.value(kind));
    }
    out
}

#[test]
fn published_vocabularies_survive_the_way_back() {
    let places = ["fixtures/gguf/vocab", "../shared/material/gguf/vocab", "../../shared/material/gguf/vocab"];
    let Some(folder) = data(&places) else { return };
    for (name, pre) in [("gpt-2", "gpt-2"), ("llama-spm", "default"), ("bert-bge", "bert-bge")] {
        let metadata = gguf_metadata(&folder.join(format!("ggml-vocab-{name}.gguf")));
        let config = Value::Object(config_fields(&metadata));
        let got: Metadata = there_and_back(&metadata, &config).into_iter().collect();
        assert_eq!(got["tokenizer.ggml.pre"].as_str(), Some(pre), "{name}");
        for (key, value) in
            metadata.iter().filter(|(k, _)| k.starts_with("tokenizer.ggml.") && *k != "tokenizer.ggml.cls_token_id")
        {
            if let (MetaValue::Array(MetaArray::Str(a)), Some(MetaValue::Array(MetaArray::Str(b)))) =
                (value, got.get(key))
            {
                let first = a.iter().zip(b).position(|(a, b)| a != b);
                assert_eq!((a.len(), first), (b.len(), None), "{name} {key}");
            } else if let (MetaValue::Array(a), Some(MetaValue::Array(b))) = (value, got.get(key)) {
                assert!(a == b, "{name} {key}");
            } else {
                assert_eq!(got.get(key), Some(value), "{name} {key}");
            }
        }
    }
}

/// The tokenizer files of a model in memory.
fn in_memory(folder: &Path) -> Sidecars {
    let mut out = Sidecars::default();
    let on_disk = sidecars(folder);
    for name in on_disk.0.keys().filter(|n| !n.contains("model.") || n.as_str() == "tokenizer.model") {
        out.0.insert(name.clone(), Sidecar::Bytes(on_disk.read(name).unwrap().unwrap()));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_refused_or_read(file in 0usize..6, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let Some(models) = models() else { return Ok(()) };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tokenizers");
        let cases = [
            ("tiny-qwen2", "qwen2", "tokenizer.json"),
            ("tiny-mistral-sharded", "llama", "tokenizer.model"),
            ("tiny-bert", "bert", "tokenizer_config.json"),
            ("gemma", "gemma2", "tokenizer.json"),
            ("phi3", "phi3", "tokenizer.json"),
            ("xlm-roberta", "bert", "tokenizer.json"),
        ];
        let (model, arch, name) = cases[file];
        let folder = if file < 3 { models.join(model) } else { fixtures.join(model) };
        let mut sidecars = in_memory(&folder);
        if file >= 3 {
            sidecars.0.shift_remove("tokenizer.model");
        }
        let config = sidecars.json("config.json").unwrap().unwrap_or_default();
        let mut bytes = sidecars.read(name).unwrap().unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        sidecars.0.insert(name.to_owned(), Sidecar::Bytes(bytes));
        let request = VocabRequest { sidecars: &sidecars, config: &config, arch, hf_class: "", pre_tokenizer: None };
        let _ = describe(&sidecars, &config);
        if let Ok(vocab) = vocab_metadata(&request) {
            let metadata: Metadata = vocab.entries.into_iter().collect();
            let _ = restore_sidecars(&metadata);
        }
    }

    #[test]
    fn damaged_metadata_is_refused_or_restored(key in 0usize..8, n in 0usize..5, kind in any::<i32>()) {
        let text = |t: &str| t.as_bytes().to_vec();
        for model in ["gpt2", "llama", "bert", "x"] {
            let mut metadata: Metadata = [
                ("tokenizer.ggml.model".to_owned(), MetaValue::from(model)),
                ("tokenizer.ggml.pre".to_owned(), "gpt-2".into()),
                ("tokenizer.ggml.tokens".to_owned(), MetaArray::Str(vec![text("<unk>"), text("a"), text("ab"), text("b")]).into()),
                ("tokenizer.ggml.scores".to_owned(), MetaArray::F32(vec![0.0, -1.0, -2.0, f32::NAN]).into()),
                ("tokenizer.ggml.token_type".to_owned(), MetaArray::I32(vec![2, 1, kind, 1]).into()),
                ("tokenizer.ggml.merges".to_owned(), MetaArray::Str(vec![text("a b")]).into()),
                ("tokenizer.ggml.bos_token_id".to_owned(), 9u32.into()),
                ("tokenizer.ggml.add_bos_token".to_owned(), true.into()),
            ].into_iter().collect();
            let name = metadata.get_index(key).unwrap().0.clone();
            let value: MetaValue = match n {
                0 => MetaArray::Str(vec![vec![0xff]; 4]).into(),
                1 => MetaArray::Str(vec![text("a"); 4]).into(),
                2 => MetaArray::F32(vec![1.0; 3]).into(),
                3 => u32::MAX.into(),
                _ => "".into(),
            };
            metadata.insert(name, value);
            let _ = (restore_sidecars(&metadata), describe_metadata(&metadata), config_fields(&metadata));
        }
    }
}
