//! Networks in the files of the golden data, and small ones made here.

use super::*;
use crate::arch;
use crate::skip::skipped;
use indexmap::IndexMap;
use serde_json::json;
use std::path::{Path, PathBuf};

fn golden(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/golden/ggml", "../../shared/golden/ggml"];
    let found = places.iter().map(|p| root.join(p).join(relative)).find(|p| p.exists());
    if found.is_none() {
        skipped(&format!("golden data ggml/{relative} absent"));
    }
    found
}

fn opened(relative: &str) -> Option<Model> {
    golden(relative).map(|path| arch::open(&path).unwrap_or_else(|e| panic!("{relative}: {e}")))
}

#[test]
fn every_family_gets_the_names_and_keys_of_gguf() {
    for (file, architecture, tensors) in [
        (
            "llama/a.ggml-rowwise.q4_0.bin",
            "llama",
            ["token_embd.weight", "blk.1.ffn_gate.weight", "output_norm.weight"],
        ),
        ("llama/b.ggjt3.q4_k_m.bin", "llama", ["token_embd.weight", "blk.0.attn_q.weight", "output.weight"]),
        ("families/g.gpt2.q4_0.bin", "gpt2", ["position_embd.weight", "blk.1.attn_qkv.bias", "output_norm.bias"]),
        (
            "families/g.starcoder.f16.bin",
            "starcoder",
            ["blk.0.attn_qkv.weight", "blk.1.ffn_down.bias", "output.weight"],
        ),
        ("families/g.gptj.f16.bin", "gptj", ["blk.0.attn_q.weight", "blk.1.ffn_up.bias", "output.bias"]),
        ("families/g.gpt-neox.f16.bin", "gptneox", ["blk.0.attn_qkv.bias", "blk.1.ffn_up.bias", "output.weight"]),
        ("families/g.mpt.f16.bin", "mpt", ["blk.0.attn_qkv.weight", "blk.1.ffn_up.weight", "output_norm.weight"]),
        ("families/g.falcon.f16.ggcc", "falcon", ["blk.0.attn_qkv.weight", "blk.1.ffn_up.weight", "output_norm.bias"]),
        ("bert/mini-bert.bert.f16.bin", "bert", ["token_types.weight", "blk.1.ffn_up.weight", "token_embd_norm.bias"]),
    ] {
        let Some(model) = opened(file) else { continue };
        assert!(model.warnings.iter().all(|w| w.code != "ggml.not-named"), "{file}: {:?}", model.warnings);
        let model = named(&model).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(model.architecture(), Some(architecture), "{file}");
        for name in tensors {
            assert!(model.tensor(name).is_some(), "{file} lacks {name}");
        }
        let uint = |key: &str| model.metadata[&format!("{architecture}.{key}")].as_u64();
        assert!(uint("embedding_length").is_some_and(|n| n >= 64) && uint("feed_forward_length").is_some());
        assert!(model.metadata.contains_key("tokenizer.ggml.tokens"), "{file}");
        arch::check_complete(&model).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
}

#[test]
fn a_llama_goes_to_hugging_face_as_its_twin() {
    let (Some(model), Some(twin)) = (opened("llama/a.ggjt3.f32.bin"), opened("llama/hf-a")) else { return };
    let hf = arch::to_hf(&model).unwrap().model;
    assert_eq!(hf.tensors.len(), twin.tensors.len());
    for t in &hf.tensors {
        let other = twin.tensor(&t.name).unwrap_or_else(|| panic!("{}", t.name));
        let values = |t: &crate::model::TensorEntry| {
            let mut out = vec![0f32; t.shape.elems().unwrap() as usize];
            let piece = crate::model::Piece::rows(t, 0..t.rows());
            crate::model::decode_piece(t, &piece, &mut Vec::new(), &mut out).unwrap();
            out
        };
        assert_eq!(values(t), values(other), "{}", t.name);
    }
    let config = hf.config().unwrap();
    assert_eq!((&config["num_attention_heads"], &config["num_key_value_heads"]), (&json!(2), &json!(2)));
    assert!(hf.sidecars.has("tokenizer.model"));
}

/// GPT-NeoX's fused projection is taken apart as the converter does, StarCoder's repeated keys are dropped.
#[test]
fn fused_projections_have_ggufs_order() {
    if let Some(stored) = opened("families/g.gpt-neox.f16.bin") {
        let made = named(&stored).unwrap();
        let (from, to) = (
            stored.tensor("gpt_neox.layers.1.attention.query_key_value.weight").unwrap(),
            made.tensor("blk.1.attn_qkv.weight").unwrap(),
        );
        // Two heads of 32: the keys of the second begin at row 96 + 32, and at row 64 + 32 in GGUF.
        assert_eq!(to.read(96..97).unwrap(), from.read(128..129).unwrap());
        assert_eq!(to.read(0..32).unwrap(), from.read(0..32).unwrap());
    }
    if let Some(model) = opened("families/g.starcoder.q4_0.bin") {
        assert_eq!(model.tensor("blk.0.attn_qkv.weight").unwrap().shape.0, [128, 64]);
        let bias = model.tensor("blk.0.attn_qkv.bias").unwrap();
        assert_eq!(bias.shape.0, [128]);
        let stored = crate::formats::open(&model.path).unwrap();
        let stored = stored.tensor("model/h0/attn/c_attn/b").unwrap().read_all().unwrap();
        // Queries, the first head of keys, the first head of values.
        let want = [&stored[..384], &stored[512..640]].concat();
        assert_eq!(bias.read_all().unwrap(), want);
        let mut part = Vec::new();
        bias.read_piece(&crate::model::Piece::part(bias, 0, 90..100), &mut part).unwrap();
        assert_eq!(part, want[360..400]);
        assert_eq!(model.metadata["starcoder.attention.head_count_kv"], MetaValue::U32(1));
    }
}

#[test]
fn given_hyperparameters_replace_assumed_ones() {
    let Some(model) = opened("llama/a.ggjt1.q4_0.bin") else { return };
    let text = |m: &Model| m.warnings.iter().filter(|w| w.code == ASSUMED).map(|w| w.text.clone()).collect::<String>();
    assert!(text(&model).contains("norm_epsilon") && text(&model).contains("2048"), "{}", text(&model));
    let given = |pairs: &[(&str, serde_json::Value)]| {
        with_given(&model, &pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect::<IndexMap<_, _>>())
    };
    let all =
        [("norm_epsilon", json!(1e-6)), ("context", json!("512")), ("rope_base", json!(1e6)), ("heads", json!(4))];
    let changed = given(&all).unwrap();
    assert_eq!(text(&changed), "");
    assert_eq!(changed.metadata["llama.context_length"], MetaValue::U32(512));
    assert_eq!(changed.metadata["llama.attention.layer_norm_rms_epsilon"], MetaValue::F32(1e-6));
    assert_eq!(changed.metadata["llama.rope.dimension_count"], MetaValue::U32(16));
    assert_eq!(changed.metadata["llama.attention.head_count_kv"], MetaValue::U32(4));
    // A wrong number is a wrong request, and no damaged file.
    for (name, number) in [("heads", 5), ("heads", 3), ("kv_heads", 7)] {
        let e = given(&[(name, json!(number))]).unwrap_err();
        assert!(e.kind() == crate::model::ErrorKind::BadRequest && e.file().is_none(), "{name}: {e}");
        assert!(e.to_string().starts_with(&format!("hyperparameters.\"{name}\": ")), "{e}");
    }
    let huge = given(&[("context", json!(99_999_999_999_999_u64))]).unwrap_err().to_string();
    assert!(huge.contains("is 99999999999999, not a whole number from 1 to 2147483648"), "{huge}");
    assert!(
        given(&[("rope_base", json!(f64::NAN))])
            .unwrap_err()
            .to_string()
            .contains("rope_base must be a number above 0")
    );
    assert!(given(&[("heads", json!(0.5))]).unwrap_err().to_string().contains("whole number"));
    assert!(given(&[("layers", json!(2))]).unwrap_err().to_string().contains("not a hyper-parameter"));
}

#[test]
fn names_have_one_layer_and_known_suffixes() {
    let family = |name: &str| family::FAMILIES.iter().find(|f| f.name == name).unwrap();
    let llama = |name: &str| names::gguf_name(family("llama"), name);
    assert_eq!(llama("layers.12.feed_forward.w2.weight").as_deref(), Some("blk.12.ffn_down.weight"));
    assert_eq!(llama("rope.freqs").as_deref(), Some(""));
    assert_eq!(llama("layers.x.attention.wq.weight"), None);
    assert_eq!(llama("layers..attention.wq.weight"), None);
    let gpt2 = |name: &str| names::gguf_name(family("gpt-2"), name);
    assert_eq!(gpt2("model/h3/attn/c_attn/w").as_deref(), Some("blk.3.attn_qkv.weight"));
    assert_eq!(gpt2("model/h3/ln_1/g").as_deref(), Some("blk.3.attn_norm.weight"));
    assert_eq!(gpt2("model/wpe").as_deref(), Some("position_embd.weight"));
}
