//! What a layout refuses, and what it promises of the files it lays out.

use crate::support::{entries, request, tensor, write};
use remold::testing::formats::{self, LayoutTensor, Split};
use remold::testing::model::{ErrorKind, MetaArray, MetaValue, Metadata, Model, Sidecar, Sidecars};
use remold::testing::quant::BlockType;
use remold::testing::tensor::DType;
use std::fs;
use std::path::Path;

#[test]
fn gguf_refuses_what_it_cannot_hold() {
    let (none, side) = (Metadata::new(), Sidecars::default());
    let cases = [
        (vec![tensor("a", &[1; 5], DType::F32)], "a: 5 dimensions, but GGUF allows at most 4"),
        (vec![tensor("a", &[3, 0], DType::F32)], "a: shape 3 × 0 cannot be stored"),
        (vec![tensor("a", &[1 << 40, 1 << 40], DType::F32)], "cannot be stored in GGUF"),
        (vec![tensor("a", &[3], DType::Bool)], "a: GGUF does not support the element type bool"),
        (vec![tensor("a", &[3], DType::F8E4M3)], "a: GGUF does not support the element type f8_e4m3"),
        (
            vec![tensor("a", &[2, 33], BlockType::Q8_0)],
            "a: rows of 33 elements are not a multiple of the 32-element blocks of Q8_0",
        ),
        (vec![tensor("", &[3], DType::F32)], "the name has 0 bytes"),
        (vec![tensor(&"x".repeat(64), &[3], DType::F32)], "the name has 64 bytes; llama.cpp allows 1 to 63"),
        (vec![tensor("a", &[3], DType::F32), tensor("a", &[3], DType::F32)], "a: duplicate tensor name"),
    ];
    for (tensors, expected) in cases {
        let e = formats::gguf::layout(&request(Path::new("x.gguf"), &tensors, &none, &side)).unwrap_err();
        assert!(e.kind() == ErrorKind::BadRequest && e.to_string().contains(expected), "{e}");
    }
    for bad in [MetaValue::U32(0), MetaValue::U32(24), MetaValue::U64(32)] {
        let metadata: Metadata = [("general.alignment".to_owned(), bad)].into_iter().collect();
        assert!(formats::gguf::layout(&request(Path::new("x.gguf"), &[], &metadata, &side)).is_err());
    }
}

#[test]
fn safetensors_refuses_what_it_cannot_hold() {
    let (none, side) = (Metadata::new(), Sidecars::default());
    let cases = [
        (vec![tensor("a", &[256], BlockType::Q4_K)], "a: safetensors does not support the element type Q4_K"),
        (vec![tensor("a", &[2], DType::C128)], "a: safetensors does not support the element type c128"),
        (vec![tensor("__metadata__", &[2], DType::F32)], "this name is reserved in safetensors"),
        (vec![tensor("a", &[1 << 40, 1 << 40], DType::F32)], "the size of shape"),
        (vec![tensor("a", &[3], DType::F32), tensor("a", &[3], DType::F32)], "a: duplicate tensor name"),
    ];
    for (tensors, expected) in cases {
        let e = formats::safetensors::layout(&request(Path::new("x.safetensors"), &tensors, &none, &side)).unwrap_err();
        assert!(e.kind() == ErrorKind::BadRequest && e.to_string().contains(expected), "{e}");
    }
    let side = Sidecars([("../evil".to_owned(), Sidecar::Bytes(vec![1]))].into_iter().collect());
    let e = formats::safetensors::layout(&request(Path::new("out"), &[], &none, &side)).unwrap_err();
    assert!(e.to_string().contains("is not inside the model's folder"), "{e}");
}

