//! The seeds of each target: small files of `fixtures/`, and one made here where there is none.

use crate::engine::{EventSink, Gate, RunOptions, Stop, run};
use crate::formats::spec::LayoutFn;
use crate::formats::{LayoutRequest, LayoutTensor, Split, gguf, pytorch, safetensors};
use crate::model::{FormatId, MetaArray, MetaValue, Metadata, Sidecars};
use crate::plan;
use crate::quant::BlockType;
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::tensor::{DType, Shape};
use crate::tui::look::BUILT_IN;
use std::fs;
use std::path::{Path, PathBuf};

/// Larger files are too slow for what they add.
const MAX_BYTES: u64 = 45_000;

fn fixtures(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(&wanted));
    found.retain(|p| p.metadata().is_ok_and(|m| m.is_file() && (1..=MAX_BYTES).contains(&m.len())));
    found.sort();
    found.iter().map(|p| fs::read(p).unwrap()).collect()
}

/// The files of this name in the folders of models.
fn models(name: &str) -> Vec<Vec<u8>> {
    let folders = ["mini-bert", "tiny-llama", "tiny-llama3-pt", "tiny-mistral-sharded"].map(|m| format!("models/{m}"));
    let more = ["gemma", "phi3", "xlm-roberta"].map(|t| format!("tokenizers/{t}"));
    folders.iter().chain(&more).flat_map(|f| fixtures(f, |n| n == name)).collect()
}

/// A file of two small tensors; places that nothing fills are zeros.
fn made(layout: LayoutFn, name: &str) -> Vec<u8> {
    let tensor = |name: &str, shape: &[u64], encoding| LayoutTensor {
        name: name.into(),
        shape: Shape(shape.to_vec()),
        encoding,
        layer: None,
    };
    let mut tensors =
        vec![tensor("a.in_sum2", &[2, 32], DType::F32.into()), tensor("a.counts", &[2, 1], DType::F32.into())];
    let mut metadata = Metadata::new();
    if name.ends_with(".gguf") {
        tensors.push(tensor("blk.0.attn_q.weight", &[2, 32], BlockType::Q4_0.into()));
        let values: [(&str, MetaValue); 8] = [
            ("general.architecture", "llama".into()),
            ("general.alignment", MetaValue::U32(16)),
            ("llama.block_count", MetaValue::U32(1)),
            ("tokenizer.ggml.model", "gpt2".into()),
            ("tokenizer.ggml.tokens", MetaArray::Str(vec![b"x".to_vec(), b"yz".to_vec()]).into()),
            ("tokenizer.ggml.token_type", MetaArray::I32(vec![1, 3]).into()),
            ("imatrix.datasets", MetaArray::Str(vec![b"text".to_vec()]).into()),
            ("imatrix.chunk_count", MetaValue::U32(2)),
        ];
        metadata.extend(values.into_iter().map(|(k, v)| (k.to_owned(), v)));
        metadata.insert("imatrix.chunk_size".to_owned(), MetaValue::U32(512));
        metadata.insert("nested".to_owned(), MetaArray::Nested(vec![MetaArray::Bool(vec![true])]).into());
    }
    let request = LayoutRequest {
        path: Path::new(name),
        tensors: &tensors,
        metadata: &metadata,
        sidecars: &Sidecars::default(),
        split: Split::Whole,
        graph: None,
    };
    let plan = layout(&request).unwrap().remove(0);
    let mut bytes = vec![0; usize::try_from(plan.bytes).unwrap()];
    for (at, fixed) in &plan.fixed {
        let at = usize::try_from(*at).unwrap();
        bytes[at..at + fixed.len()].copy_from_slice(fixed);
    }
    bytes
}

