//! Files that the programs of the time wrote: every tensor has the values that their own functions give.
//!
//! The manifests have the SHA-256 of the values of each tensor as little-endian `f32`, with −0 as 0.

use super::super::{open, open_alone};
use crate::model::{MetaValue, Model, Piece, TensorEntry};
use crate::quant::{BlockType, Encoding, dequantize_rows, repack, repacks_to};
use crate::skip::skipped;
use crate::tensor::decode_f32;
use serde_json::Value;
use sha2::{Digest, Sha256};
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

fn values(t: &TensorEntry) -> Vec<f32> {
    let mut out = vec![0f32; t.shape.elems().unwrap() as usize];
    let (rows, cols) = (t.rows(), t.cols() as usize);
    // Some rows at a time, and the last in two parts, so that both ways to read are used.
    let part = match t.encoding {
        Encoding::Block(b) => (t.cols() / 2).next_multiple_of(b.block_elems() as u64),
        Encoding::Plain(_) => t.cols() / 2,
    };
    let mut scratch = Vec::new();
    let mut read = |piece: Piece, dst: &mut [f32]| {
        t.read_piece(&piece, &mut scratch).unwrap();
        match t.encoding {
            Encoding::Plain(dtype) => decode_f32(dtype, &scratch, dst),
            Encoding::Block(ty) => dequantize_rows(ty, &scratch, dst).unwrap(),
        }
    };
    let mut r = 0;
    while r < rows {
        let end = (r + 3).min(rows);
        let dst = &mut out[r as usize * cols..end as usize * cols];
        if end == rows && end - r == 1 && (1..t.cols()).contains(&part) {
            let (a, b) = dst.split_at_mut(part as usize);
            read(Piece::part(t, r, 0..part), a);
            read(Piece::part(t, r, part..t.cols()), b);
        } else {
            read(Piece::rows(t, r..end), dst);
        }
        r = end;
    }
    out
}

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn hash(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|v| (if *v == 0.0 { 0.0 } else { *v }).to_le_bytes()).collect();
    sha256(bytes)
}

/// What differs between a file and its entry in the manifest.
fn differences(folder: &Path, name: &str, want: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let model = match open_alone(&folder.join(name)) {
        Ok(model) => model,
        Err(e) => return vec![format!("{name}: {e}")],
    };
    for (key, value) in want["hparams"].as_object().unwrap() {
        let Some(found) = model.metadata.get(&format!("ggml.{key}")) else {
            if key != "mel" {
                wrong.push(format!("{name}: no {key}"));
            }
            continue;
        };
        let number = match found {
            MetaValue::I32(n) => f64::from(*n),
            MetaValue::U32(n) => f64::from(*n),
            MetaValue::F32(x) => f64::from(*x),
            other => panic!("{key}: {other:?}"),
        };
        if value.as_f64() != Some(number) {
            wrong.push(format!("{name}: {key} is {number}, not {value}"));
        }
    }
    let rowwise = model.metadata["ggml.blocks"].as_str().unwrap().contains("all of a row");
    if rowwise != (want["layout"] == "rowwise") {
        wrong.push(format!("{name}: row-wise {rowwise}, layout {}", want["layout"]));
    }
    let tensors = want["tensors"].as_array().unwrap();
    if tensors.len() != model.tensors.len() {
        wrong.push(format!("{name}: {} tensors, not {}", model.tensors.len(), tensors.len()));
    }
    for (t, want) in model.tensors.iter().zip(tensors) {
        let ne: Vec<u64> = want["ne"].as_array().unwrap().iter().rev().map(|n| n.as_u64().unwrap()).collect();
        if want["name"] != t.name.as_str() || ne != t.shape.0 || want["bytes"] != t.bytes() {
            wrong.push(format!("{name}: {t:?} is not {} {ne:?}", want["name"]));
        } else if want["sha256_f32"] != hash(&values(t)).as_str() {
            wrong.push(format!("{name}: {} {} has other values", t.name, t.encoding));
        }
    }
    wrong
}

