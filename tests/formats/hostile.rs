//! Cut, flipped and random files: an error or a model whose rows can be read, never a panic.

use crate::support::{entries, material, request, tensor, walk, write};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use remold::testing::formats;
use remold::testing::model::FormatId;
use remold::testing::model::{MetaArray, MetaValue, Metadata, Sidecars};
use remold::testing::tensor::DType;
use std::fs;
use std::path::{Path, PathBuf};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_261_123),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Small real files of each format, with the bytes of their headers.
fn seeds() -> Vec<(String, Vec<u8>, usize)> {
    let mut out = made();
    for name in [
        "gguf/synthetic/types.gguf",
        "gguf/synthetic/align128.gguf",
        "gguf/synthetic/be.gguf",
        "gguf/synthetic/split-00001-of-00002.gguf",
        "safetensors/candle/jfk-codes.safetensors",
    ] {
        let Some(path) = material(name) else { continue };
        let mut bytes = fs::read(&path).unwrap();
        let model = formats::open_file(&path).unwrap();
        let data: u64 = model.tensors.iter().map(|t| t.bytes()).sum();
        let header = bytes.len().saturating_sub(data as usize).max(256);
        if name.starts_with("gguf") {
            bytes.truncate(bytes.len().min(64 << 10));
        }
        out.push((path.file_name().unwrap().to_str().unwrap().to_owned(), bytes, header));
    }
    out
}

/// A file of each format made here, so that these tests never run on nothing.
fn made() -> Vec<(String, Vec<u8>, usize)> {
    let dir = tempfile::tempdir().unwrap();
    let tensors = [tensor("a.weight", &[2, 3], DType::F16), tensor("b", &[4], DType::F32)];
    let metadata: Metadata = [
        ("general.name".to_owned(), MetaValue::from("made")),
        ("general.alignment".to_owned(), MetaValue::U32(16)),
        ("tokens".to_owned(), MetaArray::Str(vec![b"x".to_vec(), b"yz".to_vec()]).into()),
        ("scores".to_owned(), MetaArray::F32(vec![0.5; 70]).into()),
        ("flags".to_owned(), MetaArray::Nested(vec![MetaArray::Bool(vec![true])]).into()),
    ]
    .into_iter()
    .collect();
    let sidecars = Sidecars::default();
    let layouts = [("made.gguf", FormatId::Gguf), ("made.safetensors", FormatId::Safetensors)];
    let make = |(name, format): (&str, FormatId)| {
        let path = dir.path().join(name);
        let plan =
            &(formats::write_spec(format).unwrap().layout)(&request(&path, &tensors, &metadata, &sidecars)).unwrap()[0];
        write(plan, &entries(&tensors));
        (name.to_owned(), fs::read(&path).unwrap(), plan.fixed[0].1.len())
    };
    layouts.into_iter().map(make).collect()
}

/// Opens a file every way there is; whatever opens must give every row it promises.
fn exercise(path: &Path) -> bool {
    let _ = formats::scan(path, 0);
    let Ok(model) = formats::open(path) else {
        return false;
    };
    let len: u64 = model.files.iter().map(|f| fs::metadata(f).unwrap().len()).sum();
    for t in &model.tensors {
        assert!(t.bytes() <= len, "{t:?} is larger than its file");
        if t.bytes() > 0 {
            t.read(t.rows() - 1..t.rows()).unwrap();
        }
    }
    true
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn cut_at_every_byte_of_the_header_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, header) in seeds() {
        let path = put(dir.path(), &name, &bytes);
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for len in (0..header.min(bytes.len())).rev() {
            file.set_len(len as u64).unwrap();
            let e = formats::open(&path).expect_err(&format!("{name} cut to {len} bytes was opened"));
            assert!(e.file().is_some(), "{name} cut to {len}: {e}");
        }
    }
}

#[test]
fn a_file_that_shrinks_after_it_was_opened_is_an_error_not_a_signal() {
    let Some(from) = material("gguf/synthetic/types.gguf") else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "a.gguf", &fs::read(from).unwrap());
    let model = formats::open(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(2000).unwrap();
    let e = model.tensors.last().unwrap().read_all().unwrap_err();
    assert!(e.to_string().contains("the file ends before"), "{e}");
}

#[test]
fn flipped_bytes_never_panic() {
    let seeds = seeds();
    let dir = tempfile::tempdir().unwrap();
    let strategy = (0..seeds.len(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6));
    proptest!(config(1500), |((which, flips) in strategy)| {
        let (name, bytes, header) = &seeds[which];
        let mut bytes = bytes.clone();
        let header = (*header).min(bytes.len());
        for (at, value) in flips {
            bytes[at.index(header)] ^= value;
        }
        exercise(&put(dir.path(), name, &bytes));
    });
}

#[test]
fn extreme_numbers_at_every_place_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, header) in seeds() {
        if !name.ends_with("gguf") {
            continue;
        }
        for at in (4..header.min(bytes.len()) - 8).step_by(5) {
            for value in [0u64, u64::MAX, i64::MAX as u64, 1 << 32, 1 << 62] {
                let mut bad = bytes.clone();
                bad[at..at + 8].copy_from_slice(&value.to_le_bytes());
                exercise(&put(dir.path(), &name, &bad));
            }
        }
    }
}

#[test]
fn random_bytes_after_a_valid_beginning_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    proptest!(config(1500), |(kind in 0..5usize, bytes in proptest::collection::vec(any::<u8>(), 0..400))| {
        let mut file = match kind {
            0 => b"GGUF\x03\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0".to_vec(),
            1 => b"GGUF\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec(),
            2 => (bytes.len() as u64).to_le_bytes().to_vec(),
            3 => [&(bytes.len() as u64 + 1).to_le_bytes()[..], b"{"].concat(),
            _ => Vec::new(),
        };
        file.extend(bytes);
        let name = ["a.gguf", "a.gguf", "a.safetensors", "a.safetensors", "model.safetensors.index.json"][kind];
        exercise(&put(dir.path(), name, &file));
    });
}

#[test]
fn json_headers_of_any_shape_never_panic() {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"w\"",
        "\"dtype\"",
        "\"F32\"",
        "\"U8\"",
        "\"shape\"",
        "\"data_offsets\"",
        "0",
        "4",
        "18446744073709551615",
        "-1",
        "1e999",
        "null",
        "\"__metadata__\"",
        "\"\\ud800\"",
        "[0,4]",
        "[1]",
        "[0,0]",
        " ",
        "\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}",
        "\"weight_map\"",
        "\"a.safetensors\"",
    ]);
    let dir = tempfile::tempdir().unwrap();
    proptest!(config(2000), |(words in proptest::collection::vec(word, 0..30), data in 0..9usize)| {
        let json = format!("{{{}}}", words.concat());
        let mut file = (json.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(json.as_bytes());
        file.resize(file.len() + data, 0);
        exercise(&put(dir.path(), "a.safetensors", &file));
        exercise(&put(dir.path(), "model.safetensors.index.json", json.as_bytes()));
    });
}

#[test]
fn every_file_of_the_material_opens_or_says_why_not() {
    let Some(gguf) = material("gguf") else { return };
    let root = gguf.parent().unwrap();
    let mut refused = 0;
    for path in walk(root) {
        if let Err(e) = formats::open(&path) {
            refused += 1;
            assert!(e.file().is_some(), "{e}");
            assert!(!e.to_string().is_empty());
        }
    }
    eprintln!("{refused} files refused");
}
