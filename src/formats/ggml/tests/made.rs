//! Small files of every header, made by the tests: the layout is written down a second time here.

use super::super::family::{FAMILIES, Family, Field, Vocabulary};
use super::super::{open, open_alone};
use crate::model::{FormatId, MetaArray, MetaValue};
use crate::quant::Encoding;
use crate::tensor::DType;
use std::path::Path;

/// A file under construction.
#[derive(Default)]
pub(super) struct File(pub Vec<u8>);

impl File {
    pub(super) fn ints(mut self, ints: &[i32]) -> Self {
        ints.iter().for_each(|n| self.0.extend(n.to_le_bytes()));
        self
    }

    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self = self.ints(&[text.len() as i32]);
        self.0.extend(text);
        self
    }

    /// A tensor whose bytes count up; `ne`: innermost first.
    pub(super) fn tensor(self, name: &str, code: i32, ne: &[i32], bytes: usize, aligned: bool) -> Self {
        self.tensor_of(name, code, ne, &(0..bytes).map(|i| (i % 60) as u8).collect::<Vec<_>>(), aligned)
    }

    pub(super) fn tensor_of(mut self, name: &str, code: i32, ne: &[i32], bytes: &[u8], aligned: bool) -> Self {
        self = self.ints(&[ne.len() as i32, name.len() as i32, code]).ints(ne);
        self.0.extend(name.as_bytes());
        while aligned && !self.0.len().is_multiple_of(32) {
            self.0.push(0);
        }
        self.0.extend(bytes);
        self
    }
}

/// A LLaMA header with two tokens.
pub(super) fn llama(magic: &[u8; 4], version: Option<i32>, embd: i32, ftype: i32) -> File {
    let mut f = File(magic.to_vec());
    if let Some(version) = version {
        f = f.ints(&[version]);
    }
    f = f.ints(&[2, embd, 32, 2, 1, embd / 2, ftype]);
    for token in [&b"a"[..], b" bc"] {
        f = f.text(token);
        if version.is_some() {
            f = f.ints(&[0]);
        }
    }
    f
}

fn header(family: &Family) -> File {
    let container = family.containers[0];
    let magic = match container.name() {
        "ggml" => *b"lmgg",
        "ggmf" => *b"fmgg",
        "ggjt" => *b"tjgg",
        _ => *b"ccgg",
    };
    let mut f = File(magic.to_vec());
    if let Some(version) = container.version() {
        f = f.ints(&[version as i32]);
    }
    for field in family.fields {
        f = match field {
            Field::Int("ftype") => f.ints(&[1]),
            Field::Int(_) => f.ints(&[3]),
            Field::Float(_) => f.ints(&[1.5f32.to_bits() as i32]),
        };
    }
    let tokens = |mut f: File, scored: bool| {
        for token in [&b"x"[..], b"", b"\xff yz"] {
            f = f.text(token);
            if scored {
                f = f.ints(&[(-1f32).to_bits() as i32]);
            }
        }
        f
    };
    match family.vocabulary {
        Vocabulary::Plain => tokens(f, false),
        Vocabulary::Scored => tokens(f, true),
        Vocabulary::Counted => tokens(f.ints(&[3]), false),
        Vocabulary::AfterFilters => tokens(f.ints(&[1, 2, 0, 0, 3]), false),
        Vocabulary::WithMerges => tokens(f.ints(&[1]), true).ints(&[1]).text(b"x").text(b"y"),
    }
}

pub(super) fn opened(name: &str, bytes: &[u8]) -> crate::model::Result<crate::model::Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    open(&path)
}

