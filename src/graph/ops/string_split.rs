//! `StringSplit`.

use super::{Call, Infer, Operator, Out, Outs, Version, rules};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `StringSplit`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringSplit",
    versions: &[Version {
        since: 20,
        inputs: "X: T1",
        outputs: "Y: T2, Z: T3",
        types: "T1 = string; T2 = string; T3 = i64",
        attributes: "delimiter: text, maxsplit: int",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let split = c.shape(0).map(|s| s.iter().cloned().chain([Dim::Unknown]).collect());
    Ok(vec![Out { shape: split, ..Out::default() }, rules::same(c)?.remove(0)])
}
