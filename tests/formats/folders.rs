//! Model folders.

use crate::support::material;
use remold::testing::formats;
use remold::testing::model::{ErrorKind, FormatId};
use std::fs;
use std::path::Path;

#[test]
fn every_safetensors_folder_of_the_material_opens_with_its_sidecars() {
    let Some(hf) = material("hf/tiny-llama") else { return };
    for entry in fs::read_dir(hf.parent().unwrap()).unwrap() {
        let dir = entry.unwrap().path();
        let is_weights = |p: fs::DirEntry| p.path().extension().is_some_and(|e| e == "safetensors");
        if !dir.is_dir() || !fs::read_dir(&dir).unwrap().any(|p| is_weights(p.unwrap())) {
            continue;
        }
        let model = formats::open(&dir).unwrap();
        assert_eq!(model.path, dir);
        assert_eq!(model.format, FormatId::Safetensors);
        assert!(model.config().is_some(), "{}", dir.display());
        let tokenizer = ["tokenizer.json", "tokenizer.model", "vocab.txt"].iter().any(|n| model.sidecars.has(n));
        assert!(tokenizer, "{}", dir.display());
        assert!(model.tensors.len() > 10);
    }
}

#[test]
fn a_pytorch_folder_opens_like_the_others() {
    let Some(dir) = material("hf/tiny-llama3-pt") else { return };
    let model = formats::open(&dir).unwrap();
    assert_eq!((model.format, &model.path), (FormatId::Pytorch, &dir));
    assert!(model.sidecars.has("tokenizer.json") && model.tensors.len() > 10);
    let file = formats::open(&dir.join("pytorch_model.bin")).unwrap();
    assert!(file.sidecars.has("config.json"), "sidecars come with the file too");
    let found = formats::scan(&dir, 0);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].format, found[0].architecture.as_deref()), (Some(FormatId::Pytorch), Some("llama")));
    assert_eq!((found[0].tensors, found[0].parameters), (model.tensors.len(), model.parameters()));
}

#[test]
fn any_way_into_a_sharded_model_gives_the_same_tensors() {
    let Some(dir) = material("hf/tiny-mistral-sharded") else { return };
    let names = |p: &Path| formats::open(p).unwrap().tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    let whole = names(&dir);
    assert_eq!(names(&dir.join("model.safetensors.index.json")), whole);
    assert_eq!(names(&dir.join("model-00003-of-00005.safetensors")), whole);
    let model = formats::open(&dir.join("model-00003-of-00005.safetensors")).unwrap();
    assert_eq!(model.files.len(), 5);
    assert!(model.sidecars.has("tokenizer.model"), "sidecars come with a shard too");
}

#[test]
fn training_state_is_named_and_left_alone() {
    let Some(dir) = material("hf/training-run/checkpoint-400") else { return };
    let model = formats::open(&dir).unwrap();
    let opaque = model.opaque.join("\n");
    assert!(opaque.contains("rng_state.pth: random-number state"), "{opaque}");
    assert!(opaque.contains("trainer_state.json: training history"), "{opaque}");

    let e = formats::open(dir.parent().unwrap()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::BadFile);
    assert!(e.hint().unwrap().text().contains("checkpoint-100, checkpoint-400"), "{:?}", e.hint());
}

#[test]
fn shards_that_are_missing_are_named() {
    let Some(from) = material("hf/tiny-mistral-sharded") else { return };
    let dir = tempfile::tempdir().unwrap();
    let copy = |n: &str| fs::copy(from.join(n), dir.path().join(n)).unwrap();
    copy("model.safetensors.index.json");
    copy("model-00002-of-00005.safetensors");
    let e = formats::open(dir.path()).unwrap_err().to_string();
    assert!(e.contains("4 of 5 files are missing: model-00001-of-00005.safetensors, model-00003"), "{e}");
    fs::remove_file(dir.path().join("model.safetensors.index.json")).unwrap();
    let e = formats::open(dir.path()).unwrap_err().to_string();
    assert!(e.contains("4 of 5 files are missing"), "{e}");
    for i in [1, 3, 4, 5] {
        copy(&format!("model-0000{i}-of-00005.safetensors"));
    }
    let model = formats::open(dir.path()).unwrap();
    assert_eq!(model.warnings[0].code, "safetensors.no-index");
    assert_eq!(model.tensors.len(), formats::open(&from).unwrap().tensors.len());
}

