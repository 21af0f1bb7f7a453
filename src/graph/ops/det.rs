//! `Det`.

use super::{Call, Infer, Operator, Out, Outs, Version};

/// Schemas: ONNX 1.23, `Det`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Det",
    versions: &[
        Version { since: 11, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let shape = c.shape(0).and_then(|s| s.split_last_chunk::<2>()).map(|(batch, _)| batch.to_vec());
    Ok(vec![Out { shape, ..Out::default() }])
}
