//! Real files open.

use crate::support::{material, walk};
use remold::testing::formats;
use remold::testing::model::{FormatId, MetaValue};

#[test]
fn every_safetensors_and_gguf_file_opens() {
    let mut failed = Vec::new();
    let mut seen = 0;
    for dir in ["safetensors", "gguf", "hf"] {
        let Some(dir) = material(dir) else { continue };
        for path in walk(&dir) {
            if path.extension().is_some_and(|e| e == "safetensors" || e == "gguf") {
                seen += 1;
                match formats::open(&path) {
                    Err(e) => failed.push(format!("{e}")),
                    Ok(model) => {
                        for t in &model.tensors {
                            if let Err(e) = t.read(t.rows() - 1..t.rows()) {
                                failed.push(format!("{}: {e}", t.name));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    eprintln!("{seen} files opened");
}

#[test]
fn gguf_of_every_kind_of_value_type_and_byte_order() {
    let Some(dir) = material("gguf/synthetic") else { return };
    let types = formats::open(&dir.join("types.gguf")).unwrap();
    assert_eq!((types.metadata.len(), types.tensors.len()), (16, 16));
    assert_eq!(types.format, FormatId::Gguf);

    let be = formats::open(&dir.join("be.gguf")).unwrap();
    assert_eq!(be.warnings[0].code, "gguf.big-endian");
    assert_eq!(be.metadata["llama.block_count"], MetaValue::U32(1));
    let le = formats::open(&dir.join("align128.gguf")).unwrap();
    assert_eq!(le.metadata["general.alignment"], MetaValue::U32(128));
    for (b, l) in be.tensors.iter().zip(&le.tensors) {
        assert_eq!(b.read_all().unwrap(), l.read_all().unwrap(), "the same values in both byte orders");
    }

    let a = formats::open(&dir.join("split-00001-of-00002.gguf")).unwrap();
    let b = formats::open(&dir.join("split-00002-of-00002.gguf")).unwrap();
    let names = |m: &remold::testing::model::Model| m.tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&a), ["a", "b"]);
    assert_eq!(names(&a), names(&b));
    assert_eq!(a.metadata, b.metadata);
    assert!(!a.metadata.keys().any(|k| k.starts_with("split.")));
}
