//! Vocabularies from outside: real model folders against what llama.cpp's converter wrote for them.

use remold::arch::vocab::{VocabRequest, config_fields, describe, describe_metadata, restore_sidecars, vocab_metadata};
use remold::model::{MetaArray, MetaValue, Metadata, Sidecar, Sidecars};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The first of the places where a data folder may be; `None` (said on stderr) if it is in none.
fn data(places: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = places.iter().map(|p| root.join(p)).find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: {} absent", places.join(", "));
    }
    found
}

fn golden() -> Option<PathBuf> {
    data(&["fixtures/golden/gguf", "../shared/golden/gguf", "../../shared/golden/gguf"])
}

fn models() -> Option<PathBuf> {
    data(&["fixtures/models", "../shared/material/hf", "../../shared/material/hf"])
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
    assert!(out.len() >= 10, "golden files of {} models only", out.len());
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
    if let Some(folder) = std::env::var_os("VOCAB_KEEP") {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut h = DefaultHasher::new();
        format!("{metadata:?}").hash(&mut h);
        let name = format!("{:x}", h.finish());
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        for name in sidecars.0.keys() {
            std::fs::write(folder.join(name), sidecars.read(name).unwrap().unwrap()).unwrap();
        }
    }
    let arch = metadata["general.architecture"].as_str().unwrap();
    let request = VocabRequest { sidecars: &sidecars, config, arch, hf_class: "", pre_tokenizer: None };
    vocab_metadata(&request).unwrap_or_else(|e| panic!("{e}; {:?}", e.hint())).entries
}

#[test]
fn restored_files_give_the_same_vocabulary_again() {
    for (folder, name, golden) in cases() {
        let metadata = metadata(&folder, &arch_of(&golden));
        let config = Value::Object(config_fields(&metadata));
        if std::env::var_os("VOCAB_KEEP").is_some() {
            use std::hash::{DefaultHasher, Hash, Hasher};
            let mut h = DefaultHasher::new();
            format!("{metadata:?}").hash(&mut h);
            println!("KEPT {name} {:x}", h.finish());
        }
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
