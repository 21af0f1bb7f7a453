//! Formats that are recognized by their bytes so that an error can name them, and are neither read nor written.
//!
//! Signatures: ggml's magic numbers of 2022–2023 (llama.cpp and whisper.cpp history), the FlatBuffers file identifiers `ORTM`
//! (ONNX Runtime's `ort.fbs`) and `TFL3` (TensorFlow Lite's `schema.fbs`), and for the two Protocol Buffers formats, which have
//! no magic number, the top-level fields of `onnx.proto` (1 ir_version … 7 graph) and `saved_model.proto` (1 version, 2 graphs).

use super::{FormatSpec, Head, Verdict};
use crate::model::FormatId;

macro_rules! recognised {
    ($($(#[$doc:meta])* $spec:ident = $id:ident, $badge:literal, $noun:literal, $about:literal, $aliases:expr, $ext:expr, $probe:ident;)*) => {
        $($(#[$doc])*
        pub(crate) static $spec: FormatSpec = FormatSpec {
            id: FormatId::$id,
            about: $about,
            aliases: $aliases,
            badge: $badge,
            noun: $noun,
            extensions: $ext,
            rare_extensions: &[],
            probe: |head| if $probe(head) { Verdict::Strong } else { Verdict::No },
            read: None,
            write: None,
        };)*
    };
}

recognised! {
    /// ggml's files before GGUF.
    GGML = Ggml, "ggml", "a ggml file from before GGUF", "ggml's files before GGUF: whisper.cpp, early llama.cpp", &[], &["ggml", "bin"], ggml;
    /// ONNX.
    ONNX = Onnx, "onnx", "an ONNX model", "operator graphs for ONNX Runtime and others", &[], &["onnx"], onnx;
    /// ONNX Runtime's own format.
    ORT = Ort, "ort", "an ONNX Runtime (ORT) model", "ONNX Runtime's format for mobile", &["onnxruntime"], &["ort"], ort;
    /// TensorFlow Lite.
    TFLITE = Tflite, "tfl", "a TensorFlow Lite model", "operator graphs for LiteRT", &[], &["tflite"], tflite;
    /// TensorFlow's SavedModel and frozen graphs.
    SAVEDMODEL = Savedmodel, "tf", "a TensorFlow graph", "TensorFlow's folders and frozen graphs", &["tensorflow", "tf", "saved_model"], &["pb"], savedmodel;
}

fn ggml(head: &Head<'_>) -> bool {
    // The magics ggml, ggmf, ggjt and ggla as little-endian numbers.
    [b"lmgg", b"fmgg", b"tjgg", b"algg"].iter().any(|m| head.bytes.starts_with(*m))
}

fn ort(head: &Head<'_>) -> bool {
    head.bytes.get(4..8) == Some(b"ORTM")
}

fn tflite(head: &Head<'_>) -> bool {
    head.bytes.get(4..8) == Some(b"TFL3")
}

fn onnx(head: &Head<'_>) -> bool {
    let mut version = false;
    for field in Fields::new(head) {
        match field {
            Some(Field { number: 1, varint: Some(1..=100), .. }) => version = true,
            Some(Field { number: 7, varint: None, len }) => return version && len > 2,
            Some(Field { number: 2..=6 | 8..=25, .. }) => {}
            _ => return false,
        }
    }
    false
}

fn savedmodel(head: &Head<'_>) -> bool {
    if head.path.file_name().is_some_and(|n| n == "saved_model.pb") {
        return head.bytes.starts_with(&[8, 1, 0x12]);
    }
    // A frozen GraphDef: nodes (field 1), each beginning with its name (field 1 of the node).
    let named = head.path.extension().is_some_and(|e| e == "pb");
    let mut fields = Fields::new(head);
    named && matches!(fields.next(), Some(Some(Field { number: 1, varint: None, len: 3.. }))) && head.bytes.len() > 16
}

/// One top-level Protocol Buffers field.
#[derive(Clone, Copy, Debug)]
struct Field {
    number: u64,
    /// The value, for integers.
    varint: Option<u64>,
    /// Bytes of the contents, for the rest.
    len: u64,
}

/// The top-level fields as far as the head contains them; `None` for anything that is not a field, then the end.
struct Fields<'a> {
    rest: &'a [u8],
    /// Bytes of the file from the start of `rest`.
    left: u64,
}

impl<'a> Fields<'a> {
    fn new(head: &Head<'a>) -> Self {
        Self { rest: head.bytes, left: head.len }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for (i, &byte) in self.rest.iter().take(9).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                self.left = self.left.saturating_sub(i as u64 + 1);
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<Field> {
        let tag = self.varint()?;
        let number = tag >> 3;
        match tag & 7 {
            0 => Some(Field { number, varint: Some(self.varint()?), len: 0 }),
            2 => {
                let len = self.varint()?;
                if len > self.left {
                    return None;
                }
                self.left -= len;
                self.rest = self.rest.get(usize::try_from(len).ok()?..).unwrap_or_default();
                Some(Field { number, varint: None, len })
            }
            _ => None,
        }
    }
}

impl Iterator for Fields<'_> {
    type Item = Option<Field>;

    fn next(&mut self) -> Option<Option<Field>> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}