#[test]
fn folders_that_cannot_be_one_model_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let e = formats::open(dir.path()).unwrap_err();
    assert!(e.to_string().contains("no weights in this folder"), "{e}");
    fs::write(dir.path().join("a.gguf"), b"").unwrap();
    fs::write(dir.path().join("b.gguf"), b"").unwrap();
    let e = formats::open(dir.path()).unwrap_err();
    assert!(e.to_string().contains("several files could be the model (2): a.gguf, b.gguf"), "{e}");
    assert_eq!(e.kind(), ErrorKind::BadRequest);
    let e = formats::open(&dir.path().join("absent")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::BadRequest);
    let e = formats::open(&dir.path().join("a.gguf")).unwrap_err();
    assert!(e.to_string().contains("the file is empty"), "{e}");
}

#[test]
fn a_folder_with_another_formats_model_says_which() {
    let Some(ort) = material("ort/loop/loop.ort") else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::copy(ort, dir.path().join("model.ort")).unwrap();
    let e = formats::open(dir.path()).unwrap_err();
    assert!(e.to_string().contains("this is an ONNX Runtime (ORT) model"), "{e}");
    let Some(saved) = material("savedmodel/handmade-tf2") else { return };
    let e = formats::open(&saved).unwrap_err();
    assert!(e.to_string().contains("this is a TensorFlow SavedModel"), "{e}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tf_model.h5"), b"x").unwrap();
    let e = formats::open(dir.path()).unwrap_err();
    assert!(e.to_string().contains("only TensorFlow or Flax weights"), "{e}");
}

#[test]
fn the_order_of_preference_is_that_of_transformers() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("weights.bin"), b"").unwrap();
    let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    let find = |list: &[&str]| match formats::hf::find_weights(dir.path(), &names(list)) {
        Ok(Some(weights)) => format!("{weights:?}").replace(&format!("{}/", dir.path().display()), ""),
        Ok(None) => "nothing".to_owned(),
        Err(e) => e.to_string().replace(&format!("{}: ", dir.path().display()), ""),
    };
    let index = "model.safetensors.index.json";
    let cases: [(&[&str], &str); 12] = [
        (&["model.safetensors", index, "pytorch_model.bin"], "File(\"model.safetensors\")"),
        (
            &["consolidated.safetensors", index, "pytorch_model.bin"],
            "SafetensorsIndex(\"model.safetensors.index.json\")",
        ),
        (&["adapter.safetensors", "pytorch_model.bin"], "File(\"adapter.safetensors\")"),
        (&["pytorch_model.bin", "x.gguf"], "File(\"pytorch_model.bin\")"),
        (&["pytorch_model.bin.index.json", "consolidated.00.pth"], "PytorchIndex(\"pytorch_model.bin.index.json\")"),
        (&["consolidated.00.pth", "x.gguf", "params.json"], "File(\"consolidated.00.pth\")"),
        (
            &["consolidated.00.pth", "consolidated.01.pth"],
            "2 consolidated.*.pth files, each with a slice of every tensor",
        ),
        (&["training_args.bin", "optimizer.pt", "rng_state_0.pth", "weights.bin"], "File(\"weights.bin\")"),
        (&["training_args.bin", "optimizer.pt", "rng_state.pth", "config.json"], "nothing"),
        (&["a.safetensors", "b.safetensors"], "several files could be the model (2): a.safetensors, b.safetensors"),
        (&["a.pt", "b.pt"], "several files could be the model (2): a.pt, b.pt"),
        (&["m-00001-of-00002.bin", "m-00002-of-00002.bin"], "2 shards without pytorch_model.bin.index.json"),
    ];
    let mut wrong = Vec::new();
    for (list, expected) in cases {
        let got = find(list);
        if got != expected {
            wrong.push(format!("{list:?}: {got}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_lone_file_of_any_format_that_is_read_is_the_weights_of_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for extension in formats::readable_extensions() {
        let name = format!("weights.{extension}");
        fs::write(dir.path().join(&name), b"").unwrap();
        let found = formats::hf::find_weights(dir.path(), &["config.json".to_owned(), name.clone()]).unwrap();
        if found != Some(formats::hf::Weights::File(dir.path().join(&name))) {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