#[test]
fn every_tensor_is_where_the_layout_says_in_both_formats_at_every_alignment() {
    let tensors = [
        tensor("z.u8", &[5], DType::U8),
        tensor("b.half", &[3, 3], DType::BF16),
        tensor("a.half", &[1], DType::BF16),
        tensor("scalar", &[], DType::F32),
        tensor("wide", &[2, 2, 2, 2], DType::F64),
        tensor("none", &[0, 4], DType::F32),
        tensor("q", &[2, 64], BlockType::Q4_0),
    ];
    let dir = tempfile::tempdir().unwrap();
    let side = Sidecars::default();
    let check = |path: &Path, tensors: &[LayoutTensor], metadata: &Metadata, gguf: bool| -> Model {
        let req = request(path, tensors, metadata, &side);
        let layout = if gguf { formats::gguf::layout } else { formats::safetensors::layout };
        let plans = layout(&req).unwrap();
        let entries = entries(tensors);
        write(&plans[0], &entries);
        if gguf {
            #[cfg(feature = "verify-gguf-rs")]
            assert_eq!(formats::gguf::verify(path, &plans[0], &req).unwrap(), []);
        } else {
            formats::safetensors::verify(path, &plans[0], &req).unwrap();
        }
        let model = formats::open(path).unwrap();
        assert_eq!(model.tensors.len(), tensors.len());
        for e in &entries {
            assert_eq!(model.tensor(&e.name).unwrap().read_all().unwrap(), e.read_all().unwrap(), "{}", e.name);
        }
        model
    };
    let gguf_able: Vec<_> = tensors.iter().filter(|t| !["none", "z.u8"].contains(&&*t.name)).cloned().collect();
    for alignment in [1u32, 2, 8, 32, 64, 4096] {
        let metadata = [("general.alignment".to_owned(), MetaValue::U32(alignment))].into_iter().collect();
        let model = check(&dir.path().join("a.gguf"), &gguf_able, &metadata, true);
        assert!(model.tensors.iter().map(|t| &t.name).eq(gguf_able.iter().map(|t| &t.name)), "order is kept");
    }
    let st_able: Vec<_> = tensors.iter().filter(|t| t.name != "q").cloned().collect();
    let model = check(&dir.path().join("a.safetensors"), &st_able, &Metadata::new(), false);
    let names: Vec<_> = model.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["wide", "none", "scalar", "a.half", "b.half", "z.u8"], "widest first, then by name");
}

#[test]
fn metadata_of_a_file_and_of_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = [tensor("w", &[2], DType::F32)];
    let side = Sidecars([("sub/config.json".to_owned(), Sidecar::Bytes(b"{}".to_vec()))].into_iter().collect());
    let open = |path: &Path, metadata: &Metadata| {
        let plans = formats::safetensors::layout(&request(path, &tensors, metadata, &side)).unwrap();
        plans.iter().for_each(|p| write(p, &entries(&tensors)));
        formats::open(path).unwrap().metadata
    };
    assert!(open(&dir.path().join("a.safetensors"), &Metadata::new()).is_empty());
    let folder = dir.path().join("folder");
    assert_eq!(open(&folder, &Metadata::new())["format"], MetaValue::from("pt"));
    assert_eq!(fs::read(folder.join("sub/config.json")).unwrap(), b"{}");
    let given = [("n".to_owned(), MetaValue::I32(-5)), ("s".to_owned(), "ä\"\n".into())].into_iter().collect();
    let seen = open(&dir.path().join("b.safetensors"), &given);
    assert_eq!((&seen["n"], &seen["s"]), (&MetaValue::from("-5"), &MetaValue::from("ä\"\n")));
}

