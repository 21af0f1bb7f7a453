//! Formats that are recognized by their bytes so that an error can name them, and are neither read nor written.
//!
//! Signatures: the FlatBuffers file identifiers `ORTM`
//! (ONNX Runtime's `ort.fbs`) and `TFL3` (TensorFlow Lite's `schema.fbs`), and for TensorFlow's Protocol Buffers, which
//! have no magic number, the top-level fields of `saved_model.proto` (1 version, 2 graphs).

use super::protobuf::{HeadField, HeadFields};
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
    /// ONNX Runtime's own format.
    ORT = Ort, "ort", "an ONNX Runtime (ORT) model", "ONNX Runtime's format for mobile", &["onnxruntime"], &["ort"], ort;
    /// TensorFlow Lite.
    TFLITE = Tflite, "tfl", "a TensorFlow Lite model", "operator graphs for LiteRT", &[], &["tflite"], tflite;
    /// TensorFlow's SavedModel and frozen graphs.
    SAVEDMODEL = Savedmodel, "tf", "a TensorFlow graph", "TensorFlow's folders and frozen graphs", &["tensorflow", "tf", "saved_model"], &["pb"], savedmodel;
}

fn ort(head: &Head<'_>) -> bool {
    head.bytes.get(4..8) == Some(b"ORTM")
}

fn tflite(head: &Head<'_>) -> bool {
    head.bytes.get(4..8) == Some(b"TFL3")
}

fn savedmodel(head: &Head<'_>) -> bool {
    if head.path.file_name().is_some_and(|n| n == "saved_model.pb") {
        return head.bytes.starts_with(&[8, 1, 0x12]);
    }
    // A frozen GraphDef: nodes (field 1), each beginning with its name (field 1 of the node).
    let named = head.path.extension().is_some_and(|e| e == "pb");
    let mut fields = HeadFields::new(head);
    named
        && matches!(fields.next(), Some(Some(HeadField { number: 1, varint: None, len: 3.. })))
        && head.bytes.len() > 16
}