#[test]
fn every_header_is_told_from_the_others() {
    for family in FAMILIES {
        let aligned = family.containers[0].aligned();
        let anchor = format!("{}{}", family.anchor, if family.anchor.ends_with(".weight") { "" } else { ".x" });
        let file = header(family).tensor(&anchor, 1, &[6, 2], 24, aligned).tensor("b", 0, &[3], 12, aligned);
        let model = opened("m.bin", &file.0).unwrap_or_else(|e| panic!("{}: {e}", family.name));
        assert_eq!(model.format, FormatId::Ggml);
        assert_eq!(model.metadata["ggml.family"].as_str(), Some(family.name));
        assert_eq!(model.metadata["ggml.container"].as_str(), Some(family.containers[0].name()));
        let MetaValue::Array(MetaArray::Str(tokens)) = &model.metadata["ggml.tokens"] else { panic!() };
        assert_eq!(tokens, &[&b"x"[..], b"", b"\xff yz"]);
        assert_eq!(model.tensors[0].shape.0, [2, 6]);
        assert_eq!(model.tensors[0].encoding, Encoding::Plain(DType::F16));
        assert_eq!(model.tensors[1].read_all().unwrap(), (0..12).collect::<Vec<u8>>());
    }
}

#[test]
fn adapters_and_voice_detectors_have_no_vocabulary() {
    let file = File(b"algg".to_vec()).ints(&[1, 4, 8]).tensor("a.weight.loraA", 0, &[4, 2], 32, true);
    let model = opened("ggml-adapter-model.bin", &file.0).unwrap();
    assert_eq!(model.metadata["ggml.family"].as_str(), Some("lora"));
    assert_eq!(model.metadata["ggml.lora_alpha"], MetaValue::I32(8));
    let file = File(b"lmgg".to_vec()).text(b"silero-16k").ints(&[6, 2, 0, 512, 64, 1, 4, 4, 3, 8, 8, 8, 1]);
    let model = opened("s.bin", &file.tensor("_model.scale", 0, &[], 4, false).0).unwrap();
    assert_eq!(model.metadata["ggml.encoder.0.kernel"], MetaValue::I32(3));
    assert_eq!(model.tensors[0].shape.rank(), 0);
}

#[test]
fn parts_are_joined_whichever_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (i, name) in ["m.bin", "m.bin.1"].into_iter().enumerate() {
        let values: Vec<u8> = (0..64 * 2).flat_map(|k| ((i * 1000 + k) as f32).to_le_bytes()).collect();
        let file = llama(b"fmgg", Some(1), 128, 0)
            .tensor_of("tok_embeddings.weight", 0, &[64, 2], &values, false)
            .tensor_of("layers.0.attention.wq.weight", 0, &[128, 1], &values, false)
            .tensor_of("norm.weight", 0, &[128], &values, false);
        std::fs::write(folder.path().join(name), file.0).unwrap();
    }
    for name in ["m.bin", "m.bin.1"] {
        let model = open(&folder.path().join(name)).unwrap();
        assert_eq!(model.files.len(), 2, "{name}");
        let shapes: Vec<&[u64]> = model.tensors.iter().map(|t| &t.shape.0[..]).collect();
        assert_eq!(shapes, [&[2, 128][..], &[2, 128], &[128]]);
        let value = |t: usize, at: usize| {
            f32::from_le_bytes(*model.tensors[t].read_all().unwrap()[4 * at..].first_chunk().unwrap())
        };
        assert_eq!((value(0, 63), value(0, 64), value(0, 128)), (63., 1000., 64.));
        assert_eq!((value(1, 127), value(1, 128), value(2, 5)), (127., 1000., 5.));
    }
    assert_eq!(open_alone(&folder.path().join("m.bin")).unwrap().tensors[0].shape.0, [2, 64]);
    std::fs::remove_file(folder.path().join("m.bin.1")).unwrap();
    let e = open(&folder.path().join("m.bin")).unwrap_err();
    assert!(e.to_string().contains("m.bin.1") && e.to_string().contains("1 of 2"), "{e}");
}

#[test]
fn an_extension_decides_nothing() {
    let file = llama(b"lmgg", None, 64, 1).tensor("tok_embeddings.weight", 1, &[64, 2], 256, false);
    assert!(opened("model", &file.0).is_ok());
    assert!(open(Path::new("/nonexistent/ggml.bin")).is_err());
}
