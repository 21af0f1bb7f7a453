//! Read → lay out → write gives the file back; what other writers made is made again to the byte.

use crate::support::{golden, material, request, walk, write};
use remold::testing::formats::{self, LayoutTensor, Split};
use remold::testing::model::{MetaArray, MetaValue, Metadata, Model, Sidecars};
use remold::testing::quant::Encoding;
use remold::testing::tensor::Shape;
use std::fs;
use std::path::{Path, PathBuf};

fn tensors(model: &Model) -> Vec<LayoutTensor> {
    let one = |t: &remold::testing::model::TensorEntry| LayoutTensor {
        name: t.name.clone(),
        shape: t.shape.clone(),
        encoding: t.encoding,
        layer: None,
    };
    model.tensors.iter().map(one).collect()
}

/// Lays the model out again in its own format and writes it; gives the paths.
fn rewrite(model: &Model, to: &Path, split: Split) -> Vec<PathBuf> {
    let tensors = tensors(model);
    let mut req = request(to, &tensors, &model.metadata, &model.sidecars);
    req.split = split;
    let layout = formats::write_spec(model.format).unwrap().layout;
    let plans = layout(&req).unwrap();
    plans.iter().for_each(|p| write(p, &model.tensors));
    plans.into_iter().map(|p| p.path).collect()
}