#[test]
fn every_tensor_has_the_values_of_the_program_that_wrote_it() {
    let (mut files, mut wrong) = (0, Vec::new());
    for folder in ["llama", "families", "whisper"] {
        let Some(folder) = golden(folder) else { continue };
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        for (name, want) in manifest.as_object().unwrap() {
            files += 1;
            wrong.extend(differences(&folder, name, want));
        }
    }
    assert!(wrong.is_empty(), "{} of {files} files:\n{}", wrong.len(), wrong.join("\n"));
}

fn model(name: &str) -> Option<Model> {
    golden(name).map(|path| open(&path).unwrap_or_else(|e| panic!("{name}: {e}")))
}

/// Parts hold what the whole file holds.
#[test]
fn two_parts_have_the_values_of_one_file() {
    for name in ["a.ggmf1.f16.bin", "a.ggml.q4_1.bin"] {
        let (Some(parts), Some(whole)) = (model(&format!("llama-2part/{name}")), model(&format!("llama/{name}")))
        else {
            continue;
        };
        assert_eq!((parts.files.len(), parts.tensors.len()), (2, whole.tensors.len()));
        for t in &parts.tensors {
            let other = whole.tensor(&t.name).unwrap();
            assert_eq!(t.shape, other.shape, "{}", t.name);
            assert_eq!(hash(&values(t)), hash(&values(other)), "{name}: {}", t.name);
        }
    }
}

/// Files without a manifest: a Falcon, a BERT, an adapter, a voice detector.
#[test]
fn files_of_other_containers_are_read_to_the_end() {
    for (name, family, tensors) in [
        ("families/g.falcon.f16.ggcc", "falcon", 0),
        ("bert/mini-bert.bert.f16.bin", "bert", 0),
        ("lora/ggml-adapter-model.bin", "lora", 8),
        ("silero/for-tests-silero-v6.2.0-ggml.bin", "silero", 0),
    ] {
        let Some(model) = model(name) else { continue };
        assert_eq!(model.metadata["ggml.family"].as_str(), Some(family), "{name}");
        assert!(model.tensors.len() >= tensors.max(1), "{name}: {}", model.tensors.len());
        model.tensors.iter().for_each(|t| drop(values(t)));
    }
}

/// Repacked blocks are those that the quantizer of `ggjt` 3 made from the same weights.
#[test]
fn repacked_blocks_are_those_of_the_last_version() {
    let mut compared = 0;
    for (early, last) in [
        ("a.ggjt2.q4_0.bin", "a.ggjt3.q4_0.bin"),
        ("a.ggjt1.q4_1.bin", "a.ggjt3.q4_1.bin"),
        ("a.ggjt2.q4_1.bin", "a.ggjt3.q4_1.bin"),
        ("a.ggjt1.q5_0.bin", "a.ggjt3.q5_0.bin"),
        ("a.ggjt1.q5_1.bin", "a.ggjt3.q5_1.bin"),
        ("a.ggjt1.q8_0.bin", "a.ggjt3.q8_0.bin"),
        ("a.ggjt2.q8_0.bin", "a.ggjt3.q8_0.bin"),
    ] {
        let (Some(early), Some(last)) = (model(&format!("llama/{early}")), model(&format!("llama/{last}"))) else {
            continue;
        };
        for t in &early.tensors {
            let other = last.tensor(&t.name).unwrap();
            let Encoding::Block(ty) = t.encoding else { continue };
            let Some(to) = repacks_to(ty) else { continue };
            // The last version keeps the output matrix in more bits for some types.
            if other.encoding != Encoding::Block(to) {
                continue;
            }
            let mut bytes = vec![0; other.bytes() as usize];
            assert!(repack(ty, &t.read_all().unwrap(), &mut bytes));
            assert_eq!(sha256(bytes), sha256(other.read_all().unwrap()), "{} {}", t.name, t.encoding);
            compared += 1;
        }
    }
    assert!(compared > 90 || golden("llama").is_none(), "{compared}");
    assert_eq!(repacks_to(BlockType::Q4_2), None);
}
