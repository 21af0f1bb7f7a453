//! Which format a file is said to have.

use crate::support::{material, walk};
use remold::testing::formats;
use remold::testing::model::{ErrorKind, FormatId};
use std::fs;

#[test]
fn files_of_other_formats_are_named_not_read() {
    let cases = [
        ("ort", FormatId::Ort, &["ort"][..]),
        ("tflite", FormatId::Tflite, &["tflite"][..]),
        ("savedmodel", FormatId::Savedmodel, &["pb"][..]),
        ("tf-frozen", FormatId::Savedmodel, &["pb"][..]),
    ];
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (dir, id, extensions) in cases {
        let Some(dir) = material(dir) else { continue };
        for path in walk(&dir) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            // Single test tensors and fingerprints are not models.
            if !extensions.contains(&ext) || name.contains("_output_") || name == "fingerprint.pb" {
                continue;
            }
            seen += 1;
            let e = formats::open(&path).unwrap_err();
            if e.kind() != ErrorKind::Unsupported
                || e.format() != Some(id)
                || !e.to_string().contains("not supported yet")
            {
                wrong.push(format!("{:?} {:?} {e}", e.kind(), e.format()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    eprintln!("{seen} files recognised");
}

#[test]
fn bytes_beat_names() {
    let dir = tempfile::tempdir().unwrap();
    let cases =
        [("gguf/synthetic/types.gguf", FormatId::Gguf), ("hf/tiny-llama/model.safetensors", FormatId::Safetensors)];
    for (name, id) in cases {
        let Some(path) = material(name) else { continue };
        for wrong in ["a.safetensors", "a.gguf", "a.bin", "a.onnx", "a"] {
            let to = dir.path().join(wrong);
            fs::copy(&path, &to).unwrap();
            assert_eq!(formats::open(&to).unwrap().format, id, "{wrong}");
        }
    }
}

#[test]
fn what_failed_downloads_leave_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    for (name, text, expected) in [
        ("model.safetensors", lfs, "this is a Git LFS pointer, not the file itself"),
        ("m.gguf", "\n<!DOCTYPE html><html>", "this is a web page, not a model file"),
        ("m.gguf", "Entry not found", "this is an error message from a server, not a model file: \"Entry not found\""),
        ("m.gguf", "Empty words", "begins with \"Empt\", not with GGUF"),
        ("config.json", "{\"a\": 1}", "not a known model format; the file begins with 7b 22 61 22"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        let e = formats::open(&path).unwrap_err();
        assert!(e.to_string().contains(expected), "{e}");
        assert!(e.hint().is_some() || name == "m.gguf", "{e}");
    }
}