#[test]
fn files_of_the_reference_writers_are_written_again_to_the_byte() {
    let names = [
        "gguf/synthetic/types.gguf",
        "gguf/synthetic/align128.gguf",
        "gguf/vocab/ggml-vocab-bert-bge.gguf",
        "gguf/vocab/ggml-vocab-gpt-2.gguf",
        "gguf/vocab/ggml-vocab-llama-spm.gguf",
        "hf/tiny-llama/model.safetensors",
        "hf/tiny-bert/model.safetensors",
        "hf/tiny-qwen3/model.safetensors",
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut failed = Vec::new();
    for name in names {
        let Some(path) = material(name) else { continue };
        let out = dir.path().join(path.file_name().unwrap());
        rewrite(&formats::open(&path).unwrap(), &out, Split::Whole);
        if fs::read(&path).unwrap() != fs::read(&out).unwrap() {
            failed.push(name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

#[test]
fn a_file_of_llama_cpp_itself_is_written_again_to_the_byte() {
    let Some(dir) = golden("imatrix") else { return };
    let out = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for path in walk(&dir).into_iter().filter(|p| p.extension().is_some_and(|e| e == "gguf")) {
        let to = out.path().join("x.gguf");
        rewrite(&formats::open(&path).unwrap(), &to, Split::Whole);
        assert!(fs::read(&path).unwrap() == fs::read(&to).unwrap(), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn every_tensor_of_the_golden_files_has_the_size_we_compute() {
    let Some(dir) = golden("gguf") else { return };
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in walk(&dir) {
        let file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for t in file["tensors"].as_array().unwrap() {
            let encoding = Encoding::parse(t["type"].as_str().unwrap());
            let mut dims: Vec<u64> = t["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).collect();
            dims.reverse();
            seen += 1;
            if encoding.and_then(|e| e.tensor_bytes(&Shape(dims))) != t["bytes"].as_u64() {
                wrong.push(format!("{} {t}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty() && seen > 0, "{wrong:#?}");
}

#[test]
fn a_split_gguf_is_split_again_to_the_byte() {
    let Some(from) = material("gguf/synthetic") else { return };
    let dir = tempfile::tempdir().unwrap();
    let model = formats::open(&from.join("split-00001-of-00002.gguf")).unwrap();
    let paths = rewrite(&model, &dir.path().join("split.gguf"), Split::Files(vec![vec![0], vec![1]]));
    assert_eq!(paths.len(), 2);
    for p in paths {
        let same = fs::read(from.join(p.file_name().unwrap())).unwrap() == fs::read(&p).unwrap();
        assert!(same, "{}", p.display());
    }
}

#[test]
fn a_sharded_folder_is_written_again_with_index_and_sidecars() {
    let Some(from) = material("hf/tiny-mistral-sharded") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut model = formats::open(&from).unwrap();
    // The order of the modules, which save_pretrained("1MB") cut into shards; the files themselves are sorted by name.
    let kinds =
        ["embed", "q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down", "input", "post", "norm", "lm_head"];
    model.tensors.sort_by_key(|t| {
        let layer = t.name.split('.').find_map(|part| part.parse::<usize>().ok());
        let kind = kinds.iter().position(|k| t.name.contains(k)).unwrap();
        (layer.unwrap_or(if kind == 0 { 0 } else { 9 }), kind)
    });
    let paths = rewrite(&model, &out, Split::Bytes(1_000_000));
    assert!(paths.iter().any(|p| p.ends_with("model.safetensors.index.json")));
    let again = formats::open(&out).unwrap();
    assert_eq!(again.files.len(), 5);
    assert_eq!(again.sidecars.0.len(), model.sidecars.0.len());
    assert_eq!(again.metadata["format"], MetaValue::from("pt"));
    assert_eq!(again.tensors.len(), model.tensors.len());
    for t in &model.tensors {
        assert_eq!(again.tensor(&t.name).unwrap().read_all().unwrap(), t.read_all().unwrap(), "{}", t.name);
    }
    for p in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "safetensors")) {
        let same = fs::read(from.join(p.file_name().unwrap())).unwrap() == fs::read(p).unwrap();
        assert!(same, "{} differs from what save_pretrained wrote", p.display());
    }
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("model.safetensors.index.json")).unwrap()).unwrap();
    assert_eq!(index["metadata"]["total_size"], model.tensor_bytes());
    let map: Vec<&String> = index["weight_map"].as_object().unwrap().keys().collect();
    assert!(map.is_sorted());
    let first: serde_json::Value =
        serde_json::from_slice(&fs::read(from.join("model.safetensors.index.json")).unwrap()).unwrap();
    assert_eq!(map, first["weight_map"].as_object().unwrap().keys().collect::<Vec<_>>());
}

#[test]
fn what_we_write_the_safetensors_crate_reads() {
    let Some(path) = material("safetensors/silero/silero_vad_16k.safetensors") else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("x.safetensors");
    let model = formats::open(&path).unwrap();
    rewrite(&model, &out, Split::Whole);
    let bytes = fs::read(&out).unwrap();
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), model.tensors.len());
    for t in &model.tensors {
        assert_eq!(theirs.tensor(&t.name).unwrap().data(), t.read_all().unwrap(), "{}", t.name);
    }
}

#[test]
fn every_type_of_metadata_value_comes_back() {
    let mut metadata = Metadata::new();
    let values = [
        MetaValue::U8(200),
        MetaValue::I8(-3),
        MetaValue::U16(60_000),
        MetaValue::I16(-30_000),
        MetaValue::U32(4_000_000_000),
        MetaValue::I32(-2),
        MetaValue::F32(-0.0),
        MetaValue::Bool(true),
        MetaValue::Str("ä€𝄞\n\0".into()),
        MetaValue::U64(u64::MAX),
        MetaValue::I64(i64::MIN),
        MetaValue::F64(1e300),
        MetaArray::U8(vec![1, 255]).into(),
        MetaArray::I8(vec![-1]).into(),
        MetaArray::U16(vec![]).into(),
        MetaArray::I16(vec![-5, 5]).into(),
        MetaArray::U32(vec![1; 100]).into(),
        MetaArray::I32(vec![-1; 100]).into(),
        MetaArray::F32(vec![0.5, f32::INFINITY]).into(),
        MetaArray::Bool(vec![true, false]).into(),
        MetaArray::Str(vec![b"a".to_vec(), vec![0xff, 0xfe], vec![]]).into(),
        MetaArray::U64(vec![u64::MAX]).into(),
        MetaArray::I64(vec![i64::MIN]).into(),
        MetaArray::F64(vec![0.1]).into(),
        MetaArray::Nested(vec![MetaArray::U8(vec![1]), MetaArray::Str(vec![b"x".to_vec()])]).into(),
    ];
    for (i, v) in values.into_iter().enumerate() {
        metadata.insert(format!("k.{i}"), v);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.gguf");
    let sidecars = Sidecars::default();
    let plans = formats::gguf::layout(&request(&path, &[], &metadata, &sidecars)).unwrap();
    plans.iter().for_each(|p| write(p, &[]));
    assert_eq!(formats::open(&path).unwrap().metadata, metadata);
}

#[cfg(feature = "verify-gguf-rs")]
#[test]
fn gguf_rs_sees_what_was_planned_and_notices_what_was_not() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["gguf/synthetic/types.gguf", "gguf/synthetic/align128.gguf", "gguf/vocab/ggml-vocab-llama-spm.gguf"] {
        let Some(path) = material(name) else { continue };
        let model = formats::open(&path).unwrap();
        let tensors = tensors(&model);
        let out = dir.path().join("o.gguf");
        let req = request(&out, &tensors, &model.metadata, &model.sidecars);
        let plan = &formats::gguf::layout(&req).unwrap()[0];
        write(plan, &model.tensors);
        assert_eq!(formats::gguf::verify(&out, plan, &req).unwrap(), [], "{name}");

        // Flip one bit at a time in the header: each is noticed by the second reader, or by ours where untyped JSON cannot
        // detect (a u32 that became an i32); in the tensor list always by the second.
        let good = fs::read(&out).unwrap();
        let head = plan.fixed[0].1.len();
        let list = plan.slots.len() * 24;
        for at in (4..head).step_by((head / 300).max(1)) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&out, &bad).unwrap();
            let noticed = formats::gguf::verify(&out, plan, &req).is_err();
            let ours = || formats::open(&out).map_or(true, |m| codes(&m) != codes(&model));
            assert!(noticed || (at + list < head && ours()), "{name} byte {at:#x} of {head:#x}");
        }
    }
}

/// Types of the metadata values, of array elements too.
#[cfg(feature = "verify-gguf-rs")]
fn codes(model: &Model) -> Vec<(u32, u32)> {
    let element = |v: &MetaValue| if let MetaValue::Array(a) = v { a.element_code() } else { 0 };
    model.metadata.values().map(|v| (v.code(), element(v))).collect()
}