#[test]
fn shards_follow_the_rule_of_huggingface_hub() {
    let tensors = [
        tensor("a", &[10], DType::U8),
        tensor("big", &[100], DType::U8),
        tensor("b", &[10], DType::U8),
        tensor("c", &[10], DType::U8),
        tensor("d", &[15], DType::U8),
    ];
    let (none, side) = (Metadata::new(), Sidecars::default());
    let mut req = request(Path::new("d/m.safetensors"), &tensors, &none, &side);
    req.split = Split::Bytes(30);
    let plans = formats::safetensors::layout(&req).unwrap();
    let shown: Vec<_> = plans
        .iter()
        .map(|p| {
            let names: Vec<_> = p.slots.iter().map(|s| tensors[s.tensor].name.as_str()).collect();
            format!("{} {}", p.path.display(), names.join(" "))
        })
        .collect();
    let expected = [
        "d/m-00001-of-00003.safetensors big",
        "d/m-00002-of-00003.safetensors a b c",
        "d/m-00003-of-00003.safetensors d",
        "d/m.safetensors.index.json ",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn the_second_reader_of_safetensors_notices_what_was_not_planned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    let tensors = [tensor("aa", &[2, 3], DType::F16), tensor("bb", &[6], DType::F16)];
    let (none, side) = (Metadata::new(), Sidecars::default());
    let req = request(&path, &tensors, &none, &side);
    let plan = &formats::safetensors::layout(&req).unwrap()[0];
    write(plan, &entries(&tensors));
    let good = fs::read(&path).unwrap();
    let edits = [("aa", "ab"), ("F16", "I16"), ("[2,3]", "[3,2]"), ("[0,12]", "[0,11]"), ("bb", "aa"), ("{", "[")];
    for (from, to) in edits {
        let at = good.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bad = good.clone();
        bad[at..at + from.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, bad).unwrap();
        assert!(formats::safetensors::verify(&path, plan, &req).is_err(), "{from} to {to}");
    }
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(formats::safetensors::verify(&path, plan, &req).is_err());
    fs::write(&path, &good).unwrap();
    formats::safetensors::verify(&path, plan, &req).unwrap();
}

/// Each part is a text, then a little-endian number of so many bytes.
fn bytes(parts: &[(&str, u64, usize)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (text, number, width) in parts {
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&number.to_le_bytes()[..*width]);
    }
    out
}

#[test]
fn the_headers_are_these_bytes() {
    let side = Sidecars::default();
    let metadata: Metadata =
        [("a.b".to_owned(), MetaValue::from("xy")), ("n".to_owned(), MetaArray::U32(vec![7, 8]).into())]
            .into_iter()
            .collect();
    let tensors = [tensor("w", &[2, 32], BlockType::Q8_0), tensor("v", &[3], DType::F32)];
    let plan = &formats::gguf::layout(&request(Path::new("m.gguf"), &tensors, &metadata, &side)).unwrap()[0];
    let expected = bytes(&[
        ("GGUF", 3, 4),
        ("", 2, 8),
        ("", 2, 8),
        ("", 3, 8),
        ("a.b", 8, 4),
        ("", 2, 8),
        ("xy", 1, 8),
        ("n", 9, 4),
        ("", 4, 4),
        ("", 2, 8),
        ("", 7, 4),
        ("", 8, 4),
        ("", 1, 8),
        ("w", 2, 4),
        ("", 32, 8),
        ("", 2, 8),
        ("", 8, 4),
        ("", 0, 8),
        ("", 1, 8),
        ("v", 1, 4),
        ("", 3, 8),
        ("", 0, 4),
        ("", 96, 8),
    ]);
    assert_eq!(plan.fixed, [(0, expected.clone())]);
    let data = (expected.len() as u64).next_multiple_of(32);
    assert_eq!(plan.slots.iter().map(|s| (s.offset, s.bytes)).collect::<Vec<_>>(), [(data, 68), (data + 96, 12)]);
    assert_eq!(plan.bytes, data + 128, "the last tensor is padded too");

    let tensors = [tensor("b", &[3], DType::U8), tensor("a", &[1, 2], DType::F16)];
    let none = Metadata::new();
    let plans = formats::safetensors::layout(&request(Path::new("folder"), &tensors, &none, &side)).unwrap();
    let json = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}"#;
    let padded = format!("{json:<width$}", width = json.len().next_multiple_of(8));
    assert_eq!(plans[0].fixed, [(0, bytes(&[("", padded.len() as u64, 8), (&padded, 0, 0)]))]);
    assert_eq!(plans[0].path, Path::new("folder/model.safetensors"));
    assert_eq!(plans[0].bytes, 8 + padded.len() as u64 + 7);
}