/// A file of a finished job.
fn job(name: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("w.safetensors"), made(safetensors::layout, "w.safetensors")).unwrap();
    let mut recipe = Recipe::default();
    recipe.source.path = Some(path("w.safetensors"));
    recipe.targets = vec![Target { output: Some(path("a.gguf")), ..Target::of(FormatId::Gguf) }];
    let prepared = plan::prepare(&recipe, Task::quiet()).unwrap();
    let sink = EventSink::new("1").with_file(&path("events.jsonl")).unwrap();
    let (stop, gate, journal) = (Stop::default(), Gate::default(), path("journal"));
    let options = RunOptions {
        threads: 1,
        stop: &stop,
        gate: &gate,
        sink: &sink,
        journal: Some((&journal, false)),
        origin: Default::default(),
    };
    let report = run(&prepared, &options).unwrap();
    fs::write(path("report.json"), serde_json::to_vec(&report).unwrap()).unwrap();
    fs::read(path(name)).unwrap()
}

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

fn pickles() -> Vec<Vec<u8>> {
    let mut all = fixtures("ranks/dcp", |n| n == ".metadata");
    all.push(b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01X\x01\x00\x00\x00b](K\x02K\x03eu.".to_vec());
    all.push(b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.".to_vec());
    all.push(b"(dp0\nS'a'\np1\nI1\nsS'b'\nL5L\ns.".to_vec());
    all
}

fn vocabularies() -> Vec<Vec<u8>> {
    let files = [
        models("tokenizer.json"),
        models("tokenizer.model"),
        models("tokenizer_config.json"),
        models("special_tokens_map.json"),
        bytes(&[r#"{"<x>": 3, "<y>": 4}"#]),
        models("vocab.txt"),
        bytes(&[r#"{"a": 0, "b": 1, "ab": 2}"#]),
        bytes(&["#version: 0.2\na b\nab c\n"]),
    ];
    let numbered = (0_u8..).zip(files).flat_map(|(file, all)| all.into_iter().map(move |data| (file, data)));
    (0_u8..).zip(numbered).map(|(n, (file, data))| [&[file + 8 * (n % 6)][..], &data].concat()).collect()
}

/// A LLaMA file of two layouts, a GPT-2 file and an adapter, each with small tensors.
fn ggml() -> Vec<Vec<u8>> {
    let ints = |file: &mut Vec<u8>, ints: &[i32]| ints.iter().for_each(|n| file.extend(n.to_le_bytes()));
    let tensor = |file: &mut Vec<u8>, name: &str, code: i32, ne: &[i32], bytes: usize, aligned: bool| {
        ints(file, &[ne.len() as i32, name.len() as i32, code]);
        ints(file, ne);
        file.extend(name.as_bytes());
        while aligned && !file.len().is_multiple_of(32) {
            file.push(0);
        }
        file.extend((0..bytes).map(|i| (i % 50) as u8));
    };
    let llama = |magic: &[u8; 4], version: Option<i32>| {
        let mut file = magic.to_vec();
        ints(&mut file, version.as_slice());
        ints(&mut file, &[2, 64, 32, 2, 1, 32, 2]);
        for text in [b"ab", b" c"] {
            ints(&mut file, &[2]);
            file.extend(text);
            if version.is_some() {
                ints(&mut file, &[-1]);
            }
        }
        for name in ["tok_embeddings", "layers.0.attention.wk", "layers.0.feed_forward.w1"] {
            tensor(&mut file, &format!("{name}.weight"), 2, &[64, 64], 64 * 40, version.is_some());
        }
        file
    };
    let mut gpt2 = b"lmgg".to_vec();
    ints(&mut gpt2, &[2, 16, 64, 2, 1, 1, 1, 1]);
    gpt2.push(b'a');
    tensor(&mut gpt2, "model/wte", 1, &[64, 2], 256, false);
    tensor(&mut gpt2, "model/h0/attn/c_attn/w", 1, &[64, 192], 64 * 192 * 2, false);
    let mut lora = b"algg".to_vec();
    ints(&mut lora, &[1, 2, 4]);
    tensor(&mut lora, "norm.weight.loraA", 0, &[2, 8], 64, true);
    vec![llama(b"lmgg", None), llama(b"tjgg", Some(1)), gpt2, lora]
}

/// The seeds of a target.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    let recipes = |extension: &'static str| {
        let mut all = fixtures("recipes/valid", |n| n.ends_with(extension));
        all.extend(fixtures("recipes/invalid", |n| n.ends_with(extension)));
        all
    };
    match target {
        "safetensors" => {
            let text = br#"{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}"#;
            let small = [&(text.len() as u64).to_le_bytes()[..], text, &[0; 8]].concat();
            let mut all = fixtures("ranks/hf", |n| n.ends_with(".safetensors"));
            all.extend([made(safetensors::layout, "a.safetensors"), small]);
            all
        }
        "safetensors_index" => models("model.safetensors.index.json"),
        "ggml" => ggml(),
        "gguf" => {
            let mut all = fixtures("golden/imatrix", |n| n.ends_with(".gguf"));
            all.push(made(gguf::layout, "a.gguf"));
            all
        }
        "pytorch" => {
            let mut all = fixtures("bad/pytorch", |n| n.ends_with(".pt"));
            all.extend(fixtures("ranks/deepspeed/global_step5", |n| n.ends_with(".pt")));
            all.extend(pytorch::SPEC.write.as_ref().map(|w| made(w.layout, "a.pt")));
            all
        }
        "pytorch_index" => bytes(&[
            r#"{"metadata": {"total_size": 8}, "weight_map": {"w": "pytorch_model-00001-of-00001.bin"}}"#,
            r#"{"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}"#,
        ]),
        "pickle" => pickles(),
        "dcp_metadata" => {
            ["ranks/dcp", "ranks/columns"].iter().flat_map(|f| fixtures(f, |n| n == ".metadata")).collect()
        }
        "onnx" => fixtures("graphs", |n| n.ends_with(".onnx")),
        "config" => {
            let mut all = models("config.json");
            all.extend(bytes(&[r#"{"r": 8, "lora_alpha": 16, "peft_type": "LORA", "target_modules": ["q_proj"]}"#]));
            all
        }
        "tokenizer_json" => models("tokenizer.json"),
        "sentencepiece" => models("tokenizer.model"),
        "vocab" => vocabularies(),
        "recipe_toml" => recipes(".toml"),
        "recipe_yaml" => recipes(".yaml"),
        "recipe_json" => recipes(".json"),
        "imatrix_dat" => fixtures("golden/imatrix", |n| n.ends_with(".dat")),
        "logits_file" => {
            // Windows of four tokens, two tokens in the vocabulary, one window with one scored position.
            let numbers = [4u32, 2, 1, 0, 1, 1, 0].map(u32::to_le_bytes).concat();
            let row = [0.1f32.to_le_bytes(), (-2.0f32).to_le_bytes(), [0, 0, 255, 1]].concat();
            vec![[&b"_logits_"[..], &numbers, &row].concat()]
        }
        "tasks" => {
            let mut all =
                bytes(&["A man\n2\nruns.\nsits.\ncooks.\nflies.\n", "0,\"A cup, not a _ broke\",cup,plate,2\n"]);
            // One task: a question, an answer with its label, no answers of the other kind.
            let words = [1u32, 8, 1].map(u32::to_le_bytes).concat();
            let numbers = [1u32, 1].map(u32::to_le_bytes).concat();
            let end = [1u32, 0].map(u32::to_le_bytes).concat();
            all.push([&words[..], b"Q", &numbers, b"a", &end].concat());
            all
        }
        "manifest" => vec![job("a.gguf.remold.json")],
        "journal" => vec![job("journal")],
        "events" => vec![job("events.jsonl"), job("report.json")],
        "watch_rules" => bytes(&[
            "[[watch]]\npath = \"runs\"\nto = [\"gguf:q8_0\"]\nkeep_last = 3\non_change = \"replace\"\nactive = \"22:00-07:00\"\n",
            "[[watch]]\npath = \"a\"\nto = \"gguf\"\nout = \"b\"\nmin_free = \"4G\"\n\n[[watch]]\npath = \"b\"\nto = [\"safetensors\"]\n",
        ]),
        "workbench_files" => {
            let mut all = bytes(&BUILT_IN.map(|(_, text)| text));
            all.extend(bytes(&["theme = \"dark\"\nascii = true\n", "[models]\nopen = [\"Enter\", \"ctrl-o\"]\n"]));
            all
        }
        _ => Vec::new(),
    }
}
