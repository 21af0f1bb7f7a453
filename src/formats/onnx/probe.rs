//! Recognizes ONNX by the top-level fields of `ModelProto`: 1 ir_version … 7 graph.

use crate::formats::protobuf::{HeadField, HeadFields};
use crate::formats::{Head, Verdict};

/// Checks the first bytes of a file.
pub(super) fn probe(head: &Head<'_>) -> Verdict {
    // A file that was cut ends inside of its graph.
    let begins = matches!(HeadFields::new(head).next(), Some(Some(HeadField { number: 1, varint: Some(1..=100), .. })));
    match (is_onnx(head), begins) {
        (true, _) => Verdict::Strong,
        (false, true) => Verdict::Weak,
        (false, false) => Verdict::No,
    }
}

fn is_onnx(head: &Head<'_>) -> bool {
    let mut version = false;
    for field in HeadFields::new(head) {
        match field {
            Some(HeadField { number: 1, varint: Some(1..=100), .. }) => version = true,
            Some(HeadField { number: 7, varint: None, len }) => return version && len > 2,
            Some(HeadField { number: 2..=6 | 8..=25, .. }) => {}
            _ => return false,
        }
    }
    false
}
